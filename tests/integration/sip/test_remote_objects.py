"""Endpoints that are not in memory: the request waits for them, and its retransmissions are not answered twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer
from twisted.internet.task import deferLater

from pbx.config.options import ConfigObject, Schema, schema_of
from pbx.pjsip.objects import Aor, Auth, Endpoint
from pbx.security_events import SuccessfulAuth
from pbx.server import Server
from pbx.sorcery import RemoteWizard
from pbx.testing.sip_half import PJSIP_CONF, RawPhone, SipHalf

ensure = pytest_twisted.ensureDeferred

STORED: dict[tuple[type[ConfigObject], str], list[tuple[str, str]]] = {
    (Endpoint, "rose"): [("aors", "rose"), ("auth", "rose")],
    (Auth, "rose"): [("username", "rose"), ("password", "thorn")],
    (Aor, "rose"): [("max_contacts", "1")],
}


class SlowWizard(RemoteWizard[Any]):
    """Answers after some turns of the reactor."""

    def __init__(self, schema: Schema[Any], reactor: Any) -> None:
        super().__init__(schema)
        self._reactor = reactor

    async def fetch(self, object_id: str) -> Any:
        await deferLater(self._reactor, 0.01)
        fields = STORED.get((self.schema.kind, object_id))
        return None if fields is None else schema_of(self.schema.kind).build(object_id, fields)

    async def fetch_all(self) -> Sequence[Any]:
        return []


@pytest.fixture
def sip(tmp_path: Path) -> Iterator[SipHalf]:
    """The SIP half whose endpoints, auths and addresses of record may be elsewhere."""
    from twisted.internet import reactor

    def prepare(server: Server) -> None:
        server.sorcery.register_wizard("slow", lambda schema, data: SlowWizard(schema, reactor))

    half = SipHalf(tmp_path, PJSIP_CONF, reactor, prepare)
    lines = [f"{kind}=config,pjsip.conf,criteria=type={kind}\n{kind}=slow" for kind in ("endpoint", "auth", "aor")]
    half.write("sorcery.conf", "\n".join(["[res_pjsip]", *lines]))
    pytest_twisted.blockon(defer.ensureDeferred(half.start()))
    yield half
    pytest_twisted.blockon(defer.ensureDeferred(half.stop()))


@ensure
async def test_a_phone_kept_elsewhere_registers(sip: SipHalf, phone: RawPhone) -> None:
    events = sip.events(SuccessfulAuth)
    ok = await phone.ask_with_password("REGISTER", "thorn", user="rose", contacts=("<sip:rose@127.0.0.1:6000>",))
    assert ok.status_code == 200
    assert (ok.headers.get("Contact") or "").startswith("<sip:rose@127.0.0.1:6000>;expires=")
    assert len(events) == 1
    assert (await phone.ask_with_password("REGISTER", user="alice")).status_code == 200
    assert (await phone.ask_with_password("REGISTER", user="weed")).status_code == 401


@ensure
async def test_retransmissions_meanwhile_are_swallowed(sip: SipHalf, phone: RawPhone) -> None:
    raw = phone.request("OPTIONS", user="rose")
    for _ in range(3):
        phone.listener.write(raw, ("127.0.0.1", sip.port()))
    assert (await phone.send(raw)).status_code == 401
    await deferLater(sip.server.reactor, 0.1)
    assert len(phone.received) == 1

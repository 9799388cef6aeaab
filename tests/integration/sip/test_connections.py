"""Registrations over TCP: the contact that only its connection reaches goes with it."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from pbx.pjsip.events import ContactState, ContactStatus
from pbx.pjsip.location import Location
from pbx.pjsip.message import SipMessage
from pbx.testing.sip_half import RawPhone, SipHalf, answer, nonce_of

ensure = pytest_twisted.ensureDeferred

TCP_PHONE = """
[dora](phone)
auth=dora
aors=dora
rewrite_contact=yes
[dora]
type=auth
username=dora
password=explorer
[dora]
type=aor
max_contacts=2
"""


class Connection(Protocol):
    """One TCP connection to the server."""

    def __init__(self) -> None:
        self.waiting: defer.Deferred[SipMessage] | None = None
        self.closed: defer.Deferred[None] = defer.Deferred()

    def dataReceived(self, data: bytes) -> None:
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            waiting.callback(SipMessage(data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)

    def ask(self, raw: bytes, reactor: Any) -> defer.Deferred[SipMessage]:
        assert self.transport is not None
        self.waiting = defer.Deferred()
        self.transport.write(raw.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
        return self.waiting.addTimeout(5, reactor)


@pytest.mark.parametrize("extra_conf", [TCP_PHONE])
@ensure
async def test_the_contact_goes_with_its_connection(sip: SipHalf, phone: RawPhone) -> None:
    reactor = sip.server.reactor
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", sip.port("tcp"))
    connection = await connectProtocol(endpoint, Connection())  # type: ignore[no-untyped-call]
    contacts = ("<sip:dora@10.0.0.1:5070;transport=tcp>", "<sip:dora@198.51.100.1;transport=tcp>;q=0.5")
    challenge = await connection.ask(phone.request("REGISTER", user="dora", contacts=contacts[:1]), reactor)
    credentials = answer("REGISTER", "dora", "explorer", nonce_of(challenge))
    raw = phone.request("REGISTER", user="dora", contacts=contacts[:1], authorization=credentials)
    ok = await connection.ask(raw, reactor)
    assert ok.status_code == 200
    assert (ok.headers.get("Contact") or "").startswith("<sip:dora@10.0.0.1:5070;transport=tcp>;expires=")
    location = sip.server.require(Location)
    (contact,) = location.registered("dora")
    local = connection.transport.getHost()
    assert contact.uri == f"sip:dora@127.0.0.1:{local.port};x-ast-orig-host=10.0.0.1:5070;transport=tcp"
    assert contact.prune_on_boot
    gone: defer.Deferred[None] = defer.Deferred()
    sip.server.bus.subscribe(
        ContactStatus, lambda status: gone.callback(None) if status.state is ContactState.REMOVED else None
    )
    connection.transport.loseConnection()
    await gone.addTimeout(5, reactor)
    await connection.closed
    assert location.registered("dora") == []
    assert not location.is_online("dora")

"""Qualify: OPTIONS to contacts over real sockets."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import defer
from twisted.internet.task import deferLater

from pbx.pjsip.events import ContactState, ContactStatus, EndpointStateChanged
from pbx.pjsip.location import Location
from pbx.pjsip.qualify import Qualifier
from pbx.testing.sip_half import RawPhone, SipHalf

ensure = pytest_twisted.ensureDeferred

QUICK = """
[carol](phone)
auth=carol
aors=carol
[carol]
type=auth
username=carol
password=wonderland
[carol]
type=aor
max_contacts=1
qualify_frequency=1
qualify_timeout=0.3
"""


def answer_options(phone: RawPhone, code: int) -> None:
    """Let the phone answer each OPTIONS."""
    original = phone.datagramReceived

    def received(datagram: bytes, addr: object) -> None:
        if not datagram.startswith(b"OPTIONS"):
            original(datagram, addr)
            return
        if code:
            kept = [
                line
                for line in datagram.split(b"\r\n")
                if line.startswith((b"Via", b"From", b"To", b"Call-ID", b"CSeq"))
            ]
            kept = [line + b";tag=x" if line.startswith(b"To") else line for line in kept]
            head = b"SIP/2.0 %d Whatever" % code
            phone.listener.write(b"\r\n".join([head, *kept, b"Content-Length: 0", b"", b""]), addr)

    phone.datagramReceived = received  # type: ignore[method-assign]


def next_status(sip: SipHalf, state: ContactState) -> defer.Deferred[ContactStatus]:
    waiting: defer.Deferred[ContactStatus] = defer.Deferred()

    def seen(status: ContactStatus) -> None:
        if status.state is state and not waiting.called:
            waiting.callback(status)

    sip.server.bus.subscribe(ContactStatus, seen)
    return waiting.addTimeout(5, sip.server.reactor)


@pytest.mark.parametrize("extra_conf", [QUICK])
@ensure
async def test_a_phone_that_answers_and_then_does_not(sip: SipHalf, phone: RawPhone) -> None:
    answer_options(phone, 404)
    states = sip.events(EndpointStateChanged)
    reachable = next_status(sip, ContactState.REACHABLE)
    contact = f"<sip:carol@127.0.0.1:{phone.port}>"
    assert (await phone.ask_with_password("REGISTER", user="carol", contacts=(contact,))).status_code == 200
    status = await reachable
    assert (status.aor, status.endpoint) == ("carol", "carol")
    assert status.roundtrip_microseconds
    location = sip.server.require(Location)
    assert len(location.contacts("carol")) == 1
    assert "Avail" in await sip.cli("pjsip show contacts")
    unreachable = next_status(sip, ContactState.UNREACHABLE)
    answer_options(phone, 0)
    await unreachable
    await deferLater(sip.server.reactor, 0)
    assert [(each.endpoint, each.online) for each in states] == [("carol", True), ("carol", False)]
    assert not location.is_online("carol")
    again = next_status(sip, ContactState.REACHABLE)
    answer_options(phone, 200)
    assert "Sending qualify to all contacts on endpoint carol" in await sip.cli("pjsip qualify carol")
    await again
    assert location.is_online("carol")


@ensure
async def test_nothing_is_asked_without_a_frequency(sip: SipHalf) -> None:
    assert sip.server.require(Qualifier).scheduled == 0

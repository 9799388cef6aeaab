"""Names with several servers: what one does not answer, or refuses with 503, goes to the next (RFC 3263 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet import defer
from twisted.names import dns

from pbx.core.dial import Destination, Dial, DialOptions
from pbx.pjsip.out_of_dialog import OutOfDialogRequest, Requests


class Zone:
    """``pbx.example`` on two ports of the loopback address, the first preferred."""

    def __init__(self, *ports: int) -> None:
        self._ports = ports

    def lookupService(self, name: str, timeout: object = None) -> defer.Deferred[Any]:
        if not name.startswith("_sip._udp"):
            return defer.succeed(([], [], []))
        records: list[Any] = [
            dns.RRHeader(name, dns.SRV, payload=dns.Record_SRV(place, 0, port, "host.example"))  # type: ignore[no-untyped-call]
            for place, port in enumerate(self._ports)
        ]
        return defer.succeed((records, [], []))

    def lookupAddress(self, name: str, timeout: object = None) -> defer.Deferred[Any]:
        record: Any = dns.RRHeader(name, dns.A, payload=dns.Record_A("127.0.0.1"))  # type: ignore[no-untyped-call]
        return defer.succeed(([record], [], []))

    def lookupNamingAuthorityPointer(self, name: str, timeout: object = None) -> defer.Deferred[Any]:  # noqa: N802
        return defer.succeed(([], [], []))

    def lookupIPV6Address(self, name: str, timeout: object = None) -> defer.Deferred[Any]:  # noqa: N802
        return defer.succeed(([], [], []))


@pytest.fixture
def second(exchange: Any, phone: Any) -> Iterator[Any]:
    """A second phone, which ``pbx.example`` names after the first."""
    from twisted.internet import reactor

    made = type(phone)(reactor, exchange)
    exchange.host.resolver._names = Zone(phone.port, made.port)
    yield made
    exchange.host.resolver._names = None
    pytest_twisted.blockon(defer.maybeDeferred(made.listener.stopListening))


@ensureDeferred
async def test_an_invite_goes_to_the_next_server_after_503(exchange: Any, phone: Any, second: Any, sdp: Any) -> None:
    server = exchange.server
    destination = Destination("PJSIP", "phone/sip:bob@pbx.example")
    dial = Dial(server.channels, server.technologies, None, [destination], DialOptions())
    waiting = defer.ensureDeferred(dial.run())
    first = await phone.wanted("INVITE")
    phone.answer(first, 503)
    await phone.wanted("ACK")
    again = await second.wanted("INVITE")
    assert again.call_id == first.call_id
    assert again.via_branch != first.via_branch
    assert again.body == first.body
    second.answer(again, 200, body=sdp())
    await second.wanted("ACK")
    result = await waiting
    assert result.status == "ANSWER"
    assert result.peer is not None
    result.peer.hangup()
    second.answer(await second.wanted("BYE"), 200)


@ensureDeferred
async def test_an_invite_that_everybody_refuses_fails(exchange: Any, phone: Any, second: Any) -> None:
    server = exchange.server
    destination = Destination("PJSIP", "phone/sip:bob@pbx.example")
    dial = Dial(server.channels, server.technologies, None, [destination], DialOptions())
    waiting = defer.ensureDeferred(dial.run())
    for each in (phone, second):
        each.answer(await each.wanted("INVITE"), 503)
        await each.wanted("ACK")
    assert (await waiting).status == "CONGESTION"


@ensureDeferred
async def test_a_request_outside_calls_goes_to_the_next_server(exchange: Any, phone: Any, second: Any) -> None:
    replies: list[Any] = []
    requests = exchange.server.require(Requests)
    requests.send(OutOfDialogRequest("OPTIONS", "sip:pbx.example"), replies.append)
    phone.answer(await phone.wanted("OPTIONS"), 503)
    second.answer(await second.wanted("OPTIONS"), 200)
    await exchange.until(lambda: bool(replies), "a reply")
    assert [reply.code for reply in replies] == [200]

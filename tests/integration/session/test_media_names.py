"""Descriptions that name hosts instead of addresses: looked up before the call goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import defer
from twisted.names import dns
from twisted.names.error import DNSNameError

from pbx.core.dial import Destination, Dial, DialOptions


class Names:
    """``here.example`` is a loopback address, once `open` was called; nothing else has one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._waiting: list[defer.Deferred[None]] = []
        self._closed = True

    def open(self) -> None:
        self._closed = False
        for waiting in self._waiting:
            waiting.callback(None)

    async def _answer(self, name: str) -> Any:
        self.asked.append(name)
        if self._closed:
            waiting: defer.Deferred[None] = defer.Deferred()
            self._waiting.append(waiting)
            await waiting
        if name != "here.example":
            raise DNSNameError(name)
        record: Any = dns.RRHeader(name, dns.A, ttl=60, payload=dns.Record_A("127.0.0.2"))  # type: ignore[no-untyped-call]
        return [record], [], []

    def lookupAddress(self, name: str, timeout: object = None) -> defer.Deferred[Any]:
        return defer.Deferred.fromCoroutine(self._answer(name))

    def lookupIPV6Address(self, name: str, timeout: object = None) -> defer.Deferred[Any]:  # noqa: N802
        return defer.succeed(([], [], []))


@pytest.fixture
def names(exchange: Any) -> Iterator[Names]:
    made = exchange.host.resolver._names = Names()
    yield made
    exchange.host.resolver._names = None


def destination(exchange: Any) -> str:
    """Where the only channel's audio goes."""
    (channel,) = exchange.server.channels
    return str(channel.driver.read_attribute("rtp", ["dest"]))


async def end(phone: Any) -> None:
    phone.request("BYE")
    await phone.response(200, "BYE")


@ensureDeferred
async def test_an_offer(exchange: Any, phone: Any, names: Names, sdp: Any) -> None:
    text = phone.invite("101", sdp(address="here.example"))
    await exchange.until(lambda: names.asked == ["here.example"], "the name is asked for")
    phone.raw(text)
    await exchange.until(lambda: exchange.host.count_transactions() == 0, "nothing is answered")
    assert exchange.channels == []
    names.open()
    await phone.response(200)
    phone.ack()
    assert destination(exchange) == "127.0.0.2:40000"
    assert names.asked == ["here.example"]
    await end(phone)


@pytest.mark.parametrize("address", ["nowhere.example", "-", "300.1.1.1", "a..b"])
@ensureDeferred
async def test_an_offer_of_a_host_that_does_not_exist(
    exchange: Any, phone: Any, names: Names, sdp: Any, address: str
) -> None:
    names.open()
    for _ in range(2):
        phone.invite("101", sdp(address=address))
        refused = await phone.response(488)
        assert f"'{address}' is no IP address" in refused.headers.get("Warning")
        phone.ack_failure()
        phone.remote_tag, phone.call_id = "", phone.call_id + "-again"
    assert len(names.asked) <= 1
    assert exchange.channels == []


@ensureDeferred
async def test_a_later_offer(exchange: Any, phone: Any, names: Names, sdp: Any) -> None:
    await phone.established("101")
    phone.request("INVITE", body=sdp(address="here.example", port=40300, version=2))
    await exchange.until(lambda: names.asked == ["here.example"], "the name is asked for")
    assert destination(exchange) == "127.0.0.1:40000"
    names.open()
    await phone.response(200)
    phone.ack()
    await exchange.until(lambda: destination(exchange) == "127.0.0.2:40300", "the audio goes to the host")
    phone.request("UPDATE", body=sdp(address="nowhere.example", version=3))
    await phone.response(488, "UPDATE")
    assert destination(exchange) == "127.0.0.2:40300"
    await end(phone)


@ensureDeferred
async def test_an_answer(exchange: Any, phone: Any, names: Names, sdp: Any) -> None:
    server = exchange.server
    target = Destination("PJSIP", f"phone/sip:bob@127.0.0.1:{phone.port}")
    dial = Dial(server.channels, server.technologies, None, [target], DialOptions())
    waiting = defer.ensureDeferred(dial.run())
    invite = await phone.wanted("INVITE")
    text = phone.answer(invite, 200, body=sdp(address="here.example"))
    await exchange.until(lambda: names.asked == ["here.example"], "the name is asked for")
    phone.raw(text)
    names.open()
    await phone.wanted("ACK")
    result = await waiting
    assert destination(exchange) == "127.0.0.2:40000"
    assert result.peer is not None
    result.peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@ensureDeferred
async def test_what_does_not_exist_when_it_is_answered(exchange: Any, phone: Any, names: Names, sdp: Any) -> None:
    names.open()
    server = exchange.server
    target = Destination("PJSIP", f"phone/sip:bob@127.0.0.1:{phone.port}")
    waiting = defer.ensureDeferred(Dial(server.channels, server.technologies, None, [target], DialOptions()).run())
    phone.answer(await phone.wanted("INVITE"), 200, body=sdp(address="nowhere.example"))
    await phone.wanted("ACK")
    phone.answer(await phone.wanted("BYE"), 200)
    assert (await waiting).status != "ANSWER"


def test_the_address_of_the_family_that_is_named_counts(exchange: Any, names: Names) -> None:
    known = exchange.sessions.media_names
    known._known = lambda name: ["192.0.2.1", "2001:db8::1"]
    text = b"v=0\r\nc=IN IP6 two.example\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 two.example\r\nc=IN IP4 10.0.0.1\n"
    assert known.settled(text).split() == (
        b"v=0 c=IN IP6 2001:db8::1 m=audio 1 RTP/AVP 0 c=IN IP4 192.0.2.1 c=IN IP4 10.0.0.1".split()
    )
    known._known = lambda name: ["2001:db8::1"]
    assert b"\r\nc=IN IP6 2001:db8::1\r\nc=IN IP4 10" in known.settled(text)

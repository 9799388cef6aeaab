"""Transports behind NAT (res_pjsip_nat): what calls show of us, inside local_net and beyond."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.config.values import parse_network
from pbx.core.dial import Destination, Dial, DialOptions
from pbx.media.sdp_parser import parse
from pbx.pjsip.nat import with_rport
from pbx.pjsip.transports.listeners import UdpListener
from pbx.pjsip.transports.settings import TransportSettings
from pbx.pjsip.uri import SipUri

EXTERNAL = """
[udp](+)
external_signaling_address = 203.0.113.5
external_signaling_port = 5099
external_media_address = 203.0.113.6
"""


def parts(message: Any) -> tuple[str, int | None, str]:
    """(Contact's host, Contact's port, c= of the description)."""
    contact = SipUri.parse(message.headers.get("Contact").partition("<")[2].partition(">")[0])
    description = parse(message.body)
    connection = description.connection_of(description.media[0])
    assert connection is not None
    assert description.origin.address == connection.address
    return contact.host, contact.port, connection.address


@pytest.mark.parametrize(
    ("options", "outside", "media"),
    [
        (EXTERNAL, True, "203.0.113.6"),
        (EXTERNAL + "local_net = 10.0.0.0/8\n", True, "127.0.0.1"),
        (EXTERNAL + "local_net = 127.0.0.0/8\nlocal_net = 10.0.0.0/8\n", False, "127.0.0.1"),
    ],
)
@ensureDeferred
async def test_both_ways(exchange: Any, phone: Any, sdp: Any, outside: bool, media: str) -> None:
    ours = ("203.0.113.5", 5099) if outside else ("127.0.0.1", exchange.port)
    answer = await phone.established("101")
    assert parts(answer) == (*ours, media)
    phone.request("BYE")
    await phone.response(200, "BYE")
    phone.remote_tag = ""
    server = exchange.server
    destination = Destination("PJSIP", f"phone/sip:bob@127.0.0.1:{phone.port}")
    dial = Dial(server.channels, server.technologies, None, [destination], DialOptions())
    waiting = defer.ensureDeferred(dial.run())
    invite = await phone.wanted("INVITE")
    assert parts(invite) == (*ours, media)
    assert invite.headers.get("Via").startswith(f"SIP/2.0/UDP {ours[0]}:{ours[1]};")
    phone.answer(invite, 200, body=sdp())
    await phone.wanted("ACK")
    peer = (await waiting).peer
    assert peer is not None
    peer.hangup()
    bye = await phone.wanted("BYE")
    assert bye.headers.get("Via").startswith(f"SIP/2.0/UDP {ours[0]}:{ours[1]};")
    phone.answer(bye, 200)


@pytest.mark.parametrize(
    ("remote", "bound", "networks", "shown"),
    [
        ("198.51.100.1", "10.0.0.1", ["10.0.0.0/8"], "203.0.113.6"),
        ("10.9.9.9", "10.0.0.1", ["10.0.0.0/8"], "10.0.0.1"),
        ("198.51.100.1", "172.16.0.1", ["10.0.0.0/8"], "172.16.0.1"),
        ("10.9.9.9", "10.0.0.1", [], "203.0.113.6"),
        ("phone.example.com", "10.0.0.1", ["10.0.0.0/8"], "203.0.113.6"),
    ],
)
def test_media_address(remote: str, bound: str, networks: list[str], shown: str) -> None:
    settings = TransportSettings(
        "udp",
        host=bound,
        external_media_address="203.0.113.6",
        local_net=tuple(parse_network(text) for text in networks),
    )
    listener = UdpListener(None, None, None, settings)  # type: ignore[arg-type]
    assert listener.media_host(remote) == shown


class TestForceRport:
    """A phone whose Via names another port than it sends from."""

    @pytest.mark.parametrize("options", ["", "force_rport = yes"])
    @ensureDeferred
    async def test_forced(self, phone: Any) -> None:
        source, phone.port = phone.port, 9
        phone.target = "101"
        phone.invite("101")
        answer = await phone.response(200)
        assert f";rport={source}" in answer.headers.get("Via")
        phone.ack()
        phone.request("BYE")
        await phone.response(200, "BYE")

    @pytest.mark.parametrize("options", ["force_rport = no"])
    @ensureDeferred
    async def test_not_forced(self, exchange: Any, phone: Any) -> None:
        listening = type(phone)(phone._reactor, exchange)
        try:
            phone.port = listening.port
            phone.invite("101")
            answer = await listening.response(200)
            assert "rport" not in answer.headers.get("Via")
            phone.remote_tag = answer.to.tag
            phone.ack()
            phone.request("BYE")
            await listening.response(200, "BYE")
            assert phone.silent()
        finally:
            await listening.listener.stopListening()


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP a;branch=z", "SIP/2.0/UDP a;branch=z;rport"),
        ("SIP/2.0/UDP a ;branch=z \t", "SIP/2.0/UDP a ;branch=z;rport \t"),
        ("SIP/2.0/UDP a;branch=z, SIP/2.0/UDP b;rport", "SIP/2.0/UDP a;branch=z;rport, SIP/2.0/UDP b;rport"),
        ("SIP/2.0/UDP a;rportx=1;branch=rport", "SIP/2.0/UDP a;rportx=1;branch=rport;rport"),
        ("SIP/2.0/UDP a;branch=z;rport", None),
        ("SIP/2.0/UDP a; RPort=5;branch=z", None),
    ],
)
def test_with_rport(via: str, expected: str | None) -> None:
    raw = b"INVITE sip:a SIP/2.0\r\nMax-Forwards: 70\r\nv : %s\r\nVia: SIP/2.0/UDP c\r\n\r\n"
    wanted = None if expected is None else raw % expected.encode()
    assert with_rport(raw % via.encode()) == wanted
    assert with_rport(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n") is None

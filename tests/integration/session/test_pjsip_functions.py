"""Dialplan functions over endpoints, contacts, answers and the parameters of From, in a running exchange."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core.channel import settle
from pbx.core.dial import Destination, Dial, DialOptions
from pbx.core.variables import VariableStore
from pbx.errors import ObeliskError
from pbx.pjsip.message import SipMessage

PLACE = (
    "aors = place\nset_var = A=1\n\n"
    "[place]\ntype = aor\nmax_contacts = 3\nqualify_frequency = 0\n"
    "contact = sip:one@127.0.0.1:1\ncontact = sip:two@127.0.0.1:2"
)


async def read(exchange: Any, expression: str, channel: Any = None) -> str:
    """What a function gives. Raises what it raises."""
    value: str = await settle(exchange.server.dialplan.read_function(channel, expression))
    return value


@pytest.mark.parametrize("options", [PLACE])
@ensureDeferred
async def test_endpoints_addresses_and_contacts(exchange: Any, phone: Any) -> None:
    assert await read(exchange, "PJSIP_ENDPOINT(phone,context)") == "default"
    assert await read(exchange, "PJSIP_ENDPOINT(phone,aors)") == "place"
    assert await read(exchange, "PJSIP_AOR(place,max_contacts)") == "3"
    ids = (await read(exchange, "PJSIP_AOR(place,contact)")).split(",")
    assert [name.partition("@@")[0] for name in ids] == ["place", "place"]
    assert await read(exchange, f"PJSIP_CONTACT({ids[0]},uri)") == "sip:one@127.0.0.1:1"
    assert await read(exchange, f"PJSIP_CONTACT({ids[0]},status)") == "NonQualified"
    assert await read(exchange, f"PJSIP_CONTACT({ids[0]},rtt)") == "N/A"
    assert await read(exchange, "PJSIP_DIAL_CONTACTS(phone)") == (
        "PJSIP/phone/sip:one@127.0.0.1:1&PJSIP/phone/sip:two@127.0.0.1:2"
    )
    assert (await read(exchange, "PJSIP_DIAL_CONTACTS(phone,place,77)")).startswith("PJSIP/77@phone/sip:one")
    assert await read(exchange, "AST_SORCERY(res_pjsip,endpoint,phone,context)") == "default"
    assert await read(exchange, "AST_SORCERY(res_pjsip,aor,place,contact,single,2)") == "sip:two@127.0.0.1:2"
    assert await read(exchange, "AST_SORCERY(res_pjsip,aor,place,contact,concat,|)") == (
        "sip:one@127.0.0.1:1|sip:two@127.0.0.1:2"
    )


@pytest.mark.parametrize("options", [PLACE])
@pytest.mark.parametrize(
    "expression",
    [
        "PJSIP_ENDPOINT(nobody,context)",
        "PJSIP_ENDPOINT(phone,nothing)",
        "PJSIP_ENDPOINT(phone)",
        "PJSIP_AOR(nowhere,contact)",
        "PJSIP_CONTACT(place@@0000,uri)",
        "PJSIP_CONTACT(,uri)",
        "PJSIP_DIAL_CONTACTS(nobody)",
        "AST_SORCERY(res_pjsip,endpoint,phone)",
        "AST_SORCERY(res_musiconhold,endpoint,phone,context)",
        "AST_SORCERY(res_pjsip,nothing,phone,context)",
        "AST_SORCERY(res_pjsip,endpoint,nobody,context)",
        "AST_SORCERY(res_pjsip,endpoint,phone,nothing)",
        "AST_SORCERY(res_pjsip,aor,place,contact,single,0)",
        "AST_SORCERY(res_pjsip,aor,place,contact,third)",
        "PJSIP_PARSE_URI(,user)",
        "PJSIP_PARSE_URI(sip:a@b)",
        "PJSIP_PARSE_URI(mailto:a@b,user)",
        "PJSIP_PARSE_URI(sip:a@b,colour)",
        "PJSIP_HEADER_PARAM(From,uri,x)",
        "PJSIP_RESPONSE_HEADER(read,X)",
        "PJSIP_TRANSFER_HANDLING()",
        "PJSIP_SEND_SESSION_REFRESH()",
    ],
)
@ensureDeferred
async def test_what_does_not_exist_is_an_error(exchange: Any, expression: str) -> None:
    with pytest.raises((ObeliskError, LookupError)):
        await read(exchange, expression)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("display", "Doe, J"),
        ("scheme", "sip"),
        ("user", "5551234"),
        ("passwd", "secret"),
        ("host", "example.org"),
        ("port", "5080"),
        ("user_param", "phone"),
        ("method_param", "INVITE"),
        ("transport_param", "tcp"),
        ("ttl_param", "16"),
        ("lr_param", "1"),
        ("maddr_param", "192.0.2.1"),
    ],
)
@ensureDeferred
async def test_parts_of_a_uri(exchange: Any, part: str, value: str) -> None:
    uri = (
        '"Doe, J" <sip:5551234:secret@example.org:5080;user=phone;method=INVITE;transport=tcp;ttl=16;lr'
        ";maddr=192.0.2.1>"
    )
    store: VariableStore = exchange.server.channels.globals
    store.set("URI", uri)
    assert await read(exchange, f"PJSIP_PARSE_URI_FROM(URI,{part})") == value


@pytest.mark.parametrize("options", [f"from_user = ours\n{PLACE}"])
@ensureDeferred
async def test_what_is_known_of_a_call_before_it_is_made(exchange: Any, phone: Any, sdp: Any) -> None:
    found: dict[str, str | None] = {}
    items = (
        *(f"pjsip,{name}" for name in ("target_uri", "local_uri", "remote_uri", "request_uri", "local_addr")),
        *("contact", "aor", "rtp,src", "rtcp,all"),
    )

    def prepare(channel: Any) -> None:
        for item in items:
            kind, *rest = item.split(",")
            found[item] = channel.driver.read_attribute(kind, rest)

    where = Destination("PJSIP", f"phone/sip:me@127.0.0.1:{phone.port};ob;transport=udp;user=phone")
    dial = Dial(exchange.server.channels, exchange.server.technologies, None, [where], DialOptions(prepare=prepare))
    waiting = defer.ensureDeferred(dial.run())
    invite = await phone.wanted("INVITE")
    assert found["pjsip,target_uri"] == f"sip:me@127.0.0.1:{phone.port};ob;transport=udp;user=phone"
    assert found["pjsip,remote_uri"] == "<sip:me@127.0.0.1;ob;user=phone>"
    assert "<sip:ours@" in (found["pjsip,local_uri"] or "")
    assert [found[item] for item in ("pjsip,request_uri", "contact", "aor")] == ["", "", ""]
    assert [found[item] for item in ("pjsip,local_addr", "rtp,src", "rtcp,all")] == [None, None, None]
    assert invite.headers.get("To") == "<sip:me@127.0.0.1;user=phone;ob>"
    assert invite.contacts[0].uri.user == "ours"
    phone.answer(invite, 200, body=sdp())
    await phone.wanted("ACK")
    peer = (await waiting).peer
    assert peer is not None
    assert await read(exchange, "CHANNEL(pjsip,remote_uri)", peer) == "<sip:me@127.0.0.1;ob;user=phone>"
    assert await read(exchange, "CHANNEL(rtp,src)", peer) == await read(exchange, "CHANNEL(rtp,src,audio)", peer)
    assert await read(exchange, "CHANNEL(rtcp,txcount)", peer) == "0"
    assert (await read(exchange, "CHANNEL(rtcp,all)", peer)).startswith("ssrc=")
    assert (await read(exchange, "CHANNEL(rtcp,all_rtt)", peer)).startswith("     minrtt=000.000000;     maxrtt=")
    for wrong in ("rtp,src,video", "rtp,src,x", "rtcp", "rtcp,", "rtcp,x", "pjsip,SECURE"):
        with pytest.raises(ObeliskError):
            await read(exchange, f"CHANNEL({wrong})", peer)
    driver: Any = peer.driver
    source = await read(exchange, "CHANNEL(rtp,src)", peer)
    peer.hangup()
    assert driver.read_attribute("rtp", ["src"]) == source
    assert driver.read_attribute("rtcp", ["TXCOUNT"]) is not None
    phone.answer(await phone.wanted("BYE"), 200)


@ensureDeferred
async def test_parts_that_are_not_there(exchange: Any) -> None:
    for part, value in (("user", ""), ("port", "0"), ("ttl_param", "-1"), ("lr_param", "0"), ("display", "")):
        assert await read(exchange, f"PJSIP_PARSE_URI(sip:example.org,{part})") == value


@ensureDeferred
async def test_parameters_and_answers_of_a_call(exchange: Any, phone: Any, sdp: Any) -> None:
    dialplan = exchange.server.dialplan

    def prepare(channel: Any) -> None:
        dialplan.write_function(channel, "PJSIP_HEADER_PARAM(From,uri,isup-oli)", "27")
        dialplan.write_function(channel, "PJSIP_HEADER_PARAM(From,header,x-kind)", "a b")
        with pytest.raises(ObeliskError):
            dialplan.write_function(channel, "PJSIP_HEADER_PARAM(To,uri,x)", "1")
        with pytest.raises(ObeliskError):
            dialplan.write_function(channel, "PJSIP_HEADER_PARAM(From,uri,x;y)", "1")

    where = Destination("PJSIP", f"phone/sip:me@127.0.0.1:{phone.port}")
    dial = Dial(exchange.server.channels, exchange.server.technologies, None, [where], DialOptions(prepare=prepare))
    waiting = defer.ensureDeferred(dial.run())
    invite = await phone.wanted("INVITE")
    assert invite.from_.uri.param("isup-oli") == "27"
    assert invite.from_.params["x-kind"] == "a%20b"
    phone.answer(invite, 200, body=sdp(), headers=["X-One: 1", "X-Two: 2", "X-One: 3"])
    await phone.wanted("ACK")
    peer = (await waiting).peer
    assert peer is not None
    assert await read(exchange, "PJSIP_RESPONSE_HEADER(read,X-One,2)", peer) == "3"
    assert await read(exchange, "PJSIP_RESPONSE_HEADER(read,x-*,2)", peer) == "2"
    assert await read(exchange, "PJSIP_RESPONSE_HEADERS(X-)", peer) == "X-One,X-Two"
    assert await read(exchange, "PJSIP_RESPONSE_HEADERS(X-*)", peer) == ""
    for wrong in (
        "PJSIP_RESPONSE_HEADER(add,X-One)",
        "PJSIP_RESPONSE_HEADER(read)",
        "PJSIP_RESPONSE_HEADER(read,X-Three)",
        "PJSIP_RESPONSE_HEADERS()",
        "PJSIP_HEADER_PARAM(From,uri,none)",
        "PJSIP_HEADER_PARAM(From,body,none)",
        "PJSIP_HEADER_PARAM(From,uri)",
    ):
        with pytest.raises(ObeliskError):
            await read(exchange, wrong, peer)
    peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@ensureDeferred
async def test_the_parameters_of_a_caller(exchange: Any, phone: Any) -> None:
    await phone.established("101")
    channel = next(iter(exchange.server.channels))
    store = channel.extra["pjsip.headers"]
    store.received = SipMessage(b'INVITE sip:101@h SIP/2.0\r\nFrom: "x" <sip:1@h;isup-oli=27>;x-kind=2;tag=1\r\n\r\n')
    assert await read(exchange, "PJSIP_HEADER_PARAM(From,uri,isup-oli)", channel) == "27"
    assert await read(exchange, "PJSIP_HEADER_PARAM(From,header,x-kind)", channel) == "2"
    with pytest.raises(ObeliskError):
        await read(exchange, "PJSIP_HEADER_PARAM(From,header,tag)", channel)
    assert await read(exchange, "PJSIP_PARSE_URI_FROM(sip:zed@h,user)", channel) == "zed"
    with pytest.raises(ObeliskError):
        exchange.server.dialplan.write_function(channel, "PJSIP_HEADER_PARAM(From,uri,x)", "1")
    phone.request("BYE")
    await phone.response(200, "BYE")

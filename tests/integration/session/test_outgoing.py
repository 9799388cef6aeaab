"""Calls to a phone: through Dial, with everything a phone may answer."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core.causes import Cause
from pbx.core.dial import Destination, Dial, DialOptions
from pbx.core.messages import ChannelDestroyed
from pbx.media.sdp_parser import parse


def call(exchange: Any, phone: Any, address: str = "", **options: Any) -> defer.Deferred[Any]:
    """Dial the phone without a caller, as an origination does."""
    server = exchange.server
    destination = Destination("PJSIP", address or f"phone/sip:bob@127.0.0.1:{phone.port}")
    dial = Dial(server.channels, server.technologies, None, [destination], DialOptions(**options))
    return defer.ensureDeferred(dial.run())


def ends(exchange: Any) -> list[Any]:
    seen: list[Any] = []
    exchange.server.bus.subscribe(ChannelDestroyed, lambda message: seen.append(message.channel))
    return seen


def set_t1(exchange: Any, milliseconds: int) -> None:
    """RFC 3261's T1: transactions time out after 64 times that."""
    exchange.host.core.lib.pjsip_tsx_set_timers(milliseconds, milliseconds * 8, milliseconds * 10, milliseconds * 64)


async def acknowledged(phone: Any) -> Any:
    return await phone.wanted("ACK")


@ensureDeferred
async def test_a_call_that_is_answered_and_ended_by_us(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    assert invite.request_uri == f"sip:bob@127.0.0.1:{phone.port}"
    assert invite.to.uri.user == "bob"
    assert invite.raw.count(b"User-Agent:") == 1
    assert invite.headers.get("From").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert invite.headers.get("Contact").startswith("<sip:asterisk@127.0.0.1:")
    assert str(uuid.UUID(invite.call_id)) == invite.call_id
    offer = parse(invite.body)
    assert offer.media[0].formats == ["0", "8", "101"]
    phone.answer(invite, 100)
    phone.answer(invite, 180)
    phone.answer(invite, 200, body=sdp(formats="8 101"))
    await acknowledged(phone)
    result = await waiting
    assert result.status == "ANSWER"
    peer = result.peer
    assert peer.audio.stream_parameters.codec == "alaw"
    assert peer.state.text == "Up"
    peer.hangup()
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)


@ensureDeferred
async def test_the_phone_ends_the_call(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 200, body=sdp())
    await acknowledged(phone)
    await waiting
    exchange.server.channels.find(exchange.channels[0]).owner = ""
    phone.call_id = invite.call_id
    phone.raw(
        f"BYE sip:x@127.0.0.1:{exchange.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bKb\r\n"
        f"From: {invite.headers.get('To')};tag=uas\r\nTo: {invite.headers.get('From')}\r\nCall-ID: {invite.call_id}\r\n"
        "CSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    await phone.response(200, "BYE")
    await exchange.wait_idle()


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        (486, "BUSY", Cause.USER_BUSY),
        (603, "CHANUNAVAIL", Cause.CALL_REJECTED),
        (503, "CONGESTION", Cause.NORMAL_CIRCUIT_CONGESTION),
        (404, "CHANUNAVAIL", Cause.UNALLOCATED),
        (480, "NOANSWER", Cause.NO_ANSWER),
        (302, "CHANUNAVAIL", Cause.REDIRECTED_TO_NEW_DESTINATION),
        (488, "CHANUNAVAIL", Cause.BEARERCAPABILITY_NOTAVAIL),
        (699, "CHANUNAVAIL", Cause.INTERWORKING),
    ],
)
@ensureDeferred
async def test_refusals(exchange: Any, phone: Any, code: int, status: str, cause: Cause) -> None:
    seen = ends(exchange)
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, code)
    await acknowledged(phone)
    assert (await waiting).status == status
    assert seen[0].hangup_cause == cause
    assert seen[0].tech_cause == str(code)


@ensureDeferred
async def test_a_reason_header_says_the_cause(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 480, headers=["Reason: Q.850;cause=18"])
    await acknowledged(phone)
    await waiting
    assert seen[0].hangup_cause == 18


@ensureDeferred
async def test_a_ringing_call_is_cancelled(exchange: Any, phone: Any) -> None:
    waiting = call(exchange, phone, timeout=0.3)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 180)
    cancel = await phone.wanted("CANCEL")
    phone.answer(cancel, 200)
    phone.answer(invite, 487)
    await acknowledged(phone)
    assert (await waiting).status == "NOANSWER"


@ensureDeferred
async def test_cancel_waits_for_the_first_answer(exchange: Any, phone: Any) -> None:
    waiting = call(exchange, phone, timeout=0.1)
    invite = await phone.wanted("INVITE")
    assert (await waiting).status == "NOANSWER"
    phone.answer(invite, 100)
    cancel = await phone.wanted("CANCEL")
    phone.answer(cancel, 200)
    phone.answer(invite, 487)
    await acknowledged(phone)


@ensureDeferred
async def test_answered_while_it_is_cancelled(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone, timeout=0.1)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 180)
    await waiting
    cancel = await phone.wanted("CANCEL")
    phone.answer(invite, 200, body=sdp())
    phone.answer(cancel, 200)
    await acknowledged(phone)
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)


@ensureDeferred
async def test_early_media_is_a_stream_before_the_answer(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 183, body=sdp())
    await exchange.until(lambda: exchange.engine.streams == 1, "a stream")
    phone.answer(invite, 200, body=sdp())
    await acknowledged(phone)
    (await waiting).peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@ensureDeferred
async def test_an_answer_that_changes_between_183_and_200(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 183, body=sdp(port=40000), tag="one")
    await exchange.until(lambda: exchange.engine.streams == 1, "a stream")
    phone.answer(invite, 200, body=sdp(port=40400), tag="two")
    await acknowledged(phone)
    peer = (await waiting).peer
    assert peer.audio.stream_parameters.remote_port == 40400
    peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@pytest.mark.parametrize("body", ["", "v=0\r\ngarbage\r\n", "refused", "codec"])
@ensureDeferred
async def test_an_answer_nobody_can_use_ends_the_call(exchange: Any, phone: Any, sdp: Any, body: str) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    bodies = {"refused": sdp(port=0), "codec": sdp(formats="18", lines=())}
    phone.answer(invite, 200, body=bodies.get(body, body))
    await acknowledged(phone)
    phone.answer(await phone.wanted("BYE"), 200)
    assert (await waiting).status == "CHANUNAVAIL"


@pytest.mark.parametrize("contact", ["Contact: <tel:123>", "Contact: <mailto:x@h>", "X-None: 1"])
@ensureDeferred
async def test_an_answer_with_an_odd_contact_ends_the_call(exchange: Any, phone: Any, sdp: Any, contact: str) -> None:
    """PJSIP asserts when it builds the ACK for such an answer."""
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 200, body=sdp(), contact=contact)
    result = await waiting
    if result.peer is not None:
        result.peer.hangup()
    try:
        while exchange.channels or not all(session.over for session in exchange.host.invite):
            message = await phone.next(1.0)
            if message.is_request and message.method == "BYE":
                phone.answer(message, 200)
    except defer.TimeoutError:
        pass


DIGEST_OPTIONS = """
outbound_auth = trunk

[trunk]
type = auth
auth_type = userpass
username = me
password = secret
"""


@pytest.mark.parametrize("options", [DIGEST_OPTIONS])
@pytest.mark.parametrize("proxy", [False, True])
@ensureDeferred
async def test_a_challenge_is_answered(exchange: Any, phone: Any, sdp: Any, proxy: bool) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    challenge = 'Digest realm="there", nonce="abc", algorithm=MD5, qop="auth"'
    if proxy:
        phone.answer(invite, 407, headers=[f"Proxy-Authenticate: {challenge}"])
    else:
        phone.answer(invite, 401, headers=[f"WWW-Authenticate: {challenge}"])
    await acknowledged(phone)
    again = await phone.wanted("INVITE")
    assert again.call_id == invite.call_id
    assert parse(again.body) == parse(invite.body)
    given = again.headers.get("Proxy-Authorization" if proxy else "Authorization")
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
    assert fields["username"] == "me"

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    expected = md5(
        ":".join(
            [
                md5("me:there:secret"),
                "abc",
                fields["nc"],
                fields["cnonce"],
                "auth",
                md5(f"INVITE:{fields['uri']}"),
            ]
        )
    )
    assert fields["response"] == expected
    phone.answer(again, 200, body=sdp())
    await acknowledged(phone)
    (await waiting).peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@pytest.mark.parametrize("options", ["", DIGEST_OPTIONS])
@ensureDeferred
async def test_a_challenge_that_cannot_be_met(exchange: Any, phone: Any, options: str) -> None:
    waiting = call(exchange, phone)
    for _ in range(4):
        message = await phone.next()
        if message.method == "INVITE":
            phone.answer(message, 401, headers=['WWW-Authenticate: Digest realm="there", nonce="abc", algorithm=MD5'])
        elif waiting.called:
            break
    assert (await waiting).status == "CHANUNAVAIL"


@ensureDeferred
async def test_reliable_provisional_answers_are_acknowledged(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 183, body=sdp(), headers=["Require: 100rel", "RSeq: 1"])
    prack = await phone.wanted("PRACK")
    assert prack.headers.get("RAck") == f"1 {invite.cseq} INVITE"
    phone.answer(prack, 200)
    phone.answer(invite, 200)
    await acknowledged(phone)
    (await waiting).peer.hangup()
    phone.answer(await phone.wanted("BYE"), 200)


@pytest.mark.parametrize("options", [DIGEST_OPTIONS])
@ensureDeferred
async def test_a_challenged_prack_of_a_dead_call(exchange: Any, phone: Any, sdp: Any) -> None:
    """PJSIP asserts here unless its session is kept until the PRACK is over."""
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 183, body=sdp(), headers=["Require: 100rel", "RSeq: 1"])
    prack = await phone.wanted("PRACK")
    phone.answer(invite, 486)
    await acknowledged(phone)
    phone.answer(prack, 407, headers=['Proxy-Authenticate: Digest realm="there", nonce="abc", algorithm=MD5'])
    assert (await waiting).status == "BUSY"


@ensureDeferred
async def test_unknown_and_unreachable_destinations(exchange: Any, phone: Any) -> None:
    assert (await call(exchange, phone, "nobody")).cause == Cause.CHANNEL_UNACCEPTABLE
    assert (await call(exchange, phone, "phone")).cause == Cause.NO_ROUTE_DESTINATION
    assert (await call(exchange, phone, "phone/mailto:x")).cause == Cause.NO_ROUTE_DESTINATION
    assert (await call(exchange, phone, "phone/sip:")).cause == Cause.NO_ROUTE_DESTINATION


@ensureDeferred
async def test_the_user_of_a_dial_string(exchange: Any, phone: Any) -> None:
    waiting = call(exchange, phone, f"5551234@phone/sip:x@127.0.0.1:{phone.port}?Evil=1")
    invite = await phone.wanted("INVITE")
    assert invite.request_uri == f"sip:5551234@127.0.0.1:{phone.port}"
    assert "Evil" not in invite.headers
    phone.answer(invite, 486)
    await acknowledged(phone)
    await waiting


@pytest.mark.parametrize("options", ["send_pai = yes\nfrom_domain = pbx.example"])
@ensureDeferred
async def test_headers_of_the_invite(exchange: Any, phone: Any) -> None:
    from pbx.core.party import party_id
    from pbx.pjsip.headers import header_store

    def prepare(channel: Any) -> None:
        store = header_store(channel)
        assert store is not None
        store.add("X-Test", "one")

    waiting = call(exchange, phone, prepare=prepare, identity=party_id("777", 'Q "uote'))
    invite = await phone.wanted("INVITE")
    assert invite.headers.get("X-Test") == "one"
    assert (invite.from_.uri.user, invite.from_.uri.host, invite.from_.display) == ("777", "pbx.example", 'Q "uote')
    assert "777" in invite.headers.get("P-Asserted-Identity")
    phone.answer(invite, 486)
    await acknowledged(phone)
    await waiting


@ensureDeferred
async def test_a_phone_that_never_answers(exchange: Any, phone: Any) -> None:
    """Timer B ends the call; shortened here."""
    set_t1(exchange, 10)
    try:
        waiting = call(exchange, phone)
        assert (await waiting).cause == Cause.NO_USER_RESPONSE
    finally:
        set_t1(exchange, 500)


@ensureDeferred
async def test_a_phone_that_vanishes_before_the_bye(exchange: Any, phone: Any, sdp: Any) -> None:
    waiting = call(exchange, phone)
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 200, body=sdp())
    await acknowledged(phone)
    peer = (await waiting).peer
    set_t1(exchange, 10)
    try:
        peer.hangup()
        await exchange.wait_idle()
    finally:
        set_t1(exchange, 500)


@ensureDeferred
async def test_no_ack_ever(exchange: Any, phone: Any) -> None:
    set_t1(exchange, 10)
    try:
        phone.invite("101")
        await phone.response(200)
        await exchange.wait_idle()
    finally:
        set_t1(exchange, 500)

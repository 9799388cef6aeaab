"""What happens inside a call: hold, new addresses, UPDATE, DTMF in INFO, RTP that stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.core.messages import DigitEnded, HoldChanged
from pbx.media.sdp import Direction
from pbx.media.sdp_parser import parse
from pbx.pjsip.settings import PjsipSettings


def seen(exchange: Any, kind: type) -> list[Any]:
    """A list that grows with the messages of ``kind``."""
    found: list[Any] = []
    exchange.server.bus.subscribe(kind, found.append)
    return found


async def end(phone: Any) -> None:
    phone.request("BYE")
    await phone.response(200, "BYE")


@ensureDeferred
async def test_hold_and_take_back(exchange: Any, phone: Any, sdp: Any) -> None:
    held = seen(exchange, HoldChanged)
    first = parse((await phone.established("101")).body)
    for attribute, direction in (("sendonly", Direction.RECVONLY), ("inactive", Direction.INACTIVE)):
        phone.request("INVITE", body=sdp(lines=(f"a={attribute}",), version=2))
        answer = parse((await phone.response(200)).body)
        phone.ack()
        assert answer.media[0].direction is direction
        assert answer.origin.session_id == first.origin.session_id
        assert answer.origin.version > first.origin.version
    assert [message.held for message in held] == [True]
    phone.request("INVITE", body=sdp(version=3))
    await phone.response(200)
    phone.ack()
    await exchange.until(lambda: len(held) == 2, "the call is taken back")
    assert not held[1].held
    await end(phone)


@pytest.mark.parametrize("options", ["suppress_moh_on_sendonly = yes"])
@ensureDeferred
async def test_hold_that_is_to_make_no_music(exchange: Any, phone: Any, sdp: Any) -> None:
    held = seen(exchange, HoldChanged)
    await phone.established("101")
    for version, lines in ((2, ("a=sendonly",)), (3, ())):
        phone.request("INVITE", body=sdp(lines=lines, version=version))
        await phone.response(200)
        phone.ack()
    await end(phone)
    await exchange.wait_idle()
    assert held == []


@ensureDeferred
async def test_the_old_way_to_hold(exchange: Any, phone: Any, sdp: Any) -> None:
    held = seen(exchange, HoldChanged)
    await phone.established("101")
    phone.request("INVITE", body=sdp(address="0.0.0.0", version=2))
    await phone.response(200)
    phone.ack()
    await exchange.until(lambda: len(held) == 1, "hold")
    await end(phone)


@ensureDeferred
async def test_another_address_and_codec(exchange: Any, phone: Any, sdp: Any) -> None:
    await phone.established("101")
    await exchange.until(lambda: exchange.engine.streams == 1, "a stream")
    phone.request("INVITE", body=sdp(port=40100, formats="8", lines=(), version=2))
    answer = parse((await phone.response(200)).body)
    phone.ack()
    assert answer.media[0].formats == ["8"]
    channel = next(iter(exchange.server.channels))
    assert channel.driver.read_attribute("rtp", ["dest"]) == "127.0.0.1:40100"
    assert channel.audio.stream_parameters.codec == "alaw"
    await end(phone)


@ensureDeferred
async def test_an_unacceptable_offer_leaves_the_call_as_it_was(exchange: Any, phone: Any, sdp: Any) -> None:
    await phone.established("101")
    phone.request("INVITE", body=sdp(formats="18", lines=(), version=2))
    await phone.response(488)
    phone.ack_failure()
    phone.request("INVITE", body="v=0\r\ngarbage\r\n")
    await phone.response(400)
    phone.ack_failure()
    phone.request("INVITE", body=sdp(version=3))
    await phone.response(200)
    phone.ack()
    assert len(exchange.channels) == 1
    await end(phone)


@ensureDeferred
async def test_an_offerless_reinvite_gets_our_description(exchange: Any, phone: Any, sdp: Any) -> None:
    await phone.established("101")
    phone.request("INVITE")
    offer = parse((await phone.response(200)).body)
    assert offer.media[0].port
    phone.ack(sdp(port=40200, version=2))
    channel = next(iter(exchange.server.channels))
    await exchange.until(
        lambda: channel.driver.read_attribute("rtp", ["dest"]) == "127.0.0.1:40200", "the answer in the ACK"
    )
    await end(phone)


@ensureDeferred
async def test_an_offerless_reinvite_takes_a_held_call_back(exchange: Any, phone: Any, sdp: Any) -> None:
    held = seen(exchange, HoldChanged)
    await phone.established("101", sdp(formats="8", lines=()))
    phone.request("INVITE", body=sdp(formats="8", lines=("a=sendonly",), version=2))
    await phone.response(200)
    phone.ack()
    await exchange.until(lambda: len(held) == 1, "hold")
    phone.request("INVITE")
    audio = parse((await phone.response(200)).body).media[0]
    # What is in use, and both ways.
    assert (audio.formats[0], audio.direction) == ("8", Direction.SENDRECV)
    assert "0" not in audio.formats
    await exchange.until(lambda: len(held) == 2, "taken back")
    assert not held[1].held
    phone.ack(sdp(formats="8", lines=("a=sendonly",), version=3))
    await exchange.until(lambda: len(held) == 3, "held again")
    await end(phone)


@ensureDeferred
async def test_an_offerless_reinvite_may_get_all_codecs(exchange: Any, phone: Any, sdp: Any) -> None:
    settings = exchange.server.require(PjsipSettings)
    settings.global_ = replace(settings.global_, all_codecs_on_empty_reinvite=True)
    await phone.established("101", sdp(formats="8", lines=()))
    phone.request("INVITE")
    assert {"0", "8"} <= set(parse((await phone.response(200)).body).media[0].formats)
    phone.ack(sdp(formats="8", lines=(), version=2))
    await end(phone)


@pytest.mark.parametrize("offered", [True, False])
@ensureDeferred
async def test_a_reinvite_that_crosses_our_bye_is_answered(exchange: Any, phone: Any, sdp: Any, offered: bool) -> None:
    await phone.established("101")
    (channel,) = exchange.server.channels
    channel.hangup()
    bye = await phone.wanted("BYE")
    phone.request("INVITE", body=sdp(version=2) if offered else "")
    if offered:
        await phone.response(481)
        phone.ack_failure()
    else:
        assert parse((await phone.response(200)).body).media
        phone.ack()
    phone.answer(bye, 200)


@ensureDeferred
async def test_update(exchange: Any, phone: Any, sdp: Any) -> None:
    held = seen(exchange, HoldChanged)
    await phone.established("101")
    phone.request("UPDATE", body=sdp(lines=("a=sendonly",), version=2))
    answer = await phone.response(200, "UPDATE")
    assert parse(answer.body).media[0].direction is Direction.RECVONLY
    await exchange.until(lambda: len(held) == 1, "hold")
    phone.request("UPDATE", body=sdp(formats="18", lines=(), version=3))
    await phone.response(488, "UPDATE")
    phone.request("UPDATE")
    refreshed = await phone.response(200, "UPDATE")
    assert refreshed.body == b""
    await end(phone)


@ensureDeferred
async def test_digits_in_info(exchange: Any, phone: Any) -> None:
    digits = seen(exchange, DigitEnded)
    await phone.established("101")
    phone.request("INFO", body="Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay")
    await phone.response(200, "INFO")
    phone.request("INFO", body="Signal=99\r\n", content_type="application/dtmf-relay")
    await phone.response(400, "INFO")
    phone.request("INFO", body="x", content_type="text/plain")
    await phone.response(415, "INFO")
    phone.request("INFO")
    await phone.response(200, "INFO")
    assert [(message.digit, message.duration_ms) for message in digits] == [("5", 160)]
    await end(phone)


@pytest.mark.parametrize("options", ["dtmf_mode = info"])
@ensureDeferred
async def test_digits_are_sent_by_info_where_wanted(exchange: Any, phone: Any) -> None:
    answer = await phone.established("101")
    assert parse(answer.body).media[0].formats == ["0"]
    next(iter(exchange.server.channels)).send_digit("7", 120)
    info = await phone.wanted("INFO")
    assert info.content_type == "application/dtmf-relay"
    assert info.body == b"Signal=7\r\nDuration=120\r\n"
    phone.answer(info, 200)
    await end(phone)


@pytest.mark.parametrize("options", ["rtp_timeout = 1"])
@ensureDeferred
async def test_a_call_whose_rtp_stops_is_ended(exchange: Any, phone: Any) -> None:
    await phone.established("101")
    bye = await phone.wanted("BYE", 8.0)
    phone.answer(bye, 200)


@ensureDeferred
async def test_options_ask_whether_the_call_stands(phone: Any) -> None:
    await phone.established("101")
    phone.request("OPTIONS")
    inside = await phone.response(200, "OPTIONS")
    assert "application/sdp" in inside.headers.values("Accept")
    assert "INVITE" in inside.headers.values("Allow")
    phone.request("BYE")
    await phone.response(200, "BYE")
    phone.remote_tag, phone.call_id = "", phone.call_id + "-outside"
    phone.request("OPTIONS")
    outside = await phone.response(200, "OPTIONS")
    names = ("Accept", "Allow", "Supported", "Accept-Encoding", "Accept-Language")
    assert [outside.headers.get(name) for name in names] == [inside.headers.get(name) for name in names]
    assert outside.headers.values("Supported") == ["100rel", "timer", "replaces", "norefersub"]
    assert {"application/pidf+xml", "application/dialog-info+xml"} < set(outside.headers.values("Accept"))


@ensureDeferred
async def test_methods_nobody_takes(exchange: Any, phone: Any) -> None:
    await phone.established("101")
    phone.request("PUBLISH")
    await phone.response(405, "PUBLISH")
    phone.request("FROB")
    await phone.response(501, "FROB")
    assert len(exchange.channels) == 1
    await end(phone)


@ensureDeferred
async def test_bodies_in_prack_hurt_nobody(exchange: Any, phone: Any, sdp: Any) -> None:
    """PJSIP asserts on a PRACK whose body it cannot negotiate: none may reach it."""
    phone.invite("103", headers=["Require: 100rel"])
    ringing = await phone.response(180)
    number = ringing.headers.get("RSeq")
    assert number is not None
    rack = [f"RAck: {number} 1 INVITE"]
    phone.request("PRACK", body="hello", content_type="text/plain", headers=rack)
    await phone.response(200, "PRACK")
    phone.request("PRACK", body=sdp(version=2), headers=rack)
    await phone.next()
    phone.request("PRACK", body=sdp(version=2))
    await phone.next()
    phone.request("BYE")
    codes: set[tuple[str, int]] = set()
    while len(codes) < 2:
        message = await phone.next()
        if message.cseq_method in ("BYE", "INVITE") and message.status_code >= 200:
            codes.add((message.cseq_method, message.status_code))
    assert codes == {("BYE", 200), ("INVITE", 487)}
    phone.request("ACK", cseq=1)


@ensureDeferred
async def test_reliable_early_media_and_an_offer_in_prack(exchange: Any, phone: Any, sdp: Any) -> None:
    phone.invite("104", headers=["Require: 100rel"])
    progress = await phone.response(183)
    assert parse(progress.body).media[0].port
    number = progress.headers.get("RSeq")
    phone.request("PRACK", headers=[f"RAck: {number} 1 INVITE"], body=sdp(port=40300, version=2))
    answer = await phone.response(200, "PRACK")
    assert parse(answer.body).media[0].port
    final = await phone.response(200)
    assert final.body == b""
    phone.request("ACK", cseq=1)
    channel = next(iter(exchange.server.channels))
    assert channel.driver.read_attribute("rtp", ["dest"]) == "127.0.0.1:40300"
    await end(phone)


@ensureDeferred
async def test_a_garbage_offer_in_prack(exchange: Any, phone: Any) -> None:
    phone.invite("104", headers=["Require: 100rel"])
    progress = await phone.response(183)
    number = progress.headers.get("RSeq")
    phone.request("PRACK", headers=[f"RAck: {number} 1 INVITE"], body="v=0\r\ngarbage\r\n")
    await phone.response(200, "PRACK")
    await phone.response(200)
    phone.request("ACK", cseq=1)
    await end(phone)


@ensureDeferred
async def test_an_early_update_hurts_nobody(exchange: Any, phone: Any, sdp: Any) -> None:
    phone.invite("103", "")
    await phone.response(180)
    phone.request("UPDATE", body=sdp())
    message = await phone.next()
    assert message.cseq_method == "UPDATE"
    phone.remote_tag = ""
    phone.request("CANCEL", cseq=1, branch="z9hG4bKother")
    await phone.next()
    for channel in exchange.server.channels:
        channel.request_hangup()
    await phone.response(603)
    phone.request("ACK", cseq=1)


@ensureDeferred
async def test_many_attributes_and_media_lines_pass(exchange: Any, phone: Any, sdp: Any) -> None:
    """PJSIP cuts descriptions at 68 attributes and 16 media lines; ours are not PJSIP's to read."""
    lines = [f"a=x-{number}:1" for number in range(100)]
    more = [f"m=video {7000 + number} RTP/AVP 99" for number in range(20)]
    answer = await phone.established("101", sdp(lines=[*lines, *more]))
    described = parse(answer.body)
    assert len(described.media) == 21
    assert [media.port for media in described.media[1:]] == [0] * 20
    await end(phone)


@ensureDeferred
async def test_a_description_in_multipart(exchange: Any, phone: Any, sdp: Any) -> None:
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        f"--b\r\nContent-Type: application/sdp\r\n\r\n{sdp()}\r\n--b--\r\n"
    )
    phone.target = "101"
    phone.request("INVITE", body=body, content_type="multipart/mixed;boundary=b")
    answer = await phone.response(200)
    assert parse(answer.body).media[0].formats == ["0", "101"]
    phone.ack()
    await end(phone)

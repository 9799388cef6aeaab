"""Calls from a phone: answered, refused, cancelled, ended in every order."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.core.causes import Cause
from pbx.core.messages import ChannelDestroyed
from pbx.media.sdp_parser import parse


def ends(exchange: Any) -> list[Any]:
    """A list that grows with the channels that end."""
    seen: list[Any] = []
    exchange.server.bus.subscribe(ChannelDestroyed, lambda message: seen.append(message.channel))
    return seen


@ensureDeferred
async def test_a_call_is_answered_and_hung_up_by_lua(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    phone.invite("100")
    trying = await phone.next()
    assert trying.status_code == 100
    answer = await phone.response(200)
    assert answer.contacts[0].uri.port == exchange.port
    description = parse(answer.body)
    assert description.media[0].formats == ["0", "101"]
    assert description.media[0].port >= 36000
    phone.ack()
    bye = await phone.wanted("BYE")
    assert bye.headers.get("Reason") == "Q.850;cause=16"
    phone.answer(bye, 200)
    await exchange.wait_idle()
    assert seen[0].hangup_cause == Cause.NORMAL_CLEARING
    assert (seen[0].language, seen[0].accountcode) == ("de", "acc")
    assert (seen[0].caller.id.number, seen[0].caller.id.name) == ("1001", "Phone")
    assert seen[0].name.startswith("PJSIP/phone-")
    assert seen[0].protocol_id == phone.call_id


@ensureDeferred
async def test_the_phone_hangs_up(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    await phone.established("101")
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()
    assert seen[0].hangup_cause == Cause.NORMAL_CLEARING


@ensureDeferred
async def test_the_reason_of_a_bye_is_the_cause(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    await phone.established("101")
    phone.request("BYE", headers=["Reason: Q.850;cause=31"])
    await phone.response(200, "BYE")
    await exchange.wait_idle()
    assert seen[0].hangup_cause == 31


@pytest.mark.parametrize(
    ("target", "code"), [("102", 486), ("106", 503), ("999", 404), ("1234", 484), ("nobody%20here", 404)]
)
@ensureDeferred
async def test_refused_calls(exchange: Any, phone: Any, target: str, code: int) -> None:
    phone.invite(target)
    await phone.response(code)
    phone.ack_failure()
    await exchange.wait_idle()


@ensureDeferred
async def test_an_unanswered_call_is_sent_elsewhere(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    phone.invite("103")
    await phone.response(180)
    (channel,) = exchange.server.channels
    for wrong in ("", "nobody", "phone", "tel:1", "sip:"):
        assert not channel.transfer(wrong), wrong
    assert channel.transfer("sip:bob@192.0.2.7:5070;transport=tcp")
    moved = await phone.response(302)
    assert moved.headers.get_all("Contact") == ["<sip:bob@192.0.2.7:5070;transport=tcp>"]
    phone.ack_failure()
    await exchange.wait_idle()
    assert len(seen) == 1


@ensureDeferred
async def test_an_answered_call_is_referred(exchange: Any, phone: Any) -> None:
    await phone.established("101")
    (channel,) = exchange.server.channels
    assert channel.transfer("sip:bob@192.0.2.7")
    refer = await phone.wanted("REFER")
    assert refer.headers.get("Refer-To") == "<sip:bob@192.0.2.7>"
    assert refer.headers.get("Referred-By").startswith("<sip:")
    phone.answer(refer, 202)
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()


@ensureDeferred
async def test_no_common_codec(exchange: Any, phone: Any, sdp: Any) -> None:
    phone.invite("100", sdp(formats="18", lines=()))
    answer = await phone.response(488)
    assert "no codec in common" in answer.headers.get("Warning")
    phone.ack_failure()


@ensureDeferred
async def test_a_body_that_is_no_description(exchange: Any, phone: Any) -> None:
    phone.invite("100", "v=0\r\nnonsense\r\n")
    await phone.response(400)
    phone.ack_failure()


@ensureDeferred
async def test_a_body_of_another_kind(exchange: Any, phone: Any) -> None:
    phone.request("INVITE", body="hello", content_type="text/plain")
    answer = await phone.response(415)
    assert "application/sdp" in answer.headers.get("Accept")
    phone.ack_failure()


@ensureDeferred
async def test_required_extensions(exchange: Any, phone: Any) -> None:
    phone.invite("100", headers=["Require: 100rel, unheard-of"])
    answer = await phone.response(420)
    assert answer.headers.get("Unsupported") == "unheard-of"
    phone.ack_failure()


@ensureDeferred
async def test_cancel_while_it_rings(exchange: Any, phone: Any) -> None:
    phone.invite("103")
    await phone.response(180)
    phone.remote_tag = ""
    phone.request("CANCEL", cseq=phone.cseq, branch=phone.branch)
    await phone.response(200, "CANCEL")
    await phone.response(487)
    phone.ack_failure()
    await exchange.wait_idle()


@ensureDeferred
async def test_cancel_before_anything_was_said(exchange: Any, phone: Any) -> None:
    phone.invite("105")
    phone.request("CANCEL", cseq=phone.cseq, branch=phone.branch)
    await phone.response(200, "CANCEL")
    phone.remote_tag = ""
    await phone.response(487)
    phone.ack_failure()
    await exchange.wait_idle()


@ensureDeferred
async def test_answered_elsewhere(exchange: Any, phone: Any) -> None:
    seen = ends(exchange)
    phone.invite("103")
    await phone.response(180)
    phone.remote_tag = ""
    reason = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
    phone.request("CANCEL", cseq=phone.cseq, branch=phone.branch, headers=[reason])
    await phone.response(200, "CANCEL")
    await phone.response(487)
    phone.ack_failure()
    await exchange.wait_idle()
    assert seen[0].hangup_cause == Cause.ANSWERED_ELSEWHERE


@ensureDeferred
async def test_early_media(exchange: Any, phone: Any) -> None:
    phone.invite("104")
    progress = await phone.response(183)
    early = parse(progress.body)
    answer = await phone.response(200)
    assert parse(answer.body) == early
    phone.ack()
    phone.request("BYE")
    await phone.response(200, "BYE")


@ensureDeferred
async def test_a_call_without_offer(exchange: Any, phone: Any, sdp: Any) -> None:
    phone.invite("101", "")
    answer = await phone.response(200)
    offer = parse(answer.body)
    assert offer.media[0].formats == ["0", "8", "101"]
    phone.ack(sdp(formats="8", lines=()))
    await exchange.until(lambda: exchange.engine.streams == 1, "a stream")
    phone.request("BYE")
    await phone.response(200, "BYE")


@ensureDeferred
async def test_a_call_without_offer_whose_ack_has_no_answer_ends(exchange: Any, phone: Any) -> None:
    phone.invite("101", "")
    await phone.response(200)
    phone.ack()
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)


@ensureDeferred
async def test_repeated_messages_change_nothing(exchange: Any, phone: Any) -> None:
    again = phone.invite("101")
    answer = await phone.response(200)
    phone.raw(again)
    phone.raw(again)
    repeated = await phone.response(200)
    assert repeated.body == answer.body
    assert len(exchange.channels) == 1
    ack = phone.ack()
    phone.raw(ack)
    bye = phone.request("BYE")
    await phone.response(200, "BYE")
    phone.raw(bye)
    await phone.response(200, "BYE")


@ensureDeferred
async def test_a_bye_before_the_ack(exchange: Any, phone: Any) -> None:
    phone.invite("101")
    await phone.response(200)
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()


@ensureDeferred
async def test_hang_up_before_the_ack_waits_for_it(exchange: Any, phone: Any) -> None:
    phone.invite("100")
    await phone.response(200)
    await exchange.until(lambda: not exchange.channels, "the channel's end")
    phone.ack()
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)


@ensureDeferred
async def test_both_hang_up_at_once(exchange: Any, phone: Any) -> None:
    await phone.established("100")
    await phone.wanted("BYE")
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()


@ensureDeferred
async def test_what_belongs_to_no_call(exchange: Any, phone: Any, sdp: Any) -> None:
    phone.remote_tag = "unknown"
    phone.request("BYE")
    await phone.response(481, "BYE")
    phone.request("ACK")
    phone.request("INVITE", body=sdp())
    await phone.response(481)
    phone.ack_failure()


@ensureDeferred
async def test_no_media_port_left(exchange: Any, phone: Any) -> None:
    taken = []
    with pytest.raises(Exception, match="no RTP port"):  # noqa: PT012
        while True:
            taken.append(exchange.engine.lend_transport())
    phone.invite("100")
    await phone.response(503)
    phone.ack_failure()
    for transport in taken:
        transport.release()


@ensureDeferred
async def test_headers_and_channel_attributes_are_readable(exchange: Any, phone: Any) -> None:
    phone.invite("101", headers=["X-Colour: blue", "x-colour: red"])
    await phone.response(200)
    phone.ack()
    channel = next(iter(exchange.server.channels))
    store = exchange.sessions.of_channel(channel).headers
    assert store.read("X-Colour", 2) == "red"
    read = channel.driver.read_attribute
    assert read("pjsip", ["call-id"]) == phone.call_id
    assert read("pjsip", ["remote_tag"]) == phone.tag
    assert read("pjsip", ["local_addr"]) == f"127.0.0.1:{exchange.port}"
    assert read("pjsip", ["remote_addr"]) == f"127.0.0.1:{phone.port}"
    assert read("rtp", ["dest"]) == "127.0.0.1:40000"
    assert read("endpoint", []) == "phone"
    assert read("pjsip", ["nonsense"]) is None
    assert channel.get_variable("GREETING") == "hello"
    assert channel.get_variable("SIPDOMAIN") == "127.0.0.1"
    assert channel.name in (await exchange.server.cli.run("pjsip show channels")).output
    assert "ulaw" in (await exchange.server.cli.run("pjsip show channelstats")).output
    phone.request("BYE")
    await phone.response(200, "BYE")


@pytest.mark.parametrize(
    ("options", "agreed"),
    [
        ("", ["0", "8", "101"]),
        ("preferred_codec_only = yes", ["0", "101"]),
        ("incoming_call_offer_pref = remote", ["8", "0", "101"]),
        ("incoming_call_offer_pref = remote_first", ["8", "101"]),
        ("incoming_call_offer_pref = local_first", ["0", "101"]),
    ],
)
@ensureDeferred
async def test_codecs_of_the_answer(exchange: Any, phone: Any, sdp: Any, agreed: list[str]) -> None:
    answer = await phone.established("101", sdp(formats="18 8 0 101"))
    assert parse(answer.body).media[0].formats == agreed
    phone.request("BYE")
    await phone.response(200, "BYE")


@pytest.mark.parametrize("options", ["tone_zone = fr"])
@pytest.mark.parametrize(
    "extensions",
    [
        (
            'extensions = {default = {["100"] = function() '
            'app.Hangup(channel["CHANNEL(tonezone)"]:get() == "fr" and 17 or 38) end}}'
        )
    ],
)
@ensureDeferred
async def test_tone_zone(phone: Any) -> None:
    phone.invite("100")
    await phone.response(486)
    phone.ack_failure()

"""What endpoints and dialplans may do to a call: maintenance, refusal, one-touch keys, refreshes, routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core.dial import Destination, Dial, DialOptions
from pbx.core.messages import DigitEnded
from pbx.media.sdp import Direction
from pbx.media.sdp_parser import parse
from pbx.pjsip.maintenance import Maintenance, MaintenanceChanged

LUA = """
extensions = {}
extensions.default = {
    ["101"] = function() app.Answer(); app.Wait(30) end;
    ["110"] = function() app.Ringing(); app.PJSIPHangup("437") end;
    ["111"] = function() app.Ringing(); app.PJSIPHangup("BUSY_HERE") end;
    ["112"] = function() app.Ringing(); app.PJSIPHangup("nonsense") end;
    ["113"] = function() app.Progress(); app.Answer(); app.Hangup() end;
    ["114"] = function() channel.PJSIP_DTMF_MODE():set("info"); app.Answer(); app.Wait(30) end;
    ["115"] = function()
        app.Answer(); app.Wait(0.2)
        channel.PJSIP_MEDIA_OFFER("audio"):set("alaw")
        channel.PJSIP_SEND_SESSION_REFRESH():set("invite")
        app.Wait(30)
    end;
    ["116"] = function()
        channel.PJSIP_INHERITABLE_HEADER("add", "X-Ours"):set("one")
        channel.PJSIP_INHERITABLE_HEADER("add", "X-Gone"):set("two")
        channel.PJSIP_INHERITABLE_HEADER("remove", "X-G*"):set("")
        channel.PJSIP_INHERITABLE_HEADER("update", "X-Ours"):set("three")
        app.Dial("Local/117@default/n")
    end;
    ["117"] = function() app.Dial(channel.BOB:get()) end;
}
"""
FEATURES = "[featuremap]\nautomixmon => *3\n"

pytestmark = pytest.mark.parametrize("extensions", [LUA])


@pytest.fixture
def bob(exchange: Any, phone: Any) -> Iterator[Any]:
    """A second phone behind the same address."""
    from twisted.internet import reactor

    made = type(phone)(reactor, exchange)
    exchange.server.channels.set_global("BOB", f"PJSIP/phone/sip:bob@127.0.0.1:{made.port}")
    yield made
    pytest_twisted.blockon(defer.maybeDeferred(made.listener.stopListening))


def call(exchange: Any, address: str) -> defer.Deferred[Any]:
    server = exchange.server
    dial = Dial(server.channels, server.technologies, None, [Destination("PJSIP", address)], DialOptions())
    return defer.ensureDeferred(dial.run())


async def end(phone: Any) -> None:
    phone.request("BYE")
    await phone.response(200, "BYE")


@ensureDeferred
async def test_an_endpoint_in_maintenance_takes_and_gets_no_calls(exchange: Any, phone: Any) -> None:
    changes: list[Any] = []
    exchange.server.bus.subscribe(MaintenanceChanged, changes.append)
    await phone.established("101")
    maintenance = exchange.server.require(Maintenance)
    assert maintenance.set("phone", True) == 1
    assert maintenance.set("phone", True) == 0
    with pytest.raises(LookupError, match="Endpoint 'nobody' not found"):
        maintenance.set("nobody", True)
    # The call there is goes on.
    phone.request("INFO")
    await phone.response(200, "INFO")
    await end(phone)
    phone.remote_tag = ""
    phone.invite("101")
    refused = await phone.response(503)
    assert refused.headers.get("Retry-After") == "300"
    assert (await call(exchange, f"phone/sip:bob@127.0.0.1:{phone.port}")).status == "CHANUNAVAIL"
    assert maintenance.command_show([]).splitlines()[3].split() == ["phone", "ON"]
    assert maintenance.command_set(["off", "all"]) == "Maintenance mode DISABLED for 1 endpoint"
    assert maintenance.command_set(["off", "phone"]) == "Endpoint 'phone' was not in maintenance mode"
    assert changes == [MaintenanceChanged("phone", True), MaintenanceChanged("all", False)]
    phone.remote_tag = ""
    await phone.established("101")
    await end(phone)


@pytest.mark.parametrize(("target", "code"), [("110", 437), ("111", 486), ("112", 603)])
@ensureDeferred
async def test_pjsiphangup_refuses_with_the_code_wanted(exchange: Any, phone: Any, target: str, code: int) -> None:
    phone.invite(target)
    await phone.response(180)
    await phone.response(code)
    phone.ack_failure()


@pytest.mark.parametrize("files", [{"features.conf": FEATURES}])
@pytest.mark.parametrize("options", ["one_touch_recording = yes\nrecord_off_feature = nosuch"])
@ensureDeferred
async def test_a_recording_key_is_pressed_as_its_code(exchange: Any, phone: Any) -> None:
    digits: list[Any] = []
    exchange.server.bus.subscribe(DigitEnded, digits.append)
    await phone.established("101")
    phone.request("INFO", headers=("Record: on",))
    await phone.response(200, "INFO")
    await exchange.until(lambda: len(digits) == 2, "two digits")
    assert [message.digit for message in digits] == ["*", "3"]
    phone.request("INFO", headers=("Record: off",))
    await phone.response(403, "INFO")
    await end(phone)


@ensureDeferred
async def test_a_recording_key_is_refused_where_it_is_not_allowed(exchange: Any, phone: Any) -> None:
    await phone.established("101")
    phone.request("INFO", headers=("Record: on",))
    await phone.response(403, "INFO")
    await end(phone)


@ensureDeferred
async def test_a_part_that_must_be_understood(exchange: Any, phone: Any, sdp: Any) -> None:
    body = (
        f"--x\r\nContent-Type: application/sdp\r\n\r\n{sdp()}\r\n--x\r\nContent-Type: application/ISUP\r\n"
        "Content-Disposition: signal;handling={}\r\n\r\n...\r\n--x--\r\n"
    )
    kind = "multipart/mixed;boundary=x"
    phone.target = "101"
    phone.request("INVITE", body=body.format("required"), content_type=kind)
    await phone.response(415)
    phone.ack_failure()
    phone.remote_tag = ""
    phone.request("INVITE", body=body.format("optional"), content_type=kind)
    await phone.response(200)
    phone.ack()
    await end(phone)


@pytest.mark.parametrize("options", ["100rel = peer_supported"])
@ensureDeferred
async def test_an_answer_that_waits_for_prack_is_sent_before_the_end(exchange: Any, phone: Any) -> None:
    phone.invite("113", headers=("Supported: 100rel",))
    progress = await phone.response(183)
    phone.request("PRACK", headers=(f"RAck: {progress.headers.get('RSeq')} 1 INVITE",))
    await phone.response(200, "PRACK")
    await phone.response(200)
    phone.request("ACK", cseq=1)
    phone.answer(await phone.wanted("BYE"), 200)


@ensureDeferred
async def test_the_dtmf_mode_is_in_the_answer(exchange: Any, phone: Any) -> None:
    answer = await phone.established("114")
    assert parse(answer.body).media[0].formats == ["0"]
    await end(phone)


@ensureDeferred
async def test_a_refresh_offers_the_codecs_chosen(exchange: Any, phone: Any, sdp: Any) -> None:
    await phone.established("115")
    again = await phone.wanted("INVITE")
    assert parse(again.body).media[0].formats == ["8", "101"]
    phone.answer(again, 200, body=sdp(formats="8 101", version=2))
    await phone.wanted("ACK")
    await end(phone)


@pytest.mark.parametrize("options", ["moh_passthrough = yes"])
@ensureDeferred
async def test_hold_is_passed_on_where_it_is_wanted(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    phone.invite("117")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 200, body=sdp())
    await phone.response(200)
    phone.ack()
    await bob.wanted("ACK")
    for attribute, direction in (("sendonly", Direction.SENDONLY), ("sendrecv", Direction.SENDRECV)):
        phone.request("INVITE", body=sdp(lines=(f"a={attribute}",), version=phone.cseq + 1))
        await phone.response(200)
        phone.ack()
        again = await bob.wanted("INVITE")
        assert parse(again.body).media[0].direction is direction
        bob.answer(again, 200, body=sdp(version=phone.cseq))
        await bob.wanted("ACK")
    await end(phone)
    bob.answer(await bob.wanted("BYE"), 200)


@ensureDeferred
async def test_headers_that_dialled_channels_inherit(exchange: Any, phone: Any, bob: Any) -> None:
    phone.invite("116")
    invite = await bob.wanted("INVITE")
    assert invite.headers.get_all("X-Ours") == ["three"]
    assert "X-Gone" not in invite.headers
    bob.answer(invite, 486)
    await bob.wanted("ACK")
    await phone.response(486)
    phone.ack_failure()


@pytest.mark.parametrize("options", ["rewrite_contact = yes"])
@ensureDeferred
async def test_the_first_hop_of_a_route_is_where_messages_come_from(exchange: Any, phone: Any, sdp: Any) -> None:
    routes = ("Record-Route: <sip:192.0.2.1:5061;lr>", "Record-Route: <sip:198.51.100.7:5062;lr>")
    contact = "Contact: <sip:phone@192.0.2.9:5063>"
    phone.invite("101", headers=(*routes, contact))
    await phone.response(200)
    phone.ack()
    phone.request("INVITE", body=sdp(version=2), headers=(contact,))
    await phone.response(200)
    phone.ack()
    next(iter(exchange.server.channels)).request_hangup()
    bye = await phone.wanted("BYE")
    assert bye.request_uri == "sip:phone@192.0.2.9:5063"
    assert [value.split(";")[0] for value in bye.headers.values("Route")] == [
        f"<sip:127.0.0.1:{phone.port}",
        "<sip:198.51.100.7:5062",
    ]
    phone.answer(bye, 200)

"""Who is on the line and where a call was meant to go: Remote-Party-ID, Diversion and History-Info inside calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core import messages


@pytest.fixture
def bob(exchange: Any, phone: Any) -> Iterator[Any]:
    """A second phone behind the same address, told from the first by its port in what is dialled."""
    from twisted.internet import reactor

    made = type(phone)(reactor, exchange)
    yield made
    pytest_twisted.blockon(defer.maybeDeferred(made.listener.stopListening))


def dial(exchange: Any, bob: Any) -> None:
    """Let 200 lead to ``bob``."""
    exchange.server.channels.set_global("BOB", f"PJSIP/phone/sip:bob@127.0.0.1:{bob.port}")


LUA = """
extensions = {}
extensions.default = {
    ["200"] = function() app.Dial(channel.BOB:get()) end;
    ["201"] = function()
        app.Dial(channel.BOB:get())
    end;
}
"""
IDENTITY = "send_rpid = yes\ntrust_id_inbound = yes\ntrust_id_outbound = yes\ncallerid = Desk <77>\n"


async def connect(phone: Any, bob: Any, sdp: Any) -> tuple[Any, Any]:
    """A call from ``phone`` to ``bob``; the INVITE that bob got and the 200 that the caller got."""
    phone.invite("200", headers=("Allow: INVITE, UPDATE, BYE",))
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 200, body=sdp(), headers=("Allow: INVITE, UPDATE, BYE",))
    answer = await phone.response(200)
    phone.ack()
    await bob.wanted("ACK")
    return invite, answer


async def end(phone: Any, bob: Any) -> None:
    phone.request("BYE")
    await phone.response(200, "BYE")
    bob.answer(await bob.wanted("BYE"), 200)


@pytest.mark.parametrize("extensions", [LUA])
@pytest.mark.parametrize("options", [IDENTITY])
@ensureDeferred
async def test_the_caller_is_told_whom_it_talks_to(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    _, answer = await connect(phone, bob, sdp)
    assert answer.headers.get_all("Remote-Party-ID") == ['"Desk" <sip:77@127.0.0.1>;party=called;privacy=off;screen=no']
    await end(phone, bob)


@pytest.mark.parametrize("extensions", [LUA])
@pytest.mark.parametrize("options", ["send_rpid = yes"])
@ensureDeferred
async def test_a_party_without_a_number_is_who_was_called(exchange: Any, phone: Any, bob: Any) -> None:
    dial(exchange, bob)
    seen: list[Any] = []
    exchange.server.bus.subscribe(messages.DialBegan, seen.append)
    exchange.server.bus.subscribe(messages.DialEnded, seen.append)
    phone.invite("200")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 180)
    ringing = await phone.response(180)
    assert ringing.headers.get_all("Remote-Party-ID") == ["<sip:200@127.0.0.1>;party=called;privacy=off;screen=no"]
    bob.answer(invite, 486)
    await phone.response(486)
    phone.ack_failure()
    await bob.wanted("ACK")
    assert [each.caller.connected.id.number for each in seen] == ["", "200"]


@pytest.mark.parametrize("extensions", [LUA])
@pytest.mark.parametrize("options", [IDENTITY])
@ensureDeferred
async def test_another_party_in_a_call_is_passed_on_by_update(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    await connect(phone, bob, sdp)
    phone.request("INVITE", body=sdp(version=2), headers=('Remote-Party-ID: "Eve" <sip:99@127.0.0.1>;party=calling',))
    again = await phone.response(200)
    assert b"100 Trying" not in again.raw
    phone.ack()
    update = await bob.wanted("UPDATE")
    assert update.headers.get("Remote-Party-ID") == '"Eve" <sip:99@127.0.0.1>;party=calling;privacy=off;screen=no'
    assert update.body == b""
    bob.answer(update, 200)
    await end(phone, bob)


@pytest.mark.parametrize("extensions", [LUA])
@pytest.mark.parametrize("options", [IDENTITY + "send_connected_line = no", IDENTITY + "trust_connected_line = no"])
@ensureDeferred
async def test_no_party_is_passed_on_where_it_is_unwanted(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    await connect(phone, bob, sdp)
    phone.request("INVITE", body=sdp(version=2), headers=('Remote-Party-ID: "Eve" <sip:99@127.0.0.1>;party=calling',))
    await phone.response(200)
    phone.ack()
    phone.request("BYE")
    await phone.response(200, "BYE")
    bye = await bob.next()
    assert bye.method == "BYE"
    bob.answer(bye, 200)


@pytest.mark.parametrize("extensions", [LUA])
@pytest.mark.parametrize("options", ["send_history_info = yes"])
@ensureDeferred
async def test_a_diverted_call_says_by_whom(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    phone.invite("201", headers=('Diversion: "Desk" <sip:300@127.0.0.1>;reason=no-answer',))
    invite = await bob.wanted("INVITE")
    assert invite.headers.get("Diversion") == '"Desk" <sip:300@127.0.0.1>;reason=no-answer'
    assert invite.headers.get_all("History-Info") == [
        '"Desk" <sip:300@127.0.0.1>;index=1',
        "<sip:201@127.0.0.1;cause=408>;index=1.1",
    ]
    bob.answer(invite, 486)
    await phone.response(486)
    phone.ack_failure()
    await bob.wanted("ACK")


@pytest.mark.parametrize("extensions", [LUA])
@ensureDeferred
async def test_a_181_is_passed_on(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    phone.invite("200")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 181, headers=("Diversion: <sip:400@127.0.0.1>;reason=user-busy",))
    forwarded = await phone.response(181)
    assert (forwarded.headers.get("Diversion") or "").startswith("<sip:400@127.0.0.1>")
    bob.answer(invite, 486)
    await phone.response(486)
    phone.ack_failure()
    await bob.wanted("ACK")


@pytest.mark.parametrize("extensions", [LUA])
@ensureDeferred
async def test_progress_without_a_tag_in_to_counts(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    dial(exchange, bob)
    phone.invite("200")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 183, body=sdp(), tag="")
    progress = await phone.response(183)
    assert progress.body
    bob.answer(invite, 486)
    await phone.response(486)
    phone.ack_failure()
    await bob.wanted("ACK")


@ensureDeferred
async def test_a_body_without_a_type_is_none(exchange: Any, phone: Any) -> None:
    phone.request(
        "INVITE",
        uri=f"sip:101@127.0.0.1:{exchange.port}",
        headers=("Subject: x", "Content-Length: 19", "", "Content-Length: 0\r\n"),
    )
    answer = await phone.response(200)
    assert answer.body
    phone.request("ACK", cseq=phone.cseq, body="")
    await exchange.until(lambda: not exchange.channels, "the call without an answer in the ACK is ended")
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)

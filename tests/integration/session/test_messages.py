"""MESSAGE: to the dialplan, from it to an endpoint with a challenge, and inside a call."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.core import messages
from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages

LUA = """
extensions = { default = {
  ["100"] = function() app.Answer(); app.Echo() end,
  board = function()
    app.UserEvent("Message", "From: " .. channel.MESSAGE("from"):get(), "To: " .. channel.MESSAGE("to"):get(),
      "Body: " .. channel.MESSAGE("body"):get(), "Header: " .. channel.MESSAGE_DATA("X-Id"):get(),
      "Channel: " .. channel.CHANNEL:get())
  end,
  forward = function()
    channel.MESSAGE_DATA("X-Id"):set("7")
    app.MessageSend("pjsip:" .. TARGET:get(), "sip:board@example.com")
    app.UserEvent("Sent", "Status: " .. channel.MESSAGE_SEND_STATUS:get())
  end,
} }
""".replace("TARGET:get()", 'channel.GLOBAL("TARGET"):get()')
OUTBOUND_AUTH = """outbound_auth = us

[us]
type = auth
auth_type = userpass
username = exchange
password = sesame
supported_algorithms_uac = SHA-256,MD5
"""

pytestmark = pytest.mark.parametrize("extensions", [LUA])


def user_events(exchange: Any) -> list[Any]:
    seen: list[Any] = []
    exchange.server.bus.subscribe(messages.UserEvent, seen.append)
    return seen


def send(phone: Any, target: str, body: str = "Watson come here", content_type: str = "text/plain") -> str:
    phone.target = target
    return phone.request("MESSAGE", headers=["X-Id: 42"], body=body, content_type=content_type)  # type: ignore[no-any-return]


@ensureDeferred
async def test_the_dialplan_reads_a_message(exchange: Any, phone: Any) -> None:
    seen = user_events(exchange)
    created: list[Any] = []
    exchange.server.bus.subscribe(messages.ChannelCreated, created.append)
    send(phone, "board")
    await phone.response(202, "MESSAGE")
    await exchange.until(lambda: bool(seen), "the dialplan has run")
    assert dict(seen[0].fields) == {
        "From": "Phone <sip:1001@127.0.0.1>",
        "To": "pjsip:board@127.0.0.1",
        "Body": "Watson come here",
        "Header": "42",
        "Channel": "Message/ast_msg_queue",
    }
    assert created == []
    assert exchange.channels == []


@ensureDeferred
async def test_a_message_sent_twice_is_handled_once(exchange: Any, phone: Any) -> None:
    seen = user_events(exchange)
    text = send(phone, "board")
    phone.raw(text)
    await phone.response(202, "MESSAGE")
    await phone.response(202, "MESSAGE")
    await exchange.until(lambda: bool(seen), "the dialplan has run")
    assert len(seen) == 1


@ensureDeferred
@pytest.mark.parametrize(("target", "kind", "code"), [("nobody", "text/plain", 404), ("board", "image/png", 415)])
async def test_what_is_not_for_us(exchange: Any, phone: Any, target: str, kind: str, code: int) -> None:
    send(phone, target, content_type=kind)
    await phone.response(code, "MESSAGE")


@ensureDeferred
@pytest.mark.parametrize("options", [OUTBOUND_AUTH])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_message_is_sent_and_its_challenge_answered(exchange: Any, phone: Any, algorithm: str) -> None:
    exchange.server.channels.set_global("TARGET", f"phone/sip:bob@127.0.0.1:{phone.port};transport=udp")
    seen = user_events(exchange)
    heard: list[messages.TestEvent] = []
    exchange.server.bus.subscribe(messages.TestEvent, heard.append)
    send(phone, "forward")
    first = await phone.wanted("MESSAGE")
    assert first.request_uri == f"sip:bob@127.0.0.1:{phone.port};transport=udp"
    assert first.body == b"Watson come here"
    assert str(first.from_).startswith("<sip:board@example.com>")
    assert (first.headers.get("X-Id"), first.content_type) == ("7", "text/plain")
    assert first.headers.get("Contact") is None
    (told,) = heard
    assert told.state == "MSG_FROMTO_URI"
    assert (
        dict(told.fields).items()
        >= {
            "MdataDestination": f"phone/{first.request_uri}",
            "Endpoint": "phone",
            "RequestURI": first.request_uri,
            "FromURI": str(first.from_.uri),
        }.items()
    )
    challenge = f'Digest realm="there", nonce="n1", qop="auth", algorithm={algorithm}'
    phone.answer(first, 401, headers=[f"WWW-Authenticate: {challenge}"])
    second = await phone.wanted("MESSAGE")
    assert (second.call_id, second.from_.tag, second.cseq) == (first.call_id, first.from_.tag, first.cseq + 1)
    given = second.headers.get("Authorization")
    assert 'username="exchange", realm="there", nonce="n1"' in given
    assert re.search(rf'response="[0-9a-f]{{{32 if algorithm == "MD5" else 64}}}"', given)
    phone.answer(second, 403)
    await exchange.until(lambda: bool(seen), "the dialplan has run")
    assert dict(seen[0].fields) == {"Status": "SUCCESS"}


@ensureDeferred
async def test_destinations_that_cannot_be_reached(exchange: Any, phone: Any) -> None:
    texts = exchange.server.require(TextMessages)
    heard: list[messages.TestEvent] = []
    exchange.server.bus.subscribe(messages.TestEvent, heard.append)
    for destination in (
        "pjsip:nobody/x",
        "pjsip:PJSIP/phone",
        "pjsip:PJSIP/1@nobody",
        "pjsip:phone",
        "pjsip:host.invalid",
    ):
        with pytest.raises(MessageNotSent):
            texts.send(TextMessage(body="x"), destination)
    with pytest.raises(MessageNotSent, match="tel:1"):
        texts.send(TextMessage(body="x"), f"pjsip:phone/sip:b@127.0.0.1:{phone.port}", "tel:1")
    assert {each.state for each in heard} == {"MSG_ENDPOINT_URI_FAIL"}
    assert dict(heard[0].fields)["MdataDestination"] == "nobody/x"


@ensureDeferred
async def test_text_inside_a_call_comes_back_by_echo(exchange: Any, phone: Any) -> None:
    await phone.established("100")
    phone.request("MESSAGE", body="hello", content_type="text/plain")
    await phone.response(202, "MESSAGE")
    phone.request("MESSAGE", body="{}", content_type="application/x-it+json")
    await phone.response(202, "MESSAGE")
    (channel,) = exchange.server.channels
    assert channel.send_text("[1]", "application/x-it+json")
    sent = await phone.wanted("MESSAGE")
    assert (sent.content_type, sent.body) == ("application/x-it+json", b"[1]")
    phone.answer(sent, 200)
    phone.request("MESSAGE", body="x", content_type="image/png")
    await phone.response(415, "MESSAGE")
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()


@ensureDeferred
async def test_without_the_module_there_are_no_messages(exchange: Any, phone: Any) -> None:
    await exchange.server.modules.unload("res_pjsip_messaging")
    send(phone, "board")
    refused = await phone.response(405, "MESSAGE")
    assert "MESSAGE" not in (refused.headers.get("Allow") or "")
    with pytest.raises(MessageNotSent):
        exchange.server.require(TextMessages).send(TextMessage(body="x"), "pjsip:phone")

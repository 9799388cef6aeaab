"""MessageSend."""

from __future__ import annotations

import base64

import pytest

from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair


class Wire:
    """A technology that notes what it is to send."""

    message_scheme = "wire"

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, str, dict[str, str]]] = []

    def send_message(self, message: TextMessage, destination: str, sender: str) -> None:
        if destination == "nobody":
            raise MessageNotSent("there is no nobody")
        self.sent.append((destination, sender, message.to, message.body, dict(message.outbound())))


@pytest.fixture
def wire(harness: DialplanHarness) -> Wire:
    texts, made = TextMessages(), Wire()
    texts.register_technology(made)
    harness.server.provide(TextMessages, texts)
    return made


def test_message_send(admin: AmiPair, wire: Wire) -> None:
    reply = admin.reply(
        "MessageSend", Destination="wire:bob", To="sip:b@h", From="sip:a", Body="hi", Variable="X-One=1"
    )
    assert (reply["Response"], reply["Message"]) == ("Success", "Message successfully sent")
    encoded = base64.b64encode(b"two\nlines").decode()
    assert admin.reply("MessageSend", To="wire:bob", Base64Body=encoded)["Response"] == "Success"
    assert wire.sent == [("bob", "sip:a", "sip:b@h", "hi", {"X-One": "1"}), ("bob", "", "", "two\nlines", {})]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "No 'To' address specified."),
        ({"To": "pigeon:bob"}, "Message technology not found."),
        ({"To": "wire:nobody"}, "Message failed to send."),
        ({"To": "wire:bob", "Base64Body": "a"}, "Base64Body cannot be decoded."),
    ],
)
def test_message_send_refused(admin: AmiPair, wire: Wire, fields: dict[str, str], why: str) -> None:
    reply = admin.reply("MessageSend", **fields)
    assert (reply["Response"], reply["Message"]) == ("Error", why)
    assert wire.sent == []

from __future__ import annotations

from pbx.testing.message import SipMessage

RESPONSE = (
    "SIP/2.0 486 Busy Here\r\n"
    "v: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    "Subject: one\r\n  two\r\n"
    "CSeq: 1 INVITE\r\n"
    "X-Many: 1\r\nx-many: 2\r\n"
    "\r\nbody\r\n"
)


def test_response_is_read() -> None:
    message = SipMessage.parse(RESPONSE)
    assert (message.status, message.reason, message.method) == (486, "Busy Here", "")
    assert message.header("VIA") == "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"
    assert message.header("s") == "one two"
    assert message.all_headers("X-Many") == ["1", "2"]
    assert message.cseq_method == "INVITE"
    assert message.body == "body\n"
    assert message.header("Missing") is None


def test_request_is_read() -> None:
    message = SipMessage.parse("BYE sip:a@b SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n")
    assert (message.status, message.method) == (0, "BYE")

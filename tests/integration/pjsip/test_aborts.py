"""Each message known to abort PJSIP 2.15.1, sent to a host over UDP: it lives, and answers as it should.

The other known ways to its assertions need a call, media or a mistake of ours, and are tested where those are:

* a challenged PRACK of a dead call: integration/session/test_outgoing.py
* a body in PRACK that cannot be negotiated: integration/session/test_changes.py
* an event subscription's end: integration/session/test_subscriptions.py (no event subscription is PJSIP's)
* an ioqueue's 65th socket: integration/media/test_transports.py
* a bridge with a sound device, a stream without an event manager: every test in integration/media
* an answer to an ACK, a module too many, the earliest time of an empty timer heap: test_guards.py
* a struct first met in a callback's type (cffi): unit/pjsip/test_abi.py
* many values from a Lua coroutine: unit/dialplan/test_lua_guards.py
"""

from __future__ import annotations

from typing import Any

import pytest

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
CONTACT = "Contact: <sip:a@127.0.0.1>"


def test_record_route_with_hide_and_without_lr(process: Any) -> None:
    raw = process.request("INVITE", "Record-Route: <sip:h;hide>", CONTACT)
    assert process.answer_to(raw).startswith("SIP/2.0 400 ")
    process.assert_alive()


def test_record_route_that_is_no_sip_uri(process: Any) -> None:
    raw = process.request("INVITE", "Record-Route: <tel:+1>", CONTACT)
    assert process.answer_to(raw).startswith("SIP/2.0 400 ")
    process.assert_alive()


@pytest.mark.parametrize("contact", ["<tel:+123>", "*", "<mailto:a@b>"])
def test_contact_that_is_no_sip_uri(process: Any, contact: str) -> None:
    assert process.answer_to(process.request("INVITE", f"Contact: {contact}")).startswith("SIP/2.0 400 ")
    process.assert_alive()


@pytest.mark.parametrize("extra", ["Contact: <tel:+123>", "Record-Route: <tel:1>\r\nContact: <sip:a@127.0.0.1:PORT>"])
def test_2xx_whose_target_is_no_sip_uri(process: Any, extra: str) -> None:
    process.call(f"sip:callee@127.0.0.1:{process.port}")
    invite = process.receive(b"INVITE sip:callee").decode()
    copied = [line for line in invite.split("\r\n") if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
    to = next(line for line in invite.split("\r\n") if line.startswith("To:")) + ";tag=callee"
    head = [
        "SIP/2.0 200 OK",
        *copied,
        to,
        extra.replace("PORT", str(process.port)),
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP)}",
    ]
    process.udp.send("\r\n".join(head).encode() + b"\r\n\r\n" + SDP)
    assert b"CSeq: " in process.receive(b"ACK sip:")
    process.assert_alive()


def test_an_ack_out_of_nowhere_is_not_answered(process: Any) -> None:
    process.udp.send(process.request("ACK"))
    process.udp.send(process.request("ACK").replace(b"To: <sip:x@127.0.0.1>", b"To: <sip:x@127.0.0.1>;tag=5"))
    process.udp.send(process.request("ACK", "Record-Route: <sip:h;hide>"))
    process.assert_alive()


@pytest.mark.parametrize(
    "extra",
    [
        "Content-Length: 99999999999999999999",
        "Allow: " + ",".join(f"M{n}" for n in range(200)),
        "Supported: " + "," * 200,
        'Subject: "open',
        "Route: <sip:[]>",
        "X-Y:" + " y" * 2000,
        "X: y",
        "Expires: 99999999999999999999",
        "CSeq: 99999999999999999999 INVITE",
        "Via: SIP/2.0/UDP [2001:db8::1",
        "Max-Forwards: -1",
        "Contact: <sip:" + "u" * 3000 + "@h>",
        "Require: " + ",".join(f"r{n}" for n in range(100)),
    ],
)
def test_headers_that_upstream_hardened_since(process: Any, extra: str) -> None:
    process.udp.send(process.request("INVITE", extra, CONTACT, body=SDP))
    process.assert_alive()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b--",
        b"--b\r\n",
        b"--b\r\n\r\n",
        b"--b-",
        b"--b \t",
        b"--b\r",
        b"\r\n--b\r\nx",
        b"--b\r\n:\r\n\r\n--b--",
    ],
)
def test_multiparts_of_every_shape(process: Any, body: bytes) -> None:
    raw = process.request("INVITE", "Content-Type: multipart/mixed;boundary=b", CONTACT, body=body)
    assert process.answer_to(raw)
    process.assert_alive()


def test_a_message_larger_than_pjsips_buffer(process: Any) -> None:
    assert process.answer_to(process.request("OPTIONS", "X-Long: " + "x" * 20_000)) == "SIP/2.0 200 OK"
    assert process.answer_to(process.request("INVITE", CONTACT, "X-Y: " + "y" * 3000, body=SDP * 60)).startswith(
        "SIP/2.0 486"
    )
    long_route = [f"Record-Route: <sip:proxy{n}.example.com;lr>" for n in range(200)]
    assert process.answer_to(process.request("INVITE", *long_route, CONTACT)).startswith("SIP/2.0 486")
    process.assert_alive()

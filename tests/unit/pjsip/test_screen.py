"""What reaches PJSIP's parser: ordinary messages untouched, everything known to abort it kept away or repaired."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.pjsip.message import SipMessage
from pbx.pjsip.screen import MAX_MESSAGE, Verdict, refusal, screen

SOURCE = ("192.0.2.9", 5099)
SDP = b"v=0\r\n"


def message(
    start: bytes = b"INVITE sip:100@example.com SIP/2.0",
    *extra: bytes,
    contact: bytes = b"<sip:alice@192.0.2.1:5062>",
    body: bytes = b"",
    length: bytes | None = None,
) -> bytes:
    method = b"INVITE" if start.startswith(b"SIP/") else start.split()[0]
    lines = [
        start,
        b"Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport",
        b"Max-Forwards: 70",
        b"From: <sip:alice@example.com>;tag=1",
        b"To: <sip:100@example.com>",
        b"Call-ID: abc",
        b"CSeq: 1 " + method,
        *([b"Contact: " + contact] if contact else []),
        *extra,
        b"Content-Length: " + (b"%d" % len(body) if length is None else length),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def refused(raw: bytes) -> str:
    verdict = screen(raw, SOURCE)
    assert verdict is not None
    assert verdict.raw is None
    assert verdict.code >= 400
    return verdict.reason


def repaired(raw: bytes) -> Verdict:
    verdict = screen(raw, SOURCE)
    assert verdict is not None
    assert verdict.raw is not None
    return verdict


@pytest.mark.parametrize(
    "raw",
    [
        message(),
        message(body=SDP),
        message(b"SIP/2.0 200 OK"),
        message(b"OPTIONS tel:+1234 SIP/2.0", contact=b""),
        message(b"REGISTER sip:example.com SIP/2.0", contact=b"*"),
        message(b"INVITE sip:a@b SIP/2.0", b"Record-Route: <sip:p;lr>, <sip:q;lr;hide>"),
        message(b"INVITE sip:a@b SIP/2.0", b"Subject: a\r\n b").replace(b"Subject: a\r\n b", b"Subject: a b"),
        message(contact=b'"Alice \\" B" <sips:alice@[2001:db8::1]>;q=1'),
        message(b"INVITE sip:a@b SIP/2.0", b"Allow: " + b", ".join(b"M%d" % n for n in range(24))).replace(b", ", b","),
    ],
)
def test_ordinary_messages_pass_untouched(raw: bytes) -> None:
    assert screen(raw, SOURCE) is None


def test_record_route_with_hide_and_without_lr() -> None:
    assert "hide" in refused(message(b"INVITE sip:a@b SIP/2.0", b"Record-Route: <sip:h;hide>"))
    assert "hide" in refused(message(b"OPTIONS sip:a@b SIP/2.0", b"record-ROUTE : <sip:a;lr>, <sip:h;HIDE>"))


@pytest.mark.parametrize("method", [b"INVITE", b"SUBSCRIBE", b"UPDATE", b"NOTIFY", b"REFER"])
@pytest.mark.parametrize(
    "contact", [b"<tel:+123>", b"*", b"mailto:x@y", b'"sip:a@b" <http://x>', b"<sip:a@b>, <tel:1>"]
)
def test_a_target_that_is_no_sip_uri(method: bytes, contact: bytes) -> None:
    assert "contact" in refused(message(method + b" sip:a@b SIP/2.0", contact=contact))


def test_a_record_route_that_is_no_sip_uri() -> None:
    assert "record-route" in refused(message(b"INVITE sip:a@b SIP/2.0", b"Record-Route: <tel:+123>"))


@pytest.mark.parametrize("status", [b"SIP/2.0 183 Progress", b"SIP/2.0 200 OK"])
def test_a_response_that_cannot_be_acknowledged_is_repaired(status: bytes) -> None:
    verdict = repaired(message(status, b"Record-Route: <sip:h;hide>", contact=b"<tel:+123>"))
    assert verdict.unusable
    assert verdict.raw is not None
    assert b"\r\nContact: <sip:192.0.2.9:5099>\r\n" in verdict.raw
    assert b"Record-Route" not in verdict.raw


def test_multipart_is_hidden_from_pjsip_only() -> None:
    raw = message(b"INVITE sip:a@b SIP/2.0", b"c: Multipart/mixed;boundary=b", body=b"--b\r\n\r\nx\r\n--b--")
    verdict = repaired(raw)
    assert verdict.raw is not None
    assert verdict.reading is not None
    assert b"\r\nc: xultipart/mixed;boundary=b\r\n" in verdict.raw
    assert len(verdict.raw) == len(verdict.reading)
    assert SipMessage(verdict.reading).content_type == "multipart/mixed"
    assert not verdict.unusable


@pytest.mark.parametrize("number", [b"2147483648", b"4294967296", b"9" * 40, b"-1", b"1x", b""])
def test_cseq_beyond_31_bits(number: bytes) -> None:
    assert "CSeq" in refused(message().replace(b"CSeq: 1 ", b"CSeq: " + number + b" "))


@pytest.mark.parametrize("number", [b"2147483647", b"0000000000007", b"1\t"])
def test_cseq_up_to_31_bits(number: bytes) -> None:
    assert screen(message().replace(b"CSeq: 1 ", b"CSeq: " + number + b" "), SOURCE) is None


@pytest.mark.parametrize("length", [b"99999999999999999999", b"-1", b"", b"1x", b"500"])
def test_content_lengths(length: bytes) -> None:
    assert "Content-Length" in refused(message(length=length, body=b"abc"))


def test_two_content_lengths() -> None:
    assert "content-length" in refused(message(b"INVITE sip:a@b SIP/2.0", b"l: 3", body=b"abc"))


def test_bytes_behind_the_body_are_cut() -> None:
    verdict = repaired(message(length=b"3", body=b"abcdef"))
    assert verdict.raw is not None
    assert verdict.raw.endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize("name", [b"Allow", b"Accept", b"Supported", b"Unsupported", b"k"])
def test_long_lists_are_cut(name: bytes) -> None:
    verdict = repaired(message(b"INVITE sip:a@b SIP/2.0", name + b": " + b",".join(b"x%d" % n for n in range(100))))
    assert verdict.raw is not None
    assert verdict.raw.count(b",") == 31


def test_long_lists_over_several_fields_are_cut() -> None:
    fields = [b"Allow: " + b",".join(b"x%d" % n for n in range(20))] * 4
    verdict = repaired(message(b"INVITE sip:a@b SIP/2.0", *fields))
    assert verdict.raw is not None
    assert sum(len(line.split(b",")) for line in verdict.raw.split(b"\r\n") if line.startswith(b"Allow")) == 32


def test_a_long_require_is_refused() -> None:
    assert "require" in refused(message(b"INVITE sip:a@b SIP/2.0", b"Require: " + b",".join([b"a"] * 40)))


def test_empty_list_values_are_left_out() -> None:
    verdict = repaired(message(b"INVITE sip:a@b SIP/2.0", b"Supported: a,,b," + b"," * 30))
    assert verdict.raw is not None
    assert b"\r\nSupported: a,b\r\n" in verdict.raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (message(b"INVITE sip:a@b SIP/2.0", b'Subject: "open'), "quote"),
        (message(b"INVITE sip:a@b SIP/2.0", b'Subject: "open\\"'), "quote"),
        (message(b"INVITE sip:a@b SIP/2.0", b"Route: <sip:[]>"), "IPv6"),
        (message(b"INVITE sip:a@b SIP/2.0", b"Subject: a\0b"), "NUL"),
        (message(b"INVITE sip:a@b SIP/2.0", b"no colon here"), "header line"),
        (message(b"INVITE sip:a@b SIP/2.0", b"bad name: x"), "header line"),
        (message(b"INVITE sip:a@b SIP/2.0", b"To: <sip:x@y>"), "2 to headers"),
        (message(b"INVITE sip:a@b SIP/2.0", b"CSeq: 2 INVITE"), "2 cseq headers"),
        (message(b"INVITE sip:a@b SIP/3.0"), "start line"),
        (message(b"INVITE <sip:a@b> SIP/2.0"), "start line"),
        (message(b"INVITE  sip:a@b SIP/2.0"), "start line"),
        (message(b"SIP/2.0 700 x"), "start line"),
        (message(b"INVITE sip:a@b SIP/2.0", *[b"X: y"] * 600), "header lines"),
        (message(b"INVITE sip:a@b SIP/2.0", b"X: " + b"y" * 40_000), "headers of"),
        (message().replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE").replace(b"Via", b"X\0"), "NUL"),
        (message().replace(b"Call-ID: abc\r\n", b""), ""),
        (b"x" * (MAX_MESSAGE + 1), "message of"),
    ],
)
def test_other_breaches_are_refused(raw: bytes, reason: str) -> None:
    verdict = screen(raw, SOURCE)
    if reason:
        assert verdict is not None
        assert verdict.raw is None
        assert reason in verdict.reason


def test_another_version_of_sip() -> None:
    verdict = screen(message(b"INVITE sip:a@b SIP/7.0"), SOURCE)
    assert verdict is not None
    assert verdict.code == 505


def test_bare_line_breaks_and_folds_are_made_plain() -> None:
    raw = message(b"INVITE sip:a@b SIP/2.0", b"Subject: one\r\n\ttwo").replace(b"\r\n", b"\n")
    verdict = repaired(raw)
    assert verdict.raw is not None
    assert b"\r\nSubject: one two\r\n" in verdict.raw
    assert verdict.raw.count(b"\n") == verdict.raw.count(b"\r\n")


@given(st.binary(max_size=400))
def test_no_bytes_break_the_screen(raw: bytes) -> None:
    screen(raw, SOURCE)
    refusal(raw, 400, SOURCE)


@given(st.data())
def test_no_damage_to_a_message_breaks_the_screen(data: st.DataObject) -> None:
    raw = bytearray(message(body=SDP))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    verdict = screen(bytes(raw), SOURCE)
    refusal(bytes(raw), 400, SOURCE)
    if verdict is not None and verdict.raw is not None:
        assert screen(verdict.raw, SOURCE) is None or b"xultipart" in verdict.raw


def test_a_refusal_answers_by_the_rules_of_via() -> None:
    answer, destination = refusal(message(), 400, SOURCE, "why") or (b"", ("", 0))
    read = SipMessage(answer)
    assert destination == SOURCE
    assert (read.status_code, read.reason) == (400, "Bad Request (why)")
    assert read.headers.get("Via") == "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport=5099;received=192.0.2.9"
    assert read.call_id == "abc"
    assert read.to.tag
    assert read.cseq == 1
    assert refusal(message(), 400, SOURCE, "why") == (answer, destination)


def test_without_rport_the_answer_goes_to_the_port_of_via() -> None:
    answer = refusal(message().replace(b";rport", b""), 400, SOURCE)
    assert answer is not None
    assert answer[1] == ("192.0.2.9", 5062)


@pytest.mark.parametrize(
    "raw",
    [
        message(b"ACK sip:a@b SIP/2.0"),
        message(b"SIP/2.0 200 OK"),
        message().replace(b"Via: ", b"X: "),
        message().replace(b"Call-ID: abc", b"Call-ID:"),
        message().replace(b"SIP/2.0/UDP", b"nonsense"),
    ],
)
def test_what_cannot_be_answered_is_not(raw: bytes) -> None:
    assert refusal(raw, 400, SOURCE) is None

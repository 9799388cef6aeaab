"""SIP messages, URIs and addresses as Python reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.pjsip.message import SipMessage
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

INVITE = (
    b"INVITE sip:100@example.com:5070;transport=tcp SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK77;rport\r\n"
    b'f: "A. Lice, \\"x\\"" <sip:alice%40home@example.com>;tag=1\r\n'
    b"t: sip:100@example.com;x=y\r\n"
    b"i: call-1\r\n"
    b"CSeq: 7  INVITE\r\n"
    b"m: <sip:a@192.0.2.1>;q=0.5, <sip:b@192.0.2.1>\r\n"
    b"Subject: one\r\n two\r\n"
    b"Supported: timer\r\n"
    b"k: path\r\n"
    b"c: Application/SDP;a=b\r\n"
    b"l: 4\r\n"
    b"\r\n"
    b"v=0\rextra"
)


def test_a_request_is_read() -> None:
    message = SipMessage(INVITE)
    assert message.is_request
    assert message.method == "INVITE"
    assert message.uri == SipUri("sip", "100", "example.com", 5070, {"transport": "tcp"})
    assert message.from_.display == 'A. Lice, "x"'
    assert message.from_.uri.user == "alice@home"
    assert message.from_.tag == "1"
    assert message.to == NameAddr(SipUri("sip", "100", "example.com"), params={"x": "y"})
    assert message.call_id == "call-1"
    assert (message.cseq, message.cseq_method) == (7, "INVITE")
    assert [contact.uri.user for contact in message.contacts] == ["a", "b"]
    assert message.headers.get("subject") == "one two"
    assert message.headers.values("Supported") == ["timer", "path"]
    assert message.via_branch == "z9hG4bK77"
    assert message.content_type == "application/sdp"
    assert message.body == b"v=0\r"


def test_a_response_is_read() -> None:
    message = SipMessage(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n")
    assert not message.is_request
    assert (message.status_code, message.reason, message.method) == (486, "Busy Here", "INVITE")


def test_what_is_missing_is_named() -> None:
    message = SipMessage(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert message.call_id == ""
    assert message.via_branch == ""
    with pytest.raises(SipSyntaxError, match="no From"):
        _ = message.from_
    with pytest.raises(SipSyntaxError, match="no CSeq"):
        _ = message.cseq


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@example.com",
        "sips:bob:secret@[2001:db8::1]:5061;transport=tls?Subject=x",
        "sip:+1-212;ext=3@gw;user=phone",
        "sip:example.com",
        "tel:+358-555-1234567;phone-context=x",
        "mailto:alice@example.com",
    ],
)
def test_uris_round_trip(text: str) -> None:
    assert str(SipUri.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "sip:", "alice@example.com", "sip:@h", "sip:a@", "sip:a@h:x", "sip:a@h:70000", "sip:a b@h", "sip:[::1"]
)
def test_bad_uris_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        SipUri.parse(text)


@pytest.mark.parametrize("text", ['"open <sip:a@h>', "<sip:a@h", "<sip:a@h> x", '"x" sip:a@h'])
def test_bad_addresses_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        NameAddr.parse(text)


def test_parameters_after_a_bare_uri_belong_to_the_header() -> None:
    assert NameAddr.parse("sip:a@h;tag=5").tag == "5"
    assert NameAddr.parse("<sip:a@h;tag=5>").tag == ""
    assert NameAddr.parse("sip:h;tag=5").tag == "5"
    opted = NameAddr.parse("sip:a;x=y@h;tag=5")
    assert (opted.uri.user, opted.uri.host, opted.tag) == ("a;x=y", "h", "5")


def test_star_contact() -> None:
    assert NameAddr.parse("*").is_star


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1), st.sampled_from(["h", "::1"]))
def test_any_user_survives_printing(user: str, host: str) -> None:
    uri = SipUri("sip", user, host)
    assert SipUri.parse(str(uri)) == uri


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"])))
def test_any_display_name_survives_printing(display: str) -> None:
    address = NameAddr(SipUri("sip", "a", "h"), display, {"tag": "1"})
    assert NameAddr.parse(str(address)) == address


@given(st.binary(max_size=300))
def test_no_bytes_break_the_lazy_reading(raw: bytes) -> None:
    message = SipMessage(raw)
    assert isinstance(message.call_id, str)
    assert isinstance(message.body, bytes)
    for name in ("uri", "from_", "to", "contacts", "cseq", "method", "status_code"):
        try:
            getattr(message, name)
        except SipSyntaxError:
            continue

"""Causes, bodies, DTMF in INFO, header store, caller id: the small pure parts of a session."""

from __future__ import annotations

import pytest

from pbx.core.causes import Cause
from pbx.core.party import RESTRICTED, party_id
from pbx.pjsip.bodies import session_description
from pbx.pjsip.caller_id import caller_of, contact_user, from_header, identity_headers
from pbx.pjsip.headers import MAX_ADDED, HeaderError, HeaderStore
from pbx.pjsip.message import SipMessage
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.objects.settings import GlobalSettings
from pbx.pjsip.session import dtmf_info
from pbx.pjsip.session.causes import cause_to_sip, parse_reason, q850_of_reasons, q850_reason, sip_to_cause


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (200, Cause.NORMAL_CLEARING),
        (404, Cause.UNALLOCATED),
        (408, Cause.NO_USER_RESPONSE),
        (480, Cause.NO_ANSWER),
        (486, Cause.USER_BUSY),
        (488, Cause.BEARERCAPABILITY_NOTAVAIL),
        (499, Cause.INTERWORKING),
        (503, Cause.NORMAL_CIRCUIT_CONGESTION),
        (599, Cause.NORMAL_CIRCUIT_CONGESTION),
        (603, Cause.CALL_REJECTED),
        (699, Cause.INTERWORKING),
    ],
)
def test_responses_as_causes(code: int, cause: Cause) -> None:
    assert sip_to_cause(code) is cause


@pytest.mark.parametrize(
    ("cause", "code"),
    [(1, 404), (17, 486), (18, 408), (19, 480), (20, 480), (21, 403), (34, 503), (38, 500), (58, 488), (16, 0), (0, 0)],
)
def test_causes_as_responses(cause: int, code: int) -> None:
    assert cause_to_sip(cause) == code


def test_reason_headers() -> None:
    assert parse_reason('Q.850;cause=16;text="Normal Clearing"') == ("Q.850", 16, "Normal Clearing")
    assert parse_reason("SIP ;text=x; cause=200") == ("SIP", 200, "x")
    assert parse_reason("garbage") is None
    assert parse_reason("Q.850;cause=abc") is None
    assert q850_of_reasons(["SIP;cause=200", "q.850;cause=17"]) == 17
    assert q850_of_reasons(["Q.850;cause=999", "x"]) is None
    assert q850_reason(17) == "Q.850;cause=17"


SDP = b"v=0\r\no=- 1 1 IN IP4 h\r\n"


def test_a_description_is_found_alone_and_in_multipart() -> None:
    assert session_description("application/sdp", SDP) == SDP
    assert session_description("Application/SDP; charset=utf-8", SDP) == SDP
    assert session_description("text/plain", SDP) is None
    assert session_description("application/sdp", b"") is None
    mixed = (
        b"--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b1\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n" + SDP + b"\r\n--b1--\r\n"
    )
    assert session_description('multipart/mixed;boundary="b1"', mixed) == SDP
    assert session_description("multipart/mixed; boundary=b1", mixed) == SDP
    assert session_description("multipart/mixed", mixed) is None
    assert session_description("multipart/mixed; boundary=other", mixed) is None
    assert session_description("multipart/mixed; boundary=b1", b"--b1\r\n\r\nplain\r\n--b1--") is None
    assert session_description("multipart/mixed; boundary=b1", b"--b1") is None


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        ("application/dtmf-relay", b"Signal= *\r\n", ("*", 100)),
        ("application/dtmf-relay", b"signal=11\nduration=99999999", ("#", 100)),
        ("application/dtmf-relay", b"Duration=160\r\n", None),
        ("application/dtmf-relay", b"Signal=x\r\n", None),
        ("application/dtmf", b"d", ("D", 100)),
        ("application/dtmf", b"\xff", None),
        ("text/plain", b"5", None),
    ],
)
def test_digits_in_info(kind: str, body: bytes, digit: tuple[str, int] | None) -> None:
    assert dtmf_info.parse(kind, body) == digit


def test_a_built_digit_is_read_again() -> None:
    assert dtmf_info.parse(dtmf_info.CONTENT_TYPE, dtmf_info.build("#", 120)) == ("#", 120)


def invite(*headers: str) -> SipMessage:
    lines = ["INVITE sip:100@h SIP/2.0", *headers, "", ""]
    return SipMessage("\r\n".join(lines).encode())


def test_headers_are_read_by_name_number_and_prefix() -> None:
    store = HeaderStore(invite("X-One: 1", "x-one: 2", "X-Two: 3", "Via: v"))
    assert store.read("X-ONE") == "1"
    assert store.read("x-one", 2) == "2"
    assert store.read("x-one", 3) is None
    assert store.read("x-*", 3) == "3"
    assert store.read("Y") is None
    assert store.names("X-") == ["X-One", "X-Two"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("To: desk <sip:desk@127.0.0.1:5070>", '"desk" <sip:desk@127.0.0.1>'),
        ("From: sip:a@b:5062;user=phone;tag=1", "<sip:a@b>;user=phone;tag=1"),
        ('T: "A \\"B\\"" <sip:a@b;user=phone>', '"A \\"B\\"" <sip:a@b;user=phone>'),
        ("To: <nonsense", "<nonsense"),
        ("Contact: desk <sip:desk@127.0.0.1:5070>", "desk <sip:desk@127.0.0.1:5070>"),
    ],
)
def test_the_parties_read_as_pjsip_prints_them(line: str, text: str) -> None:
    assert HeaderStore(invite(line)).read(line.partition(":")[0]) == text


def test_headers_are_added_updated_and_removed() -> None:
    store = HeaderStore()
    store.add("X-A", "1")
    store.add("X-B", "2")
    assert store.update("x-a", "9")
    assert not store.update("x-a", "9", 2)
    assert store.added == [("X-A", "9"), ("X-B", "2")]
    assert not store.update("x-*", "9")
    assert store.remove("x-*") == 2
    assert store.added == []


def test_headers_that_came_in_are_changed_and_taken_away_for_who_reads_them() -> None:
    store = HeaderStore(invite("From: <sip:a@b>;tag=1", "User-Agent: phone", "X-One: 1"))
    store.add("X-One", " 2 ")
    assert store.read("X-One", 2) == "2"
    assert store.update("user-agent", "other")
    assert store.read("User-Agent") == "other"
    assert store.remove("From") == 1
    assert store.names() == ["User-Agent", "X-One"]
    assert store.remove("*") == 3
    assert store.names() == []
    assert store.added == []
    assert store.received is not None
    assert store.received.headers.get("From") == "<sip:a@b>;tag=1"


def test_parameters_of_from_are_escaped() -> None:
    store = HeaderStore()
    store.add_from_param("x-kind", 'a b;"c"', uri=False)
    assert store.from_params == [("x-kind", "a%20b%3B%22c%22")]


@pytest.mark.parametrize(
    ("name", "value"), [("X A", "1"), ("", "1"), ("X:", "1"), ("X", "1\r\nY: 2"), ("X", "a" * 5000)]
)
def test_headers_that_would_break_the_message_are_refused(name: str, value: str) -> None:
    with pytest.raises(HeaderError):
        HeaderStore().add(name, value)


def test_headers_are_bounded() -> None:
    store = HeaderStore()
    for number in range(MAX_ADDED):
        store.add("X", str(number))
    with pytest.raises(HeaderError):
        store.add("X", "more")


FROM = 'From: "Alice" <sip:1001@example.com>;tag=1'
PAI = 'P-Asserted-Identity: "Boss" <sip:9000@example.com>'


def test_the_caller_is_in_from() -> None:
    party = caller_of(invite(FROM, PAI), Endpoint("x"))
    assert (party.number, party.name, party.restricted) == ("1001", "Alice", False)


def test_an_anonymous_from_is_restricted() -> None:
    assert caller_of(invite('From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'), Endpoint("x")).restricted


def test_the_endpoints_callerid_stands_in_for_from() -> None:
    endpoint = Endpoint("x", callerid=party_id("555", "Desk"), callerid_tag="t")
    party = caller_of(invite(FROM), endpoint)
    assert (party.number, party.name, party.tag) == ("555", "Desk", "t")


def test_a_trusted_peer_asserts_identities() -> None:
    endpoint = Endpoint("x", trust_id_inbound=True, callerid=party_id("555"))
    party = caller_of(invite(FROM, PAI, "Privacy: id"), endpoint)
    assert (party.number, party.name, party.restricted) == ("9000", "Boss", True)
    rpid = 'Remote-Party-ID: "R" <sip:8@h>;party=calling;privacy=full;screen=yes'
    party = caller_of(invite(FROM, rpid), endpoint)
    assert (party.number, party.number_presentation) == ("8", RESTRICTED | 1)
    assert caller_of(invite(FROM, "P-Asserted-Identity: <broken"), endpoint).number == "555"


def test_from_of_our_invite() -> None:
    party = party_id("1001", 'A "quoted" name')
    assert from_header(Endpoint("x"), party, "192.0.2.1", "asterisk") == '"A \\"quoted\\" name" <sip:1001@192.0.2.1>'
    assert from_header(Endpoint("x"), party_id(name="A"), "192.0.2.1", "asterisk") == '"A" <sip:asterisk@192.0.2.1>'
    trunk = Endpoint("x", from_user="acct", from_domain="provider.example")
    assert from_header(trunk, party_id("1001"), "192.0.2.1", "asterisk") == "<sip:acct@provider.example>"


def test_contact_of_our_invite() -> None:
    party, settings = party_id("1001", "A"), GlobalSettings("global")
    assert contact_user(Endpoint("x"), party, settings) == "asterisk"
    assert contact_user(Endpoint("x", contact_user="acct"), party, settings) == "acct"
    callers = GlobalSettings("global", use_callerid_contact=True)
    assert contact_user(Endpoint("x"), party, callers) == "1001"
    assert contact_user(Endpoint("x"), party_id(), callers) == "anonymous"
    assert contact_user(Endpoint("x", contact_user="acct"), party, callers) == "acct"


def test_an_unknown_or_withheld_caller_leaves_as_anonymous() -> None:
    from dataclasses import replace

    party = replace(party_id("1001", "A"), number_presentation=RESTRICTED, name_presentation=RESTRICTED)
    endpoint = Endpoint("x", send_pai=True, send_rpid=True)
    for unseen in (party, party_id()):
        assert from_header(endpoint, unseen, "h", "asterisk") == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    trunk = replace(endpoint, from_user="acct", from_domain="provider.example")
    assert from_header(trunk, party, "h", "asterisk") == '"Anonymous" <sip:acct@provider.example>'
    assert identity_headers(endpoint, party, "h") == []
    trusted = replace(endpoint, trust_id_outbound=True)
    assert from_header(trusted, party, "h", "asterisk") == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    headers = dict(identity_headers(trusted, party, "h"))
    assert headers["P-Asserted-Identity"] == '"A" <sip:1001@h>'
    assert headers["Privacy"] == "id"
    assert headers["Remote-Party-ID"].endswith("party=calling;privacy=full;screen=no")


@pytest.mark.parametrize(("number", "marked"), [("+12568675309", True), ("homer", False)])
def test_a_number_is_marked_as_one_where_the_endpoint_wants_it(number: str, marked: bool) -> None:
    endpoint = Endpoint("e", send_pai=True, send_rpid=True, user_eq_phone=True)
    for _name, value in identity_headers(endpoint, party_id(number), "h"):
        assert (";user=phone>" in value) is marked


def test_line_breaks_in_a_name_do_not_leave_the_header() -> None:
    header = from_header(Endpoint("x"), party_id("1", "a\r\nX-Evil: 1"), "h", "asterisk")
    assert "\r" not in header
    assert "\n" not in header

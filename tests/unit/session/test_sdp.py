"""SDP as text and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.media.sdp import Attribute, Connection, Direction, MediaDescription, Origin, RtpMap, SessionDescription
from pbx.media.sdp_parser import MAX_ATTRIBUTES, MAX_MEDIA, MAX_SDP_BYTES, SdpError, parse

PHONE = (
    b"v=0\r\n"
    b"o=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\n"
    b"s=call\r\n"
    b"c=IN IP4 192.0.2.1\r\n"
    b"t=0 0\r\n"
    b"a=group:BUNDLE 0\r\n"
    b"m=audio 49170 RTP/AVP 0 8 97 101\r\n"
    b"b=AS:64\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:97 iLBC/8000\r\n"
    b"a=fmtp:97 mode=20\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n"
    b"a=ptime:20\r\n"
    b"a=maxptime:150\r\n"
    b"a=rtcp:53020\r\n"
    b"a=sendonly\r\n"
    b"m=video 0 RTP/AVP 99\r\n"
)


def test_a_phones_offer_is_read() -> None:
    description = parse(PHONE)
    assert description.origin == Origin("alice", 2890844526, 2890844527, "IP4", "192.0.2.1")
    audio, video = description.media
    assert (audio.kind, audio.port, audio.protocol) == ("audio", 49170, "RTP/AVP")
    assert audio.formats == ["0", "8", "97", "101"]
    assert audio.rtpmaps() == [
        RtpMap(0, "PCMU", 8000),
        RtpMap(8, "PCMA", 8000),
        RtpMap(97, "iLBC", 8000),
        RtpMap(101, "telephone-event", 8000),
    ]
    assert audio.fmtp(97) == "mode=20"
    assert audio.fmtp(0) == ""
    assert (audio.ptime_ms, audio.maxptime_ms, audio.rtcp_port) == (20, 150, 53020)
    assert description.direction_of(audio) is Direction.SENDONLY
    assert description.connection_of(audio) == Connection("IP4", "192.0.2.1")
    assert (video.kind, video.port) == ("video", 0)
    assert description.build() == PHONE


def test_line_feeds_alone_trailing_blanks_and_a_missing_session_name_are_accepted() -> None:
    description = parse("v=0\no=- 1 1 IN IP4 h\nc=IN IP4 192.0.2.9  \nm=audio 4000 RTP/AVP 0\n\n")
    assert description.name == "-"
    assert description.connection == Connection("IP4", "192.0.2.9")
    assert description.media[0].port == 4000


def test_the_sections_own_direction_and_connection_win() -> None:
    description = parse(
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=inactive\r\n"
        "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\nm=audio 4002 RTP/AVP 0\r\n"
    )
    first, second = description.media
    assert description.direction_of(first) is Direction.RECVONLY
    assert description.direction_of(second) is Direction.INACTIVE
    connection = description.connection_of(first)
    assert connection is not None
    assert connection.unspecified


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("hello", "line 1"),
        ("v=1\r\n", "v=0"),
        ("v=0\r\nm=audio 1 RTP/AVP 0\r\n", "no o="),
        ("v=0\r\no=- 1 IN\r\n", "six words"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4\r\n", "c= wants"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP9 x\r\n", "address type"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 99999 RTP/AVP 0\r\n", "not a port"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n", "not a port"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1/x RTP/AVP 0\r\n", "not a port"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 4000 RTP/AVP\r\n", "m= wants"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 4000 RTP/AVP " + "0 " * 129 + "\r\n", "formats"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\n" + "a=x\r\n" * (MAX_ATTRIBUTES + 1), "attributes"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\n" + "m=audio 0 RTP/AVP 0\r\n" * (MAX_MEDIA + 1), "media sections"),
        ("v=0\r\n" + "a=x\r\n" * MAX_SDP_BYTES, "longer"),
        ("v=0\r\no=- 1 1 IN IP4 \0\r\n", "NUL"),
    ],
)
def test_what_is_no_description_says_why(text: str, why: str) -> None:
    with pytest.raises(SdpError, match=why):
        parse(text)


def test_odd_numbers_do_not_hurt() -> None:
    text = (
        "v=0\r\no=- x -1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 4000/2 RTP/AVP 0 999 x\r\n"
        "a=rtpmap:nonsense\r\na=rtpmap:96 \r\na=rtpmap:97 a/b\r\na=ptime:x\r\na=ptime\r\na=rtcp:0\r\n"
    )
    audio = parse(text).media[0]
    assert audio.port_count == 2
    assert audio.rtpmaps() == [RtpMap(0, "PCMU", 8000)]
    assert audio.ptime_ms is None
    assert audio.rtcp_port is None


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_sdp_errors(data: bytes) -> None:
    try:
        description = parse(b"v=0\r\no=- 1 1 IN IP4 h\r\n" + data)
    except SdpError:
        return
    for media in description.media:
        media.rtpmaps()
        description.direction_of(media)
        assert media.ptime_ms is None or media.ptime_ms > 0


_WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12)
_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
_ATTRIBUTE = st.builds(Attribute, _WORD, st.none() | _VALUE)
_CONNECTION = st.builds(Connection, st.sampled_from(["IP4", "IP6"]), _WORD)
_MEDIA = st.builds(
    MediaDescription,
    st.sampled_from(["audio", "video", "image", "x"]),
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl"]),
    st.lists(st.integers(0, 127).map(str), min_size=1, max_size=8),
    port_count=st.integers(1, 4),
    connection=st.none() | _CONNECTION,
    attributes=st.lists(_ATTRIBUTE, max_size=6),
)
_SESSION = st.builds(
    SessionDescription,
    st.builds(Origin, _WORD, st.integers(0, 2**62), st.integers(0, 2**62), st.just("IP4"), _WORD),
    name=_WORD,
    connection=st.none() | _CONNECTION,
    attributes=st.lists(_ATTRIBUTE, max_size=4),
    media=st.lists(_MEDIA, max_size=4),
    lines=st.lists(st.tuples(st.sampled_from("iuepb"), _WORD), max_size=2, unique_by=lambda line: line[0]).map(
        lambda lines: sorted(lines, key=lambda line: "iuepb".index(line[0]))
    ),
)


@given(_SESSION)
def test_what_is_built_is_read_as_the_same(description: SessionDescription) -> None:
    assert parse(description.build()) == description

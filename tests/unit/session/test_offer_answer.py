"""Offer/answer policy: what we offer, what we answer, what we refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbx.media.sdp import Direction
from pbx.media.sdp_parser import parse
from pbx.pjsip.session.agreement import (
    BadDescription,
    LocalMedia,
    NotAcceptable,
)
from pbx.pjsip.session.offer_answer import accept_answer, answer_offer
from pbx.pjsip.session.own_description import build_offer, restate

LOCAL = LocalMedia("192.0.2.10", 20000, ("g722", "alaw", "ulaw"))


def offer(media: str, *, session: str = "") -> str:
    return f"v=0\r\no=- 7 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{session}{media}"


AUDIO = """\
m=audio 5000 RTP/AVP 0 8 96
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
"""


def test_an_answer_has_the_common_formats_in_our_order_with_the_offerers_numbers() -> None:
    found = answer_offer(offer(AUDIO), LOCAL)
    assert [(f.name, f.send, f.receive) for f in found.formats] == [("alaw", 8, 8), ("ulaw", 0, 0)]
    assert found.telephone_event_send == found.telephone_event_receive == 96
    assert (found.remote_address, found.remote_port, found.remote_rtcp_port) == ("192.0.2.1", 5000, 5001)
    assert parse(found.text).media[0].formats == ["8", "0", "96"]
    assert found.direction is Direction.SENDRECV
    assert not found.held


def test_their_order_counts_when_the_endpoint_says_so() -> None:
    found = answer_offer(offer(AUDIO), replace(LOCAL, prefer_remote=True))
    assert [f.name for f in found.formats] == ["ulaw", "alaw"]


def test_one_codec_alone_when_wanted() -> None:
    assert [f.name for f in answer_offer(offer(AUDIO), replace(LOCAL, first_only=True)).formats] == ["alaw"]


def test_a_dynamic_number_keeps_their_meaning() -> None:
    text = offer("m=audio 5000 RTP/AVP 120 9\r\na=rtpmap:120 iLBC/8000\r\na=fmtp:120 mode=20\r\n")
    found = answer_offer(text, replace(LOCAL, codecs=("ilbc",)))
    assert [(f.name, f.receive, f.fmtp) for f in found.formats] == [("ilbc", 120, "mode=20")]


def test_no_telephone_event_unless_both_have_it() -> None:
    assert answer_offer(offer(AUDIO), replace(LOCAL, telephone_event=False)).telephone_event_send is None
    assert answer_offer(offer("m=audio 5000 RTP/AVP 0\r\n"), LOCAL).telephone_event_send is None


def test_other_media_are_rejected_in_their_places() -> None:
    text = offer(
        "m=video 6000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
        + AUDIO
        + "m=image 7000 udptl t38\r\nm=audio 8000 RTP/AVP 0\r\n",
        session="a=group:BUNDLE 0 1\r\na=ice-ufrag:x\r\n",
    )
    found = answer_offer(text, LOCAL)
    answer = parse(found.text)
    assert [(m.kind, m.port, m.protocol) for m in answer.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 20000, "RTP/AVP"),
        ("image", 0, "udptl"),
        ("audio", 0, "RTP/AVP"),
    ]
    assert answer.attributes == []


@pytest.mark.parametrize(
    ("theirs", "ours", "held"),
    [
        ("sendrecv", Direction.SENDRECV, False),
        ("sendonly", Direction.RECVONLY, True),
        ("recvonly", Direction.SENDONLY, False),
        ("inactive", Direction.INACTIVE, True),
    ],
)
def test_directions(theirs: str, ours: Direction, held: bool) -> None:
    found = answer_offer(offer(AUDIO + f"a={theirs}\r\n"), LOCAL)
    assert (found.direction, found.held) == (ours, held)
    assert parse(found.text).media[0].direction is ours


def test_the_old_hold_by_address_zero() -> None:
    found = answer_offer(offer(AUDIO + "c=IN IP4 0.0.0.0\r\n"), LOCAL)
    assert found.held
    assert found.direction is Direction.RECVONLY


def test_rtcp_attribute_and_ptime() -> None:
    text = offer(AUDIO + "a=rtcp:5099\r\na=ptime:40\r\n")
    assert answer_offer(text, LOCAL).ptime_ms == 20
    found = answer_offer(text, replace(LOCAL, use_ptime=True))
    assert (found.remote_rtcp_port, found.ptime_ms) == (5099, 40)
    assert parse(found.text).media[0].ptime_ms == 40


@pytest.mark.parametrize(
    ("media", "why"),
    [
        ("", "no media"),
        ("m=video 6000 RTP/AVP 99\r\n", "no audio"),
        ("m=audio 0 RTP/AVP 0\r\n", "rejected"),
        ("m=audio 6000 RTP/SAVP 0\r\n", "RTP/SAVP"),
        ("m=audio 6000 RTP/AVP 18\r\n", "no codec in common"),
        ("m=audio 6000 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n", "no IP address"),
        ("m=audio 6000 RTP/AVP 0\r\nc=IN IP6 192.0.2.1\r\n", "no IP address"),
        ("m=audio 6000 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\n", "no codec in common"),
    ],
)
def test_what_cannot_be_agreed_on_says_why(media: str, why: str) -> None:
    with pytest.raises(NotAcceptable, match=why):
        answer_offer(offer(media), LOCAL)


def test_garbage_is_told_from_disagreement() -> None:
    with pytest.raises(BadDescription):
        answer_offer("v=0\r\nm=audio\r\n", LOCAL)
    with pytest.raises(BadDescription, match="no c="):
        answer_offer("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n" + AUDIO, LOCAL)


def test_our_offer_names_everything_we_have() -> None:
    text = build_offer(replace(LOCAL, codecs=("ulaw", "ilbc")))
    audio = parse(text).media[0]
    assert audio.formats == ["0", "97", "101"]
    assert audio.fmtp(101) == "0-16"
    assert audio.direction is Direction.SENDRECV
    with pytest.raises(NotAcceptable):
        build_offer(replace(LOCAL, codecs=()))


def test_agreed_numbers_stay_in_a_new_offer() -> None:
    text = build_offer(replace(LOCAL, codecs=("ulaw", "ilbc"), payloads={"ilbc": 101}))
    assert parse(text).media[0].formats == ["0", "101", "96"]


def test_an_answer_to_our_offer() -> None:
    ours = build_offer(LOCAL)
    theirs = offer(
        "m=audio 6000 RTP/AVP 8 100\r\na=rtpmap:100 telephone-event/8000\r\na=rtpmap:8 PCMA/8000\r\na=recvonly\r\n"
    )
    found = accept_answer(ours, theirs, LOCAL)
    assert [(f.name, f.send, f.receive) for f in found.formats] == [("alaw", 8, 8)]
    assert (found.telephone_event_send, found.telephone_event_receive) == (100, 101)
    assert found.direction is Direction.SENDONLY
    assert not found.held


@pytest.mark.parametrize("media", ["m=audio 0 RTP/AVP 0\r\n", "m=audio 6000 RTP/AVP 18\r\n", ""])
def test_an_answer_that_refuses_us(media: str) -> None:
    with pytest.raises(NotAcceptable):
        accept_answer(build_offer(LOCAL), offer(media), LOCAL)


def test_restating_changes_version_and_direction_alone() -> None:
    before = build_offer(LOCAL)
    after = restate(before, version=5, direction=Direction.SENDONLY)
    assert parse(after).origin.version == 5
    assert parse(after).media[0].direction is Direction.SENDONLY
    assert restate(after, version=1, direction=Direction.SENDRECV) == before


@pytest.mark.parametrize(
    "attributes",
    [
        "a=rtpmap:0 PCMU/8000\r\n",
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n",
        "a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n",
        "a=rtpmap:0 PCMU/8000\r\na=inactive\r\n",
    ],
)
def test_usual_offers_are_answered_as_any_other(attributes: str) -> None:
    """An offer in the usual form takes a short way; the same offer with a line more takes the long one."""
    local = LocalMedia(address="192.0.2.9", port=4000, codecs=("ulaw", "alaw"), telephone_event=True, session_id=7)
    for host, port in (("192.0.2.1", 5000), ("192.0.2.77", 65535), ("0.0.0.0", 5002)):
        head = f"v=0\r\no=bob 12 13 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        audio = f"m=audio {port} RTP/AVP 0 8 101\r\n{attributes}"
        short = answer_offer((head + audio).encode(), local)
        long = answer_offer((head + "a=x-more:1\r\n" + audio).encode(), local)
        assert short == long

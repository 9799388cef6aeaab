from __future__ import annotations

import pytest

from pbx.media.formats import FORMATS, format_by_name, format_by_payload, format_by_rtpmap


def test_the_formats_phones_use() -> None:
    assert [(FORMATS[name].offered_payload_type, FORMATS[name].rtpmap) for name in ("ulaw", "alaw", "g722")] == [
        (0, "PCMU/8000"),
        (8, "PCMA/8000"),
        (9, "G722/8000"),
    ]


def test_g722_is_sampled_at_twice_its_rtp_clock() -> None:
    assert FORMATS["g722"].sample_rate == 16000
    assert FORMATS["g722"].clock_rate == 8000


@pytest.mark.parametrize(
    ("encoding", "rate", "name"),
    [
        ("PCMU", 8000, "ulaw"),
        ("pcma", 8000, "alaw"),
        ("G722", 8000, "g722"),
        ("G722", 16000, "g722"),
        ("iLBC", 8000, "ilbc"),
        ("speex", 16000, "speex16"),
        ("L16", 16000, "slin16"),
        ("G729A", 8000, "g729"),
        ("opus", 48000, "opus"),
    ],
)
def test_rtpmap(encoding: str, rate: int, name: str) -> None:
    found = format_by_rtpmap(encoding, rate)
    assert found is not None
    assert found.name == name


def test_names_in_any_case_and_aliases() -> None:
    assert format_by_name(" ULAW ") is FORMATS["ulaw"]
    assert format_by_name("slin8") is FORMATS["slin"]
    assert format_by_name("nonesuch") is None
    assert format_by_payload(18) is FORMATS["g729"]
    assert format_by_payload(101) is None

"""The torture messages: read without an exception, the valid ones passed on, the invalid ones not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.pjsip.message import SipMessage
from pbx.pjsip.screen import refusal, screen

MESSAGES = sorted((Path(__file__).parent / "torture").glob("*.dat"))
SOURCE = ("192.0.2.44", 5066)
#: Syntax errors that the screen leaves to PJSIP's parser or to whoever reads the header.
LEFT_TO_OTHERS = frozenset(
    {
        "bad-separators",
        "bad-scalars-in-request",
        "bad-scalars-in-response",
        "bad-escaped-headers-in-uri",
        "bad-date-zone",
        "bad-name-addr-parameters",
        "bad-space-in-addr-spec",
    }
)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_reading_never_breaks(path: Path) -> None:
    raw = path.read_bytes()
    verdict = screen(raw, SOURCE)
    message = SipMessage(raw if verdict is None or verdict.reading is None else verdict.reading)
    assert isinstance(message.call_id, str)
    assert list(message.headers)
    refusal(raw, 400, SOURCE)
    passed = verdict is None or verdict.raw is not None
    if path.stem.startswith(("valid-", "layer-", "old-")) and path.stem != "valid-wide-characters":
        assert passed, verdict
    if path.stem.startswith(("bad-", "abort-")) and path.stem not in LEFT_TO_OTHERS:
        assert verdict is not None, "nothing was found wrong"


def test_the_valid_invite_is_read_as_written() -> None:
    message = SipMessage((Path(__file__).parent / "torture" / "valid-short-and-folded.dat").read_bytes())
    assert message.method == "INVITE"
    assert message.to.tag == "77ab"
    assert message.from_.tag == "r-one"
    assert message.cseq == 9
    assert message.headers.get("Max-Forwards") == "0068"
    assert message.contacts[0].display == 'Quoted "text"'
    assert len(message.headers.get_all("Via")) == 2

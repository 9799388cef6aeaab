"""AMD: what the first seconds of a call make of whoever has answered."""

from __future__ import annotations

import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dialplan.applications.amd import Detector, Limits
from pbx.core import messages
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

LIMITS = Limits("general")
LUA = """
extensions = { default = {
    ["100"] = function() app.Answer() app.AMD() app.Wait(60) end,
    ["101"] = function() app.Answer() app.AMD(500, "", "", 1000) app.Wait(60) end,
    ["102"] = function() app.Answer() app.AMD("", "", "", "", "", "", "", "", "", "beep") app.Wait(60) end,
} }
"""


def sound(milliseconds: int, amplitude: int) -> list[bytes]:
    """Pieces of 20 ms."""
    return [array.array("h", [amplitude, -amplitude] * 80).tobytes()] * (milliseconds // 20)


VOICE, SILENCE = 2000, 30


@pytest.mark.parametrize(
    ("heard", "judged"),
    [
        ([(2600, SILENCE)], ("MACHINE", "INITIALSILENCE-2500-2500")),
        ([(400, SILENCE), (600, VOICE), (1000, SILENCE)], ("HUMAN", "HUMAN-800-800")),
        ([(300, SILENCE), (1700, VOICE)], ("MACHINE", "LONGGREETING-1500-1500")),
        ([(200, SILENCE), (300, VOICE), (200, SILENCE)] * 3, ("MACHINE", "MAXWORDS-3-2")),
        ([(200, SILENCE), (60, VOICE)] * 30, ("NOTSURE", "TOOLONG-5000")),
        ([(300, SILENCE), (200, VOICE)], None),
    ],
)
def test_what_is_heard_is_judged(heard: list[tuple[int, int]], judged: tuple[str, str] | None) -> None:
    detector = Detector(LIMITS)
    found = None
    for milliseconds, amplitude in heard:
        for piece in sound(milliseconds, amplitude):
            found = found or detector.feed(piece)
    assert found == judged


def test_the_length_of_a_word_and_the_threshold() -> None:
    detector = Detector(replace(LIMITS, maximum_word_length=300))
    assert [detector.feed(piece) for piece in sound(300, VOICE)][-1] == ("MACHINE", "MAXWORDLENGTH-300")
    quiet = Detector(replace(LIMITS, silence_threshold=3000, initial_silence=100))
    assert [quiet.feed(piece) for piece in sound(100, VOICE)][-1] == ("MACHINE", "INITIALSILENCE-100-100")
    assert Detector(LIMITS).feed(b"\0") is None


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[DialplanHarness]:
    made = DialplanHarness(tmp_path, {"extensions.lua": LUA, "amd.conf": "[general]\ntotal_analysis_time = 3000\n"})
    result_of(start(made.start()))
    yield made
    result_of(start(made.stop()))


def test_the_application_listens_and_says_what_it_found(harness: DialplanHarness) -> None:
    call = harness.call("100")
    (listening,) = harness.core.switchboard.listenings
    for piece in (*sound(300, VOICE), *sound(800, SILENCE)):
        listening.take(piece)
    assert call.channel.get_variable("AMDSTATUS") == "HUMAN"
    assert call.channel.get_variable("AMDCAUSE") == "HUMAN-800-800"
    assert listening.stopped
    assert harness.core.clock.next_timer_seconds() == pytest.approx(60)


def test_time_runs_out_with_and_without_sound(harness: DialplanHarness) -> None:
    silent = harness.call("100")
    harness.core.clock.advance(3)
    assert silent.channel.get_variable("AMDCAUSE") == "NOAUDIODATA-0"
    short = harness.call("101")
    for piece in sound(200, VOICE):
        harness.core.switchboard.listenings[-1].take(piece)
    harness.core.clock.advance(1)
    assert short.channel.get_variable("AMDSTATUS") == "NOTSURE"
    assert short.channel.get_variable("AMDCAUSE") == "TOOLONG-200"


def test_a_hangup_ends_it(harness: DialplanHarness) -> None:
    told: list[tuple[str, str]] = []
    harness.core.bus.subscribe(messages.VariableSet, lambda message: told.append((message.name, message.value)))
    call = harness.call("100")
    (listening,) = harness.core.switchboard.listenings
    call.far.hang_up()
    assert listening.stopped
    assert told[:2] == [("AMDSTATUS", "HANGUP"), ("AMDCAUSE", "")]


def test_a_sound_is_played_meanwhile(harness: DialplanHarness) -> None:
    harness.core.switchboard.sounds["beep"] = Path("/sounds/beep.wav")
    harness.call("102")
    (playback,) = harness.core.switchboard.playbacks
    assert playback.path.stem == "beep"
    harness.core.clock.advance(3)
    assert playback.finished.called

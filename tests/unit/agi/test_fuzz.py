"""Whatever a program says, it is answered, and the conversation goes on."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialplan.agi.commands import COMMANDS
from tests.unit.agi.conftest import Program

#: What would end the conversation, by design.
ENDING = frozenset(("hangup",))
NAMES = [each.name for each in COMMANDS if each.name not in ENDING]

word = st.one_of(
    st.sampled_from(
        (
            *("", "0", "1", "-1", "5", "99999999999999999999", "1e9", "nan", "on", "off", "12#", "${A}", "${LEN(x)}"),
            *("A", "CALLERID(num)", "CHANNEL(state)", "/", "..", "\x7f", "é", "s=1", "s=", "beep", "default"),
            "Fake/phone-00000001",
        )
    ),
    st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=12),
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.sampled_from(NAMES), st.lists(word, max_size=7), st.booleans())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_command_with_anything(program: Program, name: str, words: list[str], tidy: bool) -> None:
    harness, board = program.harness, program.harness.core.switchboard
    board.instant = True
    board.sounds["beep"] = Path("/sounds/beep.wav")
    if name == "exec" and words:
        # Applications have tests of their own; some of them end the call, as they should.
        words[0] = "NoOp"
    line = " ".join([name, *(quoted(each) if tidy else each for each in words)])
    before = len(program.link.heard)
    program.link.say(line)
    # Another command, or time, ends whatever still waits.
    for _ in range(50):
        if len(program.link.heard) > before:
            break
        harness.core.clock.advance(3600)
        program.far.press("#1")
    assert not program.over, line
    program.link.say("noop")
    for _ in range(200):
        if program.link.heard[-1] == "200 result=0":
            break
        program.far.press("#*1")
        harness.core.clock.advance(1e9)
    assert program.link.heard[-1] == "200 result=0", (line, program.link.heard[before:])
    assert not program.over


@given(st.binary(max_size=300))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(program: Program, data: bytes) -> None:
    program.link.received(data.replace(b"failure", b"").replace(b"FAILURE", b"") + b"\nnoop\n")
    program.harness.core.clock.advance(1)
    assert program.link.heard[-1] == "200 result=0"
    assert not program.over

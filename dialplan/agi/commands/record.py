"""AGI's RECORD FILE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.agi.commands._numbers import atoi, integer
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, Outcome, command, result
from dialplan.applications.record import recording_path
from dialplan.applications.sound import SoundMissing, play, sample_rate
from dialplan.functions.base import scan_int
from pbx.clock import cancel_timer
from pbx.core.channel import ChannelInterrupted
from pbx.core.frames import DigitEnd, Frame
from pbx.core.media import RecordingHandle
from pbx.errors import ObeliskError

log = Logger()

#: What a digit's own sound may have left in the recording, in ms.
DIGIT_MS = 200
#: How much of the silence that ends a recording stays in it, in seconds.
KEPT_SILENCE = 1
_SILENCE = "silence"
#: Seconds that the end of a file may take; it takes 0.02.
CLOSING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Order:
    """One RECORD FILE; ``silence`` in seconds."""

    name: str
    form: str
    digits: str
    timeout_ms: int
    offset: int
    beep: bool
    silence: int


def _parse(words: Sequence[str]) -> _Order:
    """The optional words go by how they look, for the sake of old programs."""
    offset, beep, silence = 0, False, 0
    rest = words[4:7]
    for word in rest:
        if "s" in word and word[word.index("s") :].startswith("s="):
            silence = max(0, atoi(word[word.index("s") + 2 :]))
            break
    if rest:
        number = scan_int(rest[0])
        offset = max(0, number or 0)
        beep = number is None and not rest[0].startswith("s=")
    if len(rest) > 1 and not rest[1].startswith("s="):
        beep = True
    return _Order(words[0], words[1], words[2], integer(words[3]), offset, beep, silence)


@command(
    "record file",
    "filename format escape_digits timeout [offset_samples [beep [s=silence]]]",
    arguments=(4, None),
    synopsis="Records to a given file.",
    description=(
        "Records what the caller says until one of the digits, so many milliseconds (-1: no limit) or so many seconds "
        "of silence. An offset keeps that much of the file that is there; beep, whatever its word, plays one before. "
        "Gives the number of the digit's character, 0 at the time's end, or -1; endpos is the length in samples."
    ),
)
async def record_file(agi: Interpreter, words: Sequence[str]) -> Answer:
    order = _parse(words)
    if order.beep:
        code = await _beep(agi, order.digits)
        if code:
            return result(code, f" (randomerror) endpos={order.offset}")
    rate = sample_rate(Path(f"x.{order.form}"))
    try:
        path = recording_path(agi.server.directories, order.name, order.form)
        path.parent.mkdir(parents=True, exist_ok=True)
        recording = agi.server.switchboard.record(
            agi.channel.audio, path, append=bool(order.offset), keep_ms=order.offset * 1000 // rate
        )
    except (ObeliskError, OSError, ValueError) as error:
        log.warn("{channel}: RECORD FILE: {reason}", channel=agi.channel.name, reason=str(error))
        return result(-1, " (writefile)", Outcome.FAILURE)
    rewind_ms, hung_up, ended = 0, False, ""
    try:
        ended = await _wait(agi, order, recording)
        if ended:
            rewind_ms = DIGIT_MS if ended != _SILENCE else max(0, order.silence - KEPT_SILENCE) * 1000
    except ChannelInterrupted:
        hung_up = True
    finally:
        length = recording.stop(rewind_ms) * rate // 1000
    await _whole(agi, recording)
    if hung_up:
        return result(-1, f" (hangup) endpos={length}", Outcome.FAILURE)
    if ended and ended != _SILENCE:
        return result(ord(ended), f" (dtmf) endpos={length}")
    return result(0, f" (timeout) endpos={length}")


async def _whole(agi: Interpreter, recording: RecordingHandle) -> None:
    """Until the file is whole: whoever reads the answer may read the file."""
    done: Deferred[None] = Deferred()

    def end(value: int) -> int:
        if not done.called:
            done.callback(None)
        return value

    recording.closed.addCallback(end)
    timer = agi.server.clock.call_later(CLOSING_SECONDS, end, 0)
    try:
        await done
    finally:
        cancel_timer(timer)


async def _beep(agi: Interpreter, digits: str) -> int:
    """Play it; a digit's number when one of them ended it, -1 when it could not be heard."""
    try:
        digit = await play(agi.server.switchboard, agi.channel, "beep", lambda each: each in digits)
    except (SoundMissing, ChannelInterrupted) as error:
        log.warn("{channel}: RECORD FILE: {reason}", channel=agi.channel.name, reason=str(error))
        return -1
    return ord(digit) if digit else 0


async def _wait(agi: Interpreter, order: _Order, recording: RecordingHandle) -> str:
    """What ended it: a digit, `_SILENCE`, or empty for the time. Raises ChannelInterrupted."""
    channel, clock = agi.channel, agi.server.clock
    done: Deferred[str] = Deferred()

    def finish(what: str) -> None:
        if not done.called:
            done.callback(what)

    def heard(frame: Frame) -> None:
        if isinstance(frame, DigitEnd) and frame.digit in order.digits:
            finish(frame.digit)

    if order.silence:
        recording.set_silence_listener(order.silence, lambda: finish(_SILENCE))
    timer = clock.call_later(order.timeout_ms / 1000, finish, "") if order.timeout_ms >= 0 else None
    channel.set_reader(heard)
    try:
        return await channel.wait_for(done)
    finally:
        cancel_timer(timer)
        if channel.alive:
            channel.set_reader(None)

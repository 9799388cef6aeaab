"""app_record: Record."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.sound import SoundMissing, play
from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_OK
from pbx.clock import cancel_timer
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.frames import DigitEnd, Frame
from pbx.core.states import ChannelState
from pbx.directories import Directories
from pbx.errors import ObeliskError

log = Logger()

#: Where a channel keeps how long its last recording was, in milliseconds.
_DURATION = "recording"
#: Names tried for ``%d`` before giving up.
MAX_NUMBERED = 100_000
#: What a digit may have left at the end of a recording that it ended, in ms.
DIGIT_MS = 250
#: So much of the silence that ended a recording stays in it, in seconds.
KEPT_SILENCE = 1


class RecordModule(DialplanModule):
    """Record."""

    name = "app_record"
    description = "Trivial Record Application"

    @application(
        "Record",
        "filename.format[,silence[,maxduration[,options]]]",
        options="a;n;o;q;s;t;u;x;k;y",
        synopsis="Record to a file.",
        description=(
            "Ends at #, after `silence` seconds of silence or after `maxduration` seconds. a: append. n: do not "
            "answer. o: 0 ends it as well, with status OPERATOR. q: no beep. s: skip when the call is not up. t: * ends"
            " it instead of #. x: no digit ends it. y: any digit does. k: keep the file when the caller hangs up. "
            "u: keep the silence. %d in the name becomes a number that makes it unique. The format is the file's "
            "extension: wav, wav16, wav49, WAV, sln to sln192, ulaw, alaw, gsm, g722, ilbc."
        ),
        sets=("RECORDED_FILE", "RECORD_STATUS"),
    )
    async def app_record(self, channel: Channel, args: Arguments) -> int:
        channel.extra[_DURATION] = 0
        name, dot, kind = args["filename.format"].strip().rpartition(".")
        if not dot:
            name, dot, kind = args["filename.format"].strip().partition(":")
        if not dot:
            channel.set_variable("RECORD_STATUS", "ERROR")
            raise ArgumentError("Record requires a file name with its format, as in greeting.wav")
        options = args.options
        name = self._unique(name, kind)
        channel.set_variable("RECORDED_FILE", name)
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable("RECORD_STATUS", "SKIP")
                return RESULT_OK
            if "n" not in options:
                channel.answer()
        try:
            if "q" not in options:
                await play(self.server.switchboard, channel, "beep")
            status = await self._record(channel, name, kind, args)
        except SoundMissing as error:
            # As in Asterisk whoever cannot hear the beep is taken for one who has gone.
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
            status = "HANGUP"
        except ChannelInterrupted:
            channel.set_variable("RECORD_STATUS", "HANGUP")
            raise
        channel.set_variable("RECORD_STATUS", status)
        return RESULT_OK

    def _path_of(self, name: str, kind: str) -> Path:
        return recording_path(self.server.directories, name, kind)

    def _unique(self, name: str, kind: str) -> str:
        if "%d" not in name:
            return name
        for number in range(MAX_NUMBERED):
            candidate = name.replace("%d", str(number))
            if not self._path_of(candidate, kind).exists():
                return candidate
        raise ArgumentError(f"Record: there is no free number for '{name}'")

    @function(
        "RECORDING_INFO",
        "property",
        synopsis="Retrieve information about a recording previously created using the Record application.",
        description="The property 'duration' is that of the last one, in milliseconds.",
        see_also=("Record",),
    )
    def func_recording_info(self, channel: Channel | None, args: Arguments) -> str:
        if channel is None:
            raise FunctionError("RECORDING_INFO() can only be executed on a channel")
        if _DURATION not in channel.extra:
            raise FunctionError(f"{channel.name} has made no recording")
        if args["property"].strip().lower() != "duration":
            raise ArgumentError(f"RECORDING_INFO has no property '{args['property']}'")
        return str(channel.extra[_DURATION])

    async def _record(self, channel: Channel, name: str, kind: str, args: Arguments) -> str:
        options = args.options
        silence = self._seconds(args["silence"], "silence duration")
        longest = self._seconds(args["maxduration"], "maximum duration")
        began = self.server.clock.now()
        try:
            path = self._path_of(name, kind)
            path.parent.mkdir(parents=True, exist_ok=True)
            recording = self.server.switchboard.record(channel.audio, path, append="a" in options)
        except (ObeliskError, OSError) as error:
            log.warn(
                "{channel}: Could not create file {name}: {reason}",
                channel=channel.name,
                name=name,
                reason=str(error),
                call_id=channel.callid,
            )
            return "ERROR"
        done: Deferred[str] = Deferred()

        def finish(status: str) -> None:
            if not done.called:
                done.callback(status)

        def heard(frame: Frame) -> None:
            if isinstance(frame, DigitEnd):
                status = _status_of_digit(frame.digit, options)
                if status:
                    finish(status)

        if silence:
            recording.set_silence_listener(silence, lambda: finish("SILENCE"))
        timer = self.server.clock.call_later(longest, finish, "TIMEOUT") if longest else None
        status = "HANGUP"
        try:
            channel.set_reader(heard)
            status = await channel.wait_for(done)
        finally:
            cancel_timer(timer)
            if channel.alive:
                channel.set_reader(None)
            recording.stop(_rewind_ms(status, silence, options))
            channel.extra[_DURATION] = round((self.server.clock.now() - began) * 1000)
            if status == "HANGUP" and "k" not in options:
                _delete(path)
        return status

    @staticmethod
    def _seconds(text: str, what: str) -> float:
        number = scan_int(text)
        if number is None or number < 0:
            if text:
                log.warn("Record: '{text}' is not a valid {what}", text=text, what=what)
            return 0.0
        return float(min(number, 1_000_000))


def recording_path(directories: Directories, name: str, kind: str) -> Path:
    """The file of a recording. Relative names are below the sound directory, where Playback finds them.

    Raises ArgumentError for a name that cannot be a file's.
    """
    path = Path(name)
    try:
        return (path if path.is_absolute() else directories.sounds / path).with_name(f"{path.name}.{kind}")
    except ValueError:
        raise ArgumentError(f"'{name}.{kind}' is no name of a file") from None


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warn("Record: {path} cannot be deleted: {reason}", path=str(path), reason=error.strerror)


def _status_of_digit(digit: str, options: Options) -> str:
    """The status that a digit ends the recording with, or empty when it does not."""
    if "o" in options and digit == "0":
        return "OPERATOR"
    end = "" if "x" in options else "*" if "t" in options else "#"
    return "DTMF" if "y" in options or digit == end else ""


def _rewind_ms(status: str, silence: float, options: Options) -> int:
    """How much of the end is left out: the silence that ended it, or what its digit has left."""
    if status == "SILENCE" and "u" not in options:
        return max(0, round((silence - KEPT_SILENCE) * 1000))
    return 0 if status in ("TIMEOUT", "HANGUP") else DIGIT_MS

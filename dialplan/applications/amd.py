"""app_amd: AMD, which judges by the first seconds of speech whether a person or a machine has answered (app_amd.c)."""

from __future__ import annotations

import array
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.arguments import Arguments, split_arguments
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from dialplan.verbosity import verbose
from pbx.clock import cancel_timer
from pbx.config import types
from pbx.config.options import ConfigObject, option, parse_section
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.errors import ObeliskError
from pbx.modules import ModuleDeclined

if TYPE_CHECKING:
    from pbx.core.media import PlaybackHandle

log = Logger()

FILE = "amd.conf"
#: Samples a millisecond: audio is listened to at 8 kHz.
RATE = 8
_MS = types.integer(0, 3_600_000)

HUMAN, MACHINE, NOTSURE, HANGUP = "HUMAN", "MACHINE", "NOTSURE", "HANGUP"


@dataclass(frozen=True, slots=True)
class Limits(ConfigObject):
    """``[general]`` of amd.conf; times are milliseconds."""

    type_name: ClassVar[str] = "general"

    initial_silence: int = option(_MS, 2500, help="silence before a greeting from which on it is a machine")
    greeting: int = option(_MS, 1500, help="length of a greeting from which on it is a machine")
    after_greeting_silence: int = option(_MS, 800, help="silence after a greeting that makes it a person")
    total_analysis_time: int = option(_MS, 5000, help="when to give up")
    min_word_length: int = option(_MS, 100, help="shortest word")
    between_words_silence: int = option(_MS, 50, help="silence that ends a word")
    maximum_number_of_words: int = option(types.integer(0), 2, help="words of a greeting above which it is a machine")
    silence_threshold: int = option(types.integer(0, 32767), 256, help="mean amplitude below which there is silence")
    maximum_word_length: int = option(_MS, 5000, help="length of a word from which on it is a machine")
    playback_file: str = option(types.STRING, "", help="sound to play meanwhile")


#: The settings in the order of the application's arguments.
_ARGUMENTS = (
    "initial_silence",
    "greeting",
    "after_greeting_silence",
    "total_analysis_time",
    "min_word_length",
    "between_words_silence",
    "maximum_number_of_words",
    "silence_threshold",
    "maximum_word_length",
)


class Detector:
    """The judgement, piece of sound by piece. Pure."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        #: Milliseconds heard: in all, of silence in a row, of voice in a row, of voice since the beginning.
        self.heard = 0
        self._silence = self._voice = self._voice_in_all = 0
        self._words = 0
        self._in_word = True
        self._greeting = False

    def feed(self, piece: bytes) -> tuple[str, str] | None:
        """16-bit samples at 8 kHz, some 20 ms of them; the status and the cause once they are clear."""
        samples = array.array("h", piece[: len(piece) & ~1])
        length = len(samples) // RATE
        if not length:
            return None
        limits = self._limits
        self.heard += length
        if self.heard >= limits.total_analysis_time:
            return NOTSURE, f"TOOLONG-{self.heard}"
        if sum(map(abs, samples)) // len(samples) < limits.silence_threshold:
            self._silence += length
            return self._quiet()
        self._silence = 0
        self._voice += length
        self._voice_in_all += length
        return self._spoken()

    def _quiet(self) -> tuple[str, str] | None:
        limits = self._limits
        if self._silence >= limits.between_words_silence:
            self._in_word = False
            self._voice = 0
        if not self._greeting and self._silence >= limits.initial_silence:
            return MACHINE, f"INITIALSILENCE-{self._silence}-{limits.initial_silence}"
        if self._greeting and self._silence >= limits.after_greeting_silence:
            return HUMAN, f"HUMAN-{self._silence}-{limits.after_greeting_silence}"
        return None

    def _spoken(self) -> tuple[str, str] | None:
        limits = self._limits
        word = self._voice >= limits.min_word_length
        if word and not self._in_word:
            self._words += 1
            self._in_word = True
        if self._voice >= limits.maximum_word_length:
            return MACHINE, f"MAXWORDLENGTH-{self._voice}"
        if self._words > limits.maximum_number_of_words:
            return MACHINE, f"MAXWORDS-{self._words}-{limits.maximum_number_of_words}"
        if self._greeting and self._voice_in_all >= limits.greeting:
            return MACHINE, f"LONGGREETING-{self._voice_in_all}-{limits.greeting}"
        self._greeting = self._greeting or word
        return None


class AmdModule(DialplanModule):
    """AMD."""

    name = "app_amd"
    description = "Answering Machine Detection Application"
    support_level = "extended"

    def check(self) -> None:
        self._read()

    async def load(self) -> None:
        limits = self._read()
        if limits is None:
            raise ModuleDeclined(f"there is no {FILE}")
        self._limits = limits
        await super().load()

    async def reload(self) -> None:
        """Take the settings for the calls that come."""
        self._limits = self._read() or self._limits

    def _read(self) -> Limits | None:
        config = self.server.config.load_optional(FILE)
        return None if config is None else parse_section(Limits, config.section("general"))

    @application(
        "AMD",
        "[initialSilence[,greeting[,afterGreetingSilence[,totalAnalysisTime[,miniumWordLength[,betweenWordSilence"
        "[,maximumNumberOfWords[,silenceThreshold[,maximumWordLength[,audioFile]]]]]]]]]]",
        synopsis="Attempt to detect answering machines.",
        description=(
            "Listens to the beginning of an answered call. AMDSTATUS is MACHINE, HUMAN, NOTSURE or HANGUP; AMDCAUSE "
            "says why: TOOLONG-ms, NOAUDIODATA-ms, INITIALSILENCE-ms-limit, HUMAN-ms-limit, MAXWORDS-words-limit, "
            "LONGGREETING-ms-limit, MAXWORDLENGTH-ms. What is left out comes from amd.conf; times are milliseconds."
        ),
        sets=("AMDSTATUS", "AMDCAUSE"),
    )
    async def app_amd(self, channel: Channel, args: Arguments) -> int:
        limits, sound = self._limits_of(args.raw)
        detector = Detector(limits)
        done: Deferred[tuple[str, str]] = Deferred()

        def judge(found: tuple[str, str] | None) -> None:
            if found is not None and not done.called:
                done.callback(found)

        def too_long() -> None:
            what = "TOOLONG" if detector.heard else "NOAUDIODATA"
            judge((NOTSURE, f"{what}-{detector.heard}"))

        server = self.server
        try:
            listening = server.switchboard.listen(channel.audio, lambda piece: judge(detector.feed(piece)))
        except ObeliskError as error:
            log.warn("{channel}: AMD cannot listen: {error}", channel=channel.name, error=str(error))
            self._tell(channel, "", "")
            return RESULT_OK
        timer = server.clock.call_later(limits.total_analysis_time / 1000, too_long)
        played = self._play(channel, sound)
        try:
            status, cause = await channel.wait_for(done)
        except ChannelInterrupted:
            self._tell(channel, HANGUP, "")
            raise
        finally:
            listening.stop()
            cancel_timer(timer)
            if played is not None:
                played.stop()
        verbose(log, 3, "AMD: Channel [{channel}]. {status} {cause}", channel=channel.name, status=status, cause=cause)
        self._tell(channel, status, cause)
        return RESULT_OK

    def _limits_of(self, text: str) -> tuple[Limits, str]:
        """The settings with what the call gives in their place, and the sound to play."""
        words = split_arguments(text, len(_ARGUMENTS) + 1) if text else []
        given: dict[str, Any] = {
            name: max(0, scan_int(word) or 0) for name, word in zip(_ARGUMENTS, words, strict=False) if word
        }
        sound = words[-1] if len(words) > len(_ARGUMENTS) else ""
        return replace(self._limits, **given), sound or self._limits.playback_file

    def _play(self, channel: Channel, sound: str) -> PlaybackHandle | None:
        switchboard = self.server.switchboard
        path = switchboard.find_sound(sound, channel.language) if sound else None
        if path is None:
            return None
        with contextlib.suppress(ObeliskError):
            return switchboard.play(channel.audio, path)
        return None

    @staticmethod
    def _tell(channel: Channel, status: str, cause: str) -> None:
        channel.set_variable("AMDSTATUS", status)
        channel.set_variable("AMDCAUSE", cause)

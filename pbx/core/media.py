"""What the core asks of media, and nothing of how it is done.

Every channel owns one `AudioLeg` from its creation to its end. A leg is a node of the switchboard's graph: connections
between legs may be made before, while and after a leg has a stream behind it, and survive a re-INVITE that replaces
the stream. Sound flows from a source leg (what its far end says) into a sink leg (what its far end hears).
All calls come from the reactor thread and return at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred

#: Called with the digit (one of ``0-9 * # A-D``), and its length in ms when it has ended, or None when it begins.
DigitListener = Callable[[str, "int | None"], None]


#: Formats in which `Switchboard.listen` gives audio.
LISTENING_FORMATS = frozenset(("slin", "slin16", "ulaw", "alaw"))


class AudioLeg(Protocol):
    """One channel's audio."""

    @property
    def name(self) -> str: ...

    def set_digit_listener(self, listener: DigitListener | None) -> None:
        """Digits received in the media (RFC 4733) from the leg's far end go to ``listener``, on the reactor thread."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send one digit in the media towards the leg's far end; without a stream it is dropped.

        Raises ValueError for a digit that does not exist.
        """

    def set_muted(self, *, inbound: bool, outbound: bool) -> None:
        """Silence what comes from the far end (``inbound``) or what goes to it (``outbound``)."""

    @property
    def frames_received(self) -> int:
        """RTP packets received on this leg since its stream began; 0 without a stream."""

    def close(self) -> None:
        """Take the leg out of every connection and release what it holds. Idempotent."""


class PlaybackHandle(Protocol):
    """A file being played into one leg."""

    @property
    def finished(self) -> Deferred[bool]:
        """Fires once: True when the file was played to its end, False when it was stopped."""

    @property
    def position_ms(self) -> int: ...

    @property
    def duration_ms(self) -> int:
        """Of the whole file."""

    def stop(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class RecordingHandle(Protocol):
    """A file being written from one leg, or from both of its directions mixed."""

    @property
    def path(self) -> Path: ...

    @property
    def duration_ms(self) -> int: ...

    @property
    def closed(self) -> Deferred[int]:
        """Fires once, with the length in ms, when the recording has ended and its file is whole."""

    def set_silence_listener(self, seconds: float, listener: Callable[[], object]) -> None:
        """Call ``listener`` once after ``seconds`` of unbroken silence."""

    @property
    def silence_ms(self) -> tuple[int, int]:
        """Silence since a listener was set: all of it, and the unbroken part at the end."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def mute(self, muted: bool) -> None:
        """Write silence instead of what is heard, or no longer. Such silence is none that a listener waits for."""

    def stop(self, rewind_ms: int = 0) -> int:
        """End the recording, less its last ``rewind_ms``, flush the file and give its length in ms. Idempotent."""


class ListeningHandle(Protocol):
    """Audio that flows from a leg to somebody in this process."""

    def stop(self) -> None:
        """End it. Idempotent."""


class Switchboard(Protocol):
    """The mixer behind all legs."""

    def create_leg(self, name: str) -> AudioLeg:
        """A leg with no stream yet."""

    def connect(self, source: AudioLeg, sink: AudioLeg) -> None:
        """Let ``sink``'s far end hear ``source``'s far end; twice counts once. A leg may hear itself (Echo)."""

    def disconnect(self, source: AudioLeg, sink: AudioLeg) -> None:
        """Undo `connect`; no error where there is no connection."""

    def join(self, one: AudioLeg, other: AudioLeg) -> None:
        """Both directions of `connect`, relayed without mixing where nothing else needs the audio."""

    def part(self, one: AudioLeg, other: AudioLeg) -> None:
        """Undo `join`."""

    def tap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        """Let ``sink``'s far end hear what ``leg``'s far end hears."""

    def untap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        """Undo `tap`; no error where there is none."""

    def add_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        """Let whoever hears ``host``'s far end hear ``voice``'s as well."""

    def remove_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        """Undo `add_voice`; no error where there is none."""

    def pipe(self, one: AudioLeg, other: AudioLeg) -> None:
        """Make two legs the ends of a Local pair: what goes into one comes out of the other."""

    def play(
        self, sink: AudioLeg, path: Path, *, offset_ms: int = 0, alone: bool = False, loop: bool = False
    ) -> PlaybackHandle:
        """Play a sound file; it always advances in real time, heard or not. ``alone``: the far end hears nothing else.
        ``loop``: it begins anew, without a gap, until it is stopped.

        Raises `pbx.media.SoundError`, an ObeliskError, naming the file, when it cannot be read.
        """

    def play_samples(
        self, sink: AudioLeg, samples: bytes, rate: int, *, alone: bool = False, loop: bool = False
    ) -> PlaybackHandle:
        """Play 16-bit little-endian mono samples of ``rate`` Hz, otherwise as `play`."""

    def record(
        self,
        leg: AudioLeg,
        path: Path,
        *,
        both_directions: bool = False,
        append: bool = False,
        keep_ms: int | None = None,
    ) -> RecordingHandle:
        """Write what ``leg``'s far end says (and, mixed, what it hears) to a WAV file.

        ``append`` adds to the file, ``keep_ms`` says how much of it stays.

        Raises `pbx.media.SoundError` naming the file when it cannot be written.
        """

    def listen(self, leg: AudioLeg, take: Callable[[bytes], object], form: str = "slin") -> ListeningHandle:
        """Give what ``leg``'s far end says to ``take``, piece by piece, in one of `LISTENING_FORMATS`.

        Raises `pbx.media.SoundError` where that cannot be.
        """

    def find_sound(self, name: str, language: str) -> Path | None:
        """The file for an Asterisk sound name (no extension; may be absolute), by language fallback, or None."""

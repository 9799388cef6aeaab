"""Judge what was heard: tones, level and silence of a WAV file; and make the tones to be heard.

A tone is judged over all the time it lasts, window by window: one good moment does not make up for a gap elsewhere.

Only 16-bit PCM and mono are read; a file with several channels is averaged. Levels are dBov: decibels relative to the
loudest square wave that the samples can carry (RFC 6464, section 3), so a full-scale sine is -3.
"""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FULL_SCALE = 32768.0
WINDOW_SECONDS = 0.04
SILENCE_DBOV = -55.0
# A window counts as holding a tone when this part of its power lies at the tone's frequency.
TONE_SHARE = 0.4
# G.711's quantisation of silence and comfort noise stay far below this.
TONE_FLOOR_DBOV = -45.0
# A talk is judged by windows of one packet: what the jitter buffer conceals then costs no more than it is.
PACKET_SECONDS = 0.02
# A window holds nothing else when this part of its power lies at what is expected.
PURE_SHARE = 0.8
# A tone was heard throughout when this part of its windows hold it and nothing else. The rest is for the beginning,
# when the jitter buffer finds its depth and conceals, and for the two windows that the ends of the tone fall into.
THROUGHOUT_SHARE = 0.9
# Seconds in all of what belongs to no expected tone: windows cut by a tone's ends, its beginning as above.
FOREIGN_SECONDS = 0.16


@dataclass(frozen=True)
class Talk:
    """One tone in a recording, from the first window that holds it to the last."""

    #: Between these two; 0 when it is heard nowhere.
    seconds: float
    #: The part of that time, 0..1, in which it was there and nothing but what was expected beside it.
    share: float
    #: The longest time without, between the two.
    gap_seconds: float
    #: For how long, in the whole recording, something was heard that was not expected.
    foreign_seconds: float

    def fault(self, seconds: float, share: float = THROUGHOUT_SHARE, foreign_seconds: float = FOREIGN_SECONDS) -> str:
        """What is wrong with it where at least ``seconds`` of it are wanted; empty when nothing is."""
        if self.seconds < seconds:
            return f"for {self.seconds:.2f} s, not {seconds:g} s"
        if self.share < share:
            return f"in {100 * self.share:.0f} % of its {self.seconds:.2f} s, with a gap of {self.gap_seconds:.2f} s"
        if self.foreign_seconds > foreign_seconds:
            return f"and for {self.foreign_seconds:.2f} s something else"
        return ""


@dataclass(frozen=True)
class Audio:
    """Mono samples (-32768..32767) at ``rate`` samples a second."""

    rate: int
    samples: Sequence[int]

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def part(self, start_seconds: float, end_seconds: float | None = None) -> Audio:
        """What lies between two moments, cut to what there is."""
        first = int(start_seconds * self.rate)
        last = len(self.samples) if end_seconds is None else int(end_seconds * self.rate)
        return Audio(self.rate, self.samples[first:last])

    def level_dbov(self) -> float:
        """Level of the whole; -inf for digital silence or nothing at all."""
        return _dbov(_power(self.samples))

    def silence_ratio(self, below_dbov: float = SILENCE_DBOV) -> float:
        """The part of its length, 0..1, that lies below a level. An empty recording is silent: 1."""
        windows = list(self._windows())
        if not windows:
            return 1.0
        return sum(_dbov(_power(window)) < below_dbov for window in windows) / len(windows)

    def seconds_of(self, frequency: float) -> float:
        """For how long, in all, a tone of this frequency (Hz) was the main thing heard, alone or as one of a pair."""
        return WINDOW_SECONDS * sum(_holds(window, frequency, self.rate) for window in self._windows())

    def talk(self, frequency: float, among: Iterable[float] = ()) -> Talk:
        """Judge a tone of this frequency (Hz) over all its time; tones ``among`` may be heard as well, at any time."""
        expected = (frequency, *among)
        held, pure, foreign = [], [], 0
        for window in self._windows(PACKET_SECONDS):
            total = _power(window)
            powers = [_tone_power(window, each, self.rate) for each in expected] if _audible(total) else [0.0]
            held.append(_audible(total) and powers[0] >= TONE_SHARE * total)
            known = sum(powers) >= PURE_SHARE * total
            pure.append(held[-1] and known)
            foreign += _audible(total) and not known
        if True not in held:
            return Talk(0.0, 0.0, 0.0, PACKET_SECONDS * foreign)
        first, last = held.index(True), len(held) - 1 - held[::-1].index(True)
        pure = pure[first : last + 1]
        gaps = "".join(" x"[each] for each in pure).split("x")
        return Talk(
            PACKET_SECONDS * len(pure),
            sum(pure) / len(pure),
            PACKET_SECONDS * max(map(len, gaps)),
            PACKET_SECONDS * foreign,
        )

    def strongest(self, frequencies: Iterable[float]) -> float:
        """Which of these frequencies was heard longest."""
        return max(frequencies, key=self.seconds_of)

    def _windows(self, seconds: float = WINDOW_SECONDS) -> Iterable[Sequence[int]]:
        length = int(seconds * self.rate)
        for start in range(0, len(self.samples) - length + 1, length):
            yield self.samples[start : start + length]


def read_wav(path: Path | str) -> Audio:
    """Read a WAV file of 16-bit PCM. A file of no samples, or one cut off before its header, is an empty Audio.

    Raises wave.Error if it is of another kind.
    """
    path = Path(path)
    if not path.exists() or path.stat().st_size <= 44:
        return Audio(8000, [])
    with wave.open(str(path), "rb") as file:
        channels, width = file.getnchannels(), file.getsampwidth()
        if width != 2:
            raise wave.Error(f"{path}: {8 * width}-bit samples; only 16-bit PCM is read")
        rate = file.getframerate()
        samples = _from_bytes(file.readframes(file.getnframes()))
    if channels > 1:
        frames = zip(*(samples[channel::channels] for channel in range(channels)), strict=True)
        samples = array("h", (sum(frame) // channels for frame in frames))
    return Audio(rate, samples)


def read_headerless(path: Path | str, rate: int = 8000) -> Audio:
    """Read signed linear samples without a header (Asterisk's .sln)."""
    return Audio(rate, _from_bytes(Path(path).read_bytes()))


def make_tone(frequencies: Sequence[float], seconds: float, *, rate: int = 8000, level_dbov: float = -16.0) -> Audio:
    """A sum of sines, each of ``level_dbov``."""
    amplitude = FULL_SCALE * math.sqrt(2.0) * 10 ** (level_dbov / 20)
    steps = [2 * math.pi * frequency / rate for frequency in frequencies]
    samples = array("h", bytes(2 * int(seconds * rate)))
    for index in range(len(samples)):
        value = amplitude * sum(math.sin(step * index) for step in steps)
        samples[index] = max(-32768, min(32767, round(value)))
    return Audio(rate, samples)


def make_silence(seconds: float, *, rate: int = 8000) -> Audio:
    return Audio(rate, array("h", bytes(2 * int(seconds * rate))))


def write_wav(path: Path | str, audio: Audio) -> Path:
    """Write mono 16-bit PCM; returns the path."""
    samples = array("h", audio.samples)
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(samples.tobytes())
    return Path(path)


def write_tone(
    path: Path | str,
    frequencies: float | Sequence[float],
    seconds: float,
    *,
    rate: int = 8000,
    level_dbov: float = -16.0,
) -> Path:
    """Write a WAV with a tone of one or several frequencies (Hz); returns the path."""
    several = [float(frequencies)] if isinstance(frequencies, (int, float)) else frequencies
    return write_wav(path, make_tone(several, seconds, rate=rate, level_dbov=level_dbov))


def assert_heard(
    path: Path | str,
    frequency: float,
    seconds: float,
    *,
    among: Iterable[float] = (),
    share: float = THROUGHOUT_SHARE,
    foreign_seconds: float = FOREIGN_SECONDS,
) -> None:
    """Raise AssertionError unless a recording holds a tone of this frequency for at least ``seconds``, throughout.

    From its first moment to its last, ``share`` of the time holds the tone and no other but those ``among``; the whole
    recording holds nothing else for longer than ``foreign_seconds``.
    """
    audio = read_wav(path)
    fault = audio.talk(frequency, among).fault(seconds, share, foreign_seconds)
    if fault:
        raise AssertionError(f"heard {frequency:g} Hz {fault}, in {describe(audio, path)}")


def assert_not_heard(path: Path | str, frequency: float, seconds: float = 0.1) -> None:
    """Raise AssertionError if a recording holds a tone of this frequency for longer than ``seconds``."""
    audio = read_wav(path)
    heard = audio.seconds_of(frequency)
    if heard > seconds:
        raise AssertionError(f"heard {frequency:g} Hz for {heard:.2f} s in {describe(audio, path)}")


def assert_silent(path: Path | str, ratio: float = 0.98) -> None:
    """Raise AssertionError unless at least this part of a recording is silence."""
    audio = read_wav(path)
    if audio.silence_ratio() < ratio:
        raise AssertionError(f"not silent: {describe(audio, path)}")


def describe(audio: Audio, path: Path | str = "recording") -> str:
    """One line for a failed assertion."""
    return (
        f"{path}: {audio.seconds:.2f} s at {audio.rate} Hz, level {audio.level_dbov():.1f} dBov, "
        f"{100 * audio.silence_ratio():.0f} % silence"
    )


def _from_bytes(data: bytes) -> array[int]:
    samples = array("h")
    samples.frombytes(data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _power(samples: Sequence[int]) -> float:
    if not samples:
        return 0.0
    return sum(sample * sample for sample in samples) / len(samples)


def _dbov(power: float) -> float:
    if power <= 0:
        return -math.inf
    return 10 * math.log10(power / FULL_SCALE**2)


def _audible(power: float) -> bool:
    return _dbov(power) >= TONE_FLOOR_DBOV


def _holds(window: Sequence[int], frequency: float, rate: int) -> bool:
    total = _power(window)
    return _audible(total) and _tone_power(window, frequency, rate) >= TONE_SHARE * total


def _tone_power(window: Sequence[int], frequency: float, rate: int) -> float:
    """Power at one frequency, by Goertzel's recursion (any frequency, not only multiples of the bin width)."""
    step = 2 * math.pi * frequency / rate
    coefficient = 2 * math.cos(step)
    before = last = 0.0
    for sample in window:
        before, last = last, sample + coefficient * last - before
    return 2 * (last * last + before * before - coefficient * last * before) / len(window) ** 2

"""Makes the music on hold in sounds/moh: a tune of this project, 8 kHz, 16 bit, one channel.

It is committed, so this runs only when the tune is changed: ``make sounds``.
"""

from __future__ import annotations

import math
import struct
import sys
import wave
from pathlib import Path

RATE = 8000
TARGET = Path(__file__).resolve().parent.parent / "sounds" / "moh" / "obelisk-lantern.wav"
BEAT_SECONDS = 0.5
#: Highest sample, 9 dB below full scale.
PEAK = 11_600
#: Chords, one a bar of four beats, as MIDI numbers from the lowest; and the melody above them, None is a rest.
CHORDS = (
    (48, 55, 64),
    (45, 52, 60),
    (41, 48, 57),
    (43, 50, 59),
    (48, 55, 64),
    (40, 47, 55),
    (41, 48, 57),
    (43, 50, 55),
)
MELODY = (
    *(72, None, 67, 69, 72, 74, 72, None),
    *(69, None, 65, 67, 71, None, 67, None),
    *(76, 74, 72, None, 71, 67, 64, None),
    *(65, 69, 72, 74, 71, 67, None, None),
)


def note(samples: list[float], start: float, seconds: float, midi: int, level: float) -> None:
    """Add a plucked note: a few harmonics that die away, round the end of the tune to its beginning."""
    frequency = 440.0 * 2 ** ((midi - 69) / 12)
    first = int(start * RATE)
    for index in range(int(seconds * RATE)):
        time = index / RATE
        attack = min(1.0, time / 0.008)
        release = min(1.0, (seconds - time) / 0.05)
        tone = sum(
            math.sin(2 * math.pi * frequency * harmonic * time) * weight * math.exp(-time * decay)
            for harmonic, weight, decay in ((1, 1.0, 2.2), (2, 0.35, 3.5), (3, 0.12, 5.0))
            if frequency * harmonic < 3400
        )
        samples[(first + index) % len(samples)] += level * attack * release * tone


def main() -> int:
    bars = len(CHORDS)
    samples = [0.0] * int(bars * 4 * BEAT_SECONDS * RATE)
    for bar, chord in enumerate(CHORDS):
        start = bar * 4 * BEAT_SECONDS
        pattern = (*chord, chord[1], chord[2], chord[1], chord[2], chord[1])
        for step, midi in enumerate(pattern):
            note(samples, start + step * BEAT_SECONDS / 2, 1.1, midi, 0.5)
    for beat, pitch in enumerate(MELODY):
        if pitch is not None:
            note(samples, beat * BEAT_SECONDS, 1.3, pitch, 0.8)
    highest = max(abs(sample) for sample in samples)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(TARGET), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *(round(sample / highest * PEAK) for sample in samples)))
    print(f"{len(samples) / RATE:.0f} s of music in {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""DTMF in INFO: ``application/dtmf-relay`` (Cisco's, what Asterisk sends) and ``application/dtmf``. Pure."""

from __future__ import annotations

from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS

CONTENT_TYPE = "application/dtmf-relay"
CONTENT_TYPES = ("application/dtmf-relay", "application/dtmf")
#: Longest digit believed, in ms.
MAX_DURATION_MS = 60_000
#: RFC 4733 event numbers, which some phones send as the signal.
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


def build(digit: str, duration_ms: int) -> bytes:
    """The body that presses ``digit``."""
    return f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode("ascii")


def parse(content_type: str, body: bytes) -> tuple[str, int] | None:
    """(digit, duration in ms) of an INFO body; None when it is no digit."""
    text = body.decode("ascii", "replace")
    if content_type == "application/dtmf":
        return _digit(text, DEFAULT_DIGIT_MS)
    if content_type != "application/dtmf-relay":
        return None
    signal = ""
    duration = DEFAULT_DIGIT_MS
    for line in text.splitlines():
        name, _, value = line.partition("=")
        name = name.strip().lower()
        value = value.strip()
        if name == "signal":
            signal = value
        elif name == "duration" and value.isdecimal() and len(value) < 6:
            duration = min(int(value), MAX_DURATION_MS)
    return _digit(signal, duration or DEFAULT_DIGIT_MS)


def _digit(signal: str, duration: int) -> tuple[str, int] | None:
    signal = signal.strip().upper()
    signal = _EVENTS.get(signal, signal)
    return (signal, duration) if signal in DIGITS else None

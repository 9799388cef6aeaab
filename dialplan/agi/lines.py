"""What an AGI program sends, as lines. Pure.

A line has at most `MAX_LINE` bytes, as in Asterisk; what is longer counts as one command that does not exist, where
Asterisk would take every 8191 bytes of it for a command. A NUL ends a line's text, as it does in C.
"""

from __future__ import annotations

from collections import deque

#: AGI_BUF_LEN less the terminator.
MAX_LINE = 8191
#: Bytes and lines that may wait before their sender is held up.
MAX_WAITING = 64 * 1024
MAX_LINES = 256
#: What stands for a line that was too long; no other line is this.
OVERLONG = "\x00"


class Lines:
    """Bytes in, lines out."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[str] = deque()
        self._waiting = 0
        self._skipping = False

    @property
    def full(self) -> bool:
        """Whether more waits than should."""
        return self._waiting > MAX_WAITING or len(self._lines) > MAX_LINES

    def __bool__(self) -> bool:
        return bool(self._lines)

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = self._rest + whole[0]
            for line in whole:
                self._add(line)
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > MAX_LINE:
            self._rest, self._skipping = b"", True

    def end(self) -> None:
        """Nothing more will come: what stands without its line break is a line too."""
        if self._rest or self._skipping:
            self._add(self._rest)
            self._rest = b""

    def _add(self, line: bytes) -> None:
        if self._skipping or len(line) > MAX_LINE:
            self._skipping = False
            text = OVERLONG
        else:
            text = line.partition(b"\0")[0].decode("utf-8", "surrogateescape")
        self._lines.append(text)
        self._waiting += len(text)

    def take(self) -> str:
        """The next line. Raises IndexError when there is none."""
        text = self._lines.popleft()
        self._waiting -= len(text)
        return text

    def clear(self) -> None:
        """Forget everything."""
        self._rest = b""
        self._lines.clear()
        self._waiting = 0

"""Framing of the manager protocol, without I/O: bytes in, messages out.

A message is header lines ended by an empty line. CRLF and bare LF both end a line. A message that breaks a limit is
reported as `BadMessage` once it has ended, and the connection goes on, as in Asterisk's ``do_message``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

#: Longest line in bytes without its end (Asterisk's input buffer takes 1024 bytes with a line's end).
MAX_LINE_BYTES = 1023
#: Most header lines of a message (AST_MAX_MANHEADERS).
MAX_LINES = 128

LINE_TOO_LONG = "Failed to parse message: line too long"
TOO_MANY_LINES = "Too many lines in message or allocation failure"
NUL_IN_LINE = "Failed to parse message: NUL byte in line"

Header = tuple[str, str]


class Message:
    """A request, or on the client's side a response or an event: header lines in their order."""

    __slots__ = ("_first", "lines")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        first: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                key = name.lower()
                if key not in first or (key == "action" and not first[key]):
                    first[key] = value.lstrip()
        self._first = first

    def __repr__(self) -> str:
        # Never the values: a Login carries a secret.
        return f"<Message {', '.join(line.partition(':')[0] for line in self.lines)}>"

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, by its name in any case; for ``Action`` the first that is not empty."""
        return self._first.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """Every value of a header that may be repeated."""
        key = name.lower()
        return [value for each, value in self.headers() if each.lower() == key]

    def headers(self) -> Iterator[Header]:
        """(name, value) of each line that has a colon."""
        for line in self.lines:
            name, colon, value = line.partition(":")
            if colon:
                yield name, value.lstrip()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first


class BadMessage(Message):
    """A message that broke a limit; ``reason`` is the text of the Error to answer with."""

    __slots__ = ("reason",)

    def __init__(self, lines: list[str], reason: str) -> None:
        super().__init__(lines)
        self.reason = reason


class Codec:
    """Takes a byte stream apart. ``receive_data``, then ``next_event`` until it gives None."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES, max_lines: int = MAX_LINES) -> None:
        self._max_line = max_line_bytes
        self._max_lines = max_lines
        self._rest = b""
        self._lines: list[str] = []
        self._next = 0
        self._headers: list[str] = []
        self._fault = ""

    @property
    def unread(self) -> int:
        """Bytes of a line that has not ended: at most two lines' worth."""
        return len(self._rest)

    def receive_data(self, data: bytes) -> None:
        """Take what the transport received."""
        if self._rest:
            data = self._rest + data
        end = data.rfind(b"\n")
        if end >= 0:
            complete, data = data[:end], data[end + 1 :]
            self._lines = self._lines[self._next :]
            self._next = 0
            self._lines += complete.decode("utf-8", "surrogateescape").split("\n")
        if len(data) > self._max_line + 1:
            # The line's beginning is lost anyway; its last byte may be the CR of its end.
            self._fault = self._fault or LINE_TOO_LONG
            data = data[-1:]
        self._rest = data

    def next_event(self) -> Message | None:
        """The next whole message (perhaps a `BadMessage`), or None when more data is needed."""
        lines, limit = self._lines, self._max_line
        while self._next < len(lines):
            line = lines[self._next]
            self._next += 1
            line = line.removesuffix("\r")
            if not line:
                return self._ended()
            if len(line) > limit or (not line.isascii() and _byte_length(line) > limit):
                self._fault = self._fault or LINE_TOO_LONG
            elif len(self._headers) >= self._max_lines:
                self._fault = TOO_MANY_LINES
            else:
                if "\0" in line:
                    self._fault = self._fault or NUL_IN_LINE
                self._headers.append(line)
        return None

    def _ended(self) -> Message:
        headers, fault = self._headers, self._fault
        self._headers, self._fault = [], ""
        return BadMessage(headers, fault) if fault else Message(headers)


def _byte_length(line: str) -> int:
    return len(line.encode("utf-8", "surrogateescape"))


def encode_message(headers: Iterable[Header]) -> bytes:
    """A message as a client sends it. Raises ValueError for a name or value that would break the framing."""
    lines = []
    for name, value in headers:
        line = f"{name}: {value}"
        if "\r" in line or "\n" in line or "\0" in line:
            raise ValueError(f"header {name} holds a line break or NUL")
        lines.append(line + "\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("utf-8", "surrogateescape")

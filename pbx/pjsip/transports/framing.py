"""SIP messages out of a byte stream (RFC 3261 18.3, keep-alive of RFC 5626 3.5.1). Bytes in, values out; no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pbx.errors import ObeliskError
from pbx.pjsip.screen import MAX_HEAD, MAX_MESSAGE

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)

PING = b"\r\n\r\n"
PONG = b"\r\n"


class FramingError(ObeliskError):
    """The stream cannot be cut into messages any more; ``head`` is what was read of the one that broke it."""

    def __init__(self, code: int, text: str, head: bytes) -> None:
        self.code = code
        self.head = head
        super().__init__(text)


class Framer:
    """Cuts a stream into messages. `pings` counts keep-alive pings since they were last answered."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self._wanted = 0
        self._max_message = max_message
        self.pings = 0

    @property
    def is_midway(self) -> bool:
        """Whether the beginning of a message waits for its rest."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Complete messages, in order. Raises FramingError; the stream must then be closed."""
        buffer = self._buffer
        buffer += data
        while buffer:
            if not self._wanted and not self._begin():
                return
            if len(buffer) < self._wanted:
                return
            message = bytes(buffer[: self._wanted])
            del buffer[: self._wanted]
            self._wanted = 0
            yield message

    def _begin(self) -> bool:
        """Skip keep-alives and find the length of the message at the front; False when more is needed."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            if buffer.startswith(PING):
                self.pings += 1
                del buffer[:4]
            elif len(buffer) < 4 and PING.startswith(bytes(buffer)):
                return False  # the other half of a ping, or the next message, may follow
            else:
                del buffer[:2]
        if not buffer or buffer == b"\r":
            return False
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > MAX_HEAD:
                raise FramingError(513, f"no end of the headers within {MAX_HEAD} bytes", bytes(buffer[:MAX_HEAD]))
            return False
        if end > MAX_HEAD:
            raise FramingError(513, f"headers of {end} bytes", bytes(buffer[:MAX_HEAD]))
        head = bytes(buffer[: end + 4])
        lengths = _LENGTH.findall(head)
        if len(lengths) != 1:
            raise FramingError(400, f"{len(lengths)} Content-Length headers in a stream", head)
        value = lengths[0].strip()
        if not value.isdigit() or len(value) > 9:
            raise FramingError(400, "bad Content-Length", head)
        self._wanted = end + 4 + int(value)
        if self._wanted > self._max_message:
            raise FramingError(513, f"message of {self._wanted} bytes", head)
        return True

"""What a console and the exchange say to each other over the control socket.

A frame is one byte of kind, four bytes of length (big endian) and a payload in UTF-8. The client sends COMMAND,
COMPLETE and READ_LOG; the exchange sends HELLO first, then OUTPUT as often as it takes and END for each command,
COMPLETIONS for each COMPLETE, and LOG whenever there is something to read along.
"""

from __future__ import annotations

import os
import socket
import struct

HELLO = b"H"
COMMAND = b"C"
COMPLETE = b"T"
READ_LOG = b"L"
OUTPUT = b"O"
END = b"E"
COMPLETIONS = b"K"
LOG = b"M"

_HEAD = struct.Struct("!cI")
#: From a client: a command line. From the exchange: OUTPUT is sent in pieces of at most this.
MAX_PAYLOAD = 64 * 1024
#: ``sun_path`` holds this many bytes, with its end mark.
MAX_SOCKET_PATH = 108


class FrameError(Exception):
    """The other side does not speak this protocol."""


def encode(kind: bytes, text: str = "") -> bytes:
    """One frame; raises ValueError when the text is too long for one."""
    payload = text.encode(errors="surrogateescape")
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes do not fit a frame")
    return _HEAD.pack(kind, len(payload)) + payload


def encode_output(text: str, kind: bytes = OUTPUT) -> bytes:
    """``text`` of any length as frames of ``kind``."""
    payload = text.encode(errors="surrogateescape")
    pieces = (payload[start : start + MAX_PAYLOAD] for start in range(0, len(payload), MAX_PAYLOAD))
    return b"".join(_HEAD.pack(kind, len(piece)) + piece for piece in pieces)


class FrameBuffer:
    """Cuts a stream into frames; holds at most one frame and what one read brought."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The frames that are whole now, as kind and payload. Raises FrameError for a frame too long."""
        self._data += data
        frames: list[tuple[bytes, bytes]] = []
        position = 0
        while len(self._data) - position >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._data, position)
            if length > MAX_PAYLOAD:
                raise FrameError(f"a frame of {length} bytes")
            end = position + _HEAD.size + length
            if len(self._data) < end:
                break
            frames.append((kind, self._data[position + _HEAD.size : end]))
            position = end
        self._data = self._data[position:]
        return frames


class SocketAddress:
    """A path as something ``bind`` and ``connect`` take, also where it is longer than a socket address may be.

    A long path is reached through a descriptor of its directory, which is why this is a context manager.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) < MAX_SOCKET_PATH:
            return self._path
        directory, name = os.path.split(self._path)
        self._fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}/{name}"

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def connect(path: str) -> socket.socket:
    """A connection to the exchange that listens at ``path``. Raises OSError when there is none."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with SocketAddress(path) as address:
            client.connect(address)
    except OSError:
        client.close()
        raise
    return client

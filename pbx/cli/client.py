"""The console's client side: ``-rx`` and the interactive console. Imports no Twisted, so that it starts at once."""

from __future__ import annotations

import os
import sys

from pbx.cli import frames

NOT_RUNNING = "Unable to connect to remote asterisk (does {path} exist?)"


class Connection:
    """A blocking connection to a running exchange. Constructor arguments come from `frames.connect`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = frames.connect(path)
        self._buffer = frames.FrameBuffer()
        self._ready: list[tuple[bytes, bytes]] = []

    def send(self, kind: bytes, text: str = "") -> None:
        self._socket.sendall(frames.encode(kind, text))

    def receive(self) -> tuple[bytes, bytes] | None:
        """The next frame, or None when the exchange closed the connection."""
        while not self._ready:
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._ready = self._buffer.feed(data)
        return self._ready.pop(0)

    def close(self) -> None:
        self._socket.close()


def execute(path: str, command: str) -> int:
    """Run one command on the exchange at ``path`` and print what it says; the exit status.

    0 when the exchange answered, whatever it answered, as Asterisk's ``-rx``; 1 when none runs.
    """
    try:
        connection = Connection(path)
    except OSError:
        print(NOT_RUNNING.format(path=path), file=sys.stderr)
        return 1
    try:
        connection.send(frames.COMMAND, command)
        return _print_answer(connection)
    except BrokenPipeError:
        # Either our reader (a pager) or the exchange went away; nothing more can be said to either.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - pathlib is slow to import
        return 1
    except ValueError:
        print("the command is too long", file=sys.stderr)
        return 1
    except frames.FrameError as error:
        print(f"{path} is not Obelisk's control socket: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()


def _print_answer(connection: Connection) -> int:
    out = sys.stdout.buffer
    while True:
        frame = connection.receive()
        if frame is None:
            # The exchange ended while it worked on the command: `core stop now` does that.
            out.flush()
            return 0
        kind, payload = frame
        if kind == frames.OUTPUT:
            out.write(payload)
            out.flush()
        elif kind == frames.END:
            return 0

"""The interactive console: reads lines with history and completion, shows the log in between."""

from __future__ import annotations

import contextlib
import os
import queue
import readline
import signal
import sys
import threading
from pathlib import Path

from pbx.cli import frames
from pbx.cli.client import NOT_RUNNING, Connection

HISTORY_LINES = 1000
HISTORY_FILE = "~/.obelisk_history"
COMPLETION_SECONDS = 2.0
RECONNECT_SECONDS = 1.0
MAX_RECONNECTS = 30
LEAVING = ("quit", "exit")


class _Disconnected(Exception):
    """Raised in the main thread while it waits for a line."""


class Console:
    """A console on the exchange that listens at ``path``; ``verbose`` and ``debug`` are what it reads along."""

    def __init__(
        self, path: str, *, verbose: int = 0, debug: int = 0, muted: bool = False, reconnect: bool = False
    ) -> None:
        self._path = path
        self._verbose = verbose
        self._debug = debug
        self._muted = muted
        self._reconnect = reconnect
        self._connection: Connection | None = None
        self._completions: queue.Queue[list[str]] = queue.Queue()
        self._ended = threading.Event()
        self._closed = threading.Event()
        self._at_prompt = False
        self._prompt = "*CLI> "
        self._matches: list[str] = []

    def run(self) -> int:
        """Until the user leaves or the exchange ends; the exit status."""
        signal.signal(signal.SIGUSR1, self._leave_prompt)
        if not self._connect():
            print(NOT_RUNNING.format(path=self._path), file=sys.stderr)
            return 1
        history = Path(HISTORY_FILE).expanduser()
        with contextlib.suppress(OSError):
            readline.read_history_file(history)
        readline.set_completer(self._complete)
        readline.set_completer_delims(" ")
        readline.parse_and_bind("tab: complete")
        try:
            return self._read_lines()
        except _Disconnected:
            # The signal came just as a line was complete.
            return 1
        finally:
            readline.set_history_length(HISTORY_LINES)
            with contextlib.suppress(OSError):
                readline.write_history_file(history)

    def _connect(self) -> bool:
        try:
            connection = Connection(self._path)
        except OSError:
            return False
        self._closed.clear()
        self._ended.set()
        self._connection = connection
        if not self._muted:
            connection.send(frames.READ_LOG, f"{self._verbose} {self._debug}")
        threading.Thread(target=self._read_frames, args=(connection,), daemon=True).start()
        return True

    def _read_lines(self) -> int:
        while True:
            self._at_prompt = True
            try:
                if self._closed.is_set():
                    self._leave_prompt()
                line = input(self._prompt).strip()
            except _Disconnected:
                if not self._connect_again():
                    return 1
                continue
            except EOFError:
                print()
                return 0
            except KeyboardInterrupt:
                print()
                continue
            finally:
                self._at_prompt = False
            if line in LEAVING:
                return 0
            if line.startswith("!"):
                os.system(line[1:] or os.environ.get("SHELL", "/bin/sh"))  # noqa: S605 - the user's own shell
            elif line and not self._command(line):
                return 1

    def _command(self, line: str) -> bool:
        if self._connection is None:
            return False
        self._ended.clear()
        try:
            self._connection.send(frames.COMMAND, line)
        except ValueError:
            print("The command is too long.")
            return True
        except OSError:
            return self._connect_again()
        try:
            self._ended.wait()
        except KeyboardInterrupt:
            print()
        return not self._closed.is_set() or self._connect_again()

    def _connect_again(self) -> bool:
        """After the exchange went away: with ``-R`` try for a while."""
        print("Disconnected from Asterisk server")
        if not self._reconnect:
            return False
        pause = threading.Event()
        for _ in range(MAX_RECONNECTS):
            pause.wait(RECONNECT_SECONDS)
            if self._connect():
                return True
        return False

    # The reading thread

    def _read_frames(self, connection: Connection) -> None:
        try:
            while True:
                frame = connection.receive()
                if frame is None:
                    break
                self._show(*frame)
        except (OSError, frames.FrameError) as error:
            self._write(f"{error}\n")
        self._closed.set()
        self._ended.set()
        # The main thread may sit in readline, which only a signal interrupts.
        os.kill(os.getpid(), signal.SIGUSR1)

    def _leave_prompt(self, *_: object) -> None:
        if self._at_prompt and self._closed.is_set():
            self._at_prompt = False
            raise _Disconnected

    def _show(self, kind: bytes, payload: bytes) -> None:
        text = payload.decode(errors="replace")
        if kind in {frames.OUTPUT, frames.LOG}:
            self._write(text)
        elif kind == frames.END:
            self._ended.set()
        elif kind == frames.COMPLETIONS:
            self._completions.put(text.split("\n") if text else [])
        elif kind == frames.HELLO:
            host, _, rest = text.partition("/")
            pid, _, version = rest.partition("/")
            self._prompt = f"{host.partition('.')[0]}*CLI> "
            self._write(f"Connected to Asterisk {version} currently running on {host} (pid = {pid})\n")

    def _write(self, text: str) -> None:
        if self._at_prompt:
            # Take the prompt and what was typed away, and put them back behind the text.
            sys.stdout.write(f"\r\x1b[K{text}{self._prompt}{readline.get_line_buffer()}")
        else:
            sys.stdout.write(text)
        sys.stdout.flush()

    def _complete(self, _: str, state: int) -> str | None:
        if state == 0:
            self._matches = self._ask_completions(readline.get_line_buffer()[: readline.get_endidx()])
        return self._matches[state] + " " if state < len(self._matches) else None

    def _ask_completions(self, line: str) -> list[str]:
        if self._connection is None or self._closed.is_set():
            return []
        with contextlib.suppress(queue.Empty):
            while True:
                self._completions.get_nowait()
        try:
            self._connection.send(frames.COMPLETE, line)
            return self._completions.get(timeout=COMPLETION_SECONDS)
        except (OSError, ValueError, queue.Empty):
            return []

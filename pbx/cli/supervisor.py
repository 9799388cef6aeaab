"""``obelisk run --supervise``: a small parent that starts the exchange again when it crashes.

PJSIP's assertions end the process. The parent keeps the last lines of standard error, where the assertion's text is,
and hands them to the next exchange, which logs them.
"""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Carries the report of a crash to the next exchange.
CRASH_VARIABLE = "OBELISK_CRASH_REPORT"
#: The assertion's text and what each thread was doing.
MAX_REPORT_LINES = 200
MAX_REPORT_CHARACTERS = 30_000
#: An exchange that lived this long crashed by itself; before, it may be crashing in a loop.
STABLE_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_STOPPING = (signal.SIGTERM, signal.SIGINT)


def delay_before(quick_crashes: int) -> float:
    """Seconds to wait after that many crashes in a row of exchanges that did not live long."""
    if quick_crashes <= 1:
        return 0.0
    return min(FIRST_DELAY_SECONDS * 2.0 ** min(quick_crashes - 2, 16), MAX_DELAY_SECONDS)


def describe_end(status: int) -> str:
    """How a process ended, by its ``returncode``."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


class Supervisor:
    """Runs ``obelisk`` with ``arguments`` until it ends of its own accord."""

    def __init__(self, arguments: Sequence[str], program: Sequence[str] = ("-m", "pbx.cli.program")) -> None:
        self._command = [sys.executable, *program, *arguments]
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._tail: deque[str] = deque(maxlen=MAX_REPORT_LINES)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._partial = ""

    def run(self) -> int:
        """Supervise; the exit status of the last exchange, 0 after a stop that was asked for."""
        receiver, sender = socket.socketpair()
        for end in (receiver, sender):
            end.setblocking(False)
        signal.set_wakeup_fd(sender.fileno())
        for number in _FORWARDED:
            signal.signal(number, self._forward)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        report = ""
        quick_crashes = 0
        while True:
            started = time.monotonic()
            status = self._run_once(receiver, report)
            lived = time.monotonic() - started
            # A refusal to start (bad configuration) would only be repeated.
            if status >= 0 and (status == 0 or self._stopping or lived < STABLE_SECONDS):
                return status
            if self._stopping:
                return 1
            quick_crashes = 1 if lived >= STABLE_SECONDS else quick_crashes + 1
            report = self._report(status)
            delay = delay_before(quick_crashes)
            sys.stderr.write(f"obelisk: the exchange ended by {describe_end(status)}; next start in {delay:g} s\n")
            if not self._wait(receiver, delay):
                return 0

    def _run_once(self, receiver: socket.socket, report: str) -> int:
        self._tail.clear()
        self._partial = ""
        environment = {**os.environ, **({CRASH_VARIABLE: report} if report else {})}
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writing, True)
        child = subprocess.Popen(self._command, stderr=writing, env=environment)
        os.close(writing)
        self._child = child
        if self._stopping:
            # The signal came before there was a child to hand it to.
            child.terminate()
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            selector.register(receiver, selectors.EVENT_READ)
            # SIGCHLD wakes us; the timeout only mends a signal lost.
            while child.poll() is None:
                for key, _ in selector.select(timeout=1.0):
                    if key.fileobj is receiver:
                        _drain(receiver)
                    elif not self._copy_stderr(reading):
                        selector.unregister(reading)
        while self._copy_stderr(reading):
            pass
        os.close(reading)
        self._child = None
        return child.returncode

    def _copy_stderr(self, descriptor: int) -> bool:
        """Pass on what the exchange wrote; False when there is nothing more now or ever."""
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        if not data:
            return False
        text = self._decode(data)
        sys.stderr.write(text)
        sys.stderr.flush()
        # A dying Python writes its traces word by word.
        *lines, partial = (self._partial + text).split("\n")
        self._tail.extend(lines)
        self._partial = partial[-MAX_REPORT_CHARACTERS:]
        return True

    def _report(self, status: int) -> str:
        lines = "\n".join(line for line in (*self._tail, self._partial) if line.strip())
        return f"{describe_end(status)}\n{lines[-MAX_REPORT_CHARACTERS:]}".replace("\0", "?")

    def _forward(self, number: int, _: object) -> None:
        if number in _STOPPING:
            self._stopping = True
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(number)

    def _wait(self, receiver: socket.socket, seconds: float) -> bool:
        """Wait before the next start; False when told to stop meanwhile."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(receiver, selectors.EVENT_READ)
            while not self._stopping:
                left = deadline - time.monotonic()
                if left <= 0:
                    return True
                if selector.select(timeout=left):
                    _drain(receiver)
        return False


def _drain(receiver: socket.socket) -> None:
    try:
        while receiver.recv(4096):
            pass
    except BlockingIOError:
        pass

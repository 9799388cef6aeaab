"""Hosts on loopback: one in this process, one in a process that may abort."""

from __future__ import annotations

import itertools
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

import pytest
import pytest_twisted

from pbx.pjsip.host import PjsipHost

WAIT_SECONDS = 10.0


class HostProcess:
    """`host_process.py`, a UDP socket towards it, and a way to ask whether it lives."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("host_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.output: IO[str] = self.process.stdout
        self.ports: dict[str, int] = json.loads(self.output.readline())
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(WAIT_SECONDS)
        self.udp.connect(("127.0.0.1", self.ports["udp"]))
        self.port = self.udp.getsockname()[1]
        self._numbers = itertools.count()

    def request(self, method: str = "OPTIONS", *extra: str, body: bytes = b"", protocol: str = "UDP") -> bytes:
        """A request from our socket, with a branch and Call-ID never used before."""
        number = next(self._numbers)
        lines = [
            f"{method} sip:x@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/{protocol} 127.0.0.1:{self.port};rport;branch=z9hG4bKping{number}",
            "Max-Forwards: 70",
            "From: <sip:ping@127.0.0.1>;tag=1",
            "To: <sip:x@127.0.0.1>",
            f"Call-ID: ping-{number}",
            f"CSeq: 1 {method}",
            *extra,
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def answer_to(self, raw: bytes) -> str:
        """Send, and give the status line of the first answer with its Call-ID."""
        self.udp.send(raw)
        return self.receive(re.search(rb"Call-ID: ([^\r]*)", raw)[1]).split(b"\r\n")[0].decode()  # type: ignore[index]

    def receive(self, needle: bytes) -> bytes:
        """The next datagram that holds ``needle``."""
        while True:
            data = self.udp.recv(65_536)
            if needle in data:
                return data

    def assert_alive(self) -> None:
        assert self.process.poll() is None, self.process.stderr.read()[-2000:] if self.process.stderr else ""
        assert self.answer_to(self.request()) == "SIP/2.0 200 OK"

    def call(self, uri: str) -> None:
        """Make the host send an INVITE."""
        assert self.process.stdin is not None
        self.process.stdin.write(uri + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.udp.close()
        self.process.terminate()
        self.process.communicate(timeout=WAIT_SECONDS)


@pytest.fixture
def process() -> Iterator[HostProcess]:
    running = HostProcess()
    yield running
    running.close()


@pytest_twisted.async_yield_fixture
async def host() -> AsyncIterator[PjsipHost]:
    from twisted.internet import reactor

    running = PjsipHost(reactor, server="Obelisk/test")
    await running.start()
    yield running
    await running.stop()

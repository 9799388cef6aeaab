"""Loopback addresses and RTP port ranges that no other test run on this machine uses.

All of 127.0.0.0/8 is this machine. A lease is a locked file: it ends with the process that holds it, whatever happens.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

SLOTS = 100
FIRST_RTP_PORT = 10000
RTP_PORTS_PER_SLOT = 200
SIP_PORT = 5060


class AddressLease:
    """One slot: ``host`` (127.0.77.N) and ``rtp_ports`` (first, last) are this process's alone until `release`."""

    def __init__(self, slot: int, fd: int) -> None:
        self._fd = fd
        self.host = f"127.0.77.{slot + 1}"
        first = FIRST_RTP_PORT + RTP_PORTS_PER_SLOT * slot
        self.rtp_ports = (first, first + RTP_PORTS_PER_SLOT - 1)

    @classmethod
    def take(cls) -> AddressLease:
        """Take a free slot; OSError when all are taken."""
        directory = Path(tempfile.gettempdir()) / f"obelisk-testing-{os.getuid()}"
        directory.mkdir(mode=0o700, exist_ok=True)
        for slot in range(SLOTS):
            fd = os.open(directory / f"slot-{slot}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)
                continue
            return cls(slot, fd)
        raise OSError(f"all {SLOTS} test addresses are in use (locks in {directory})")

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def sip_port(self) -> int:
        """5060, or another port free for UDP and TCP when something listens there on every address."""
        return SIP_PORT if is_free(self.host, SIP_PORT) else self.free_port()

    def free_port(self) -> int:
        """A port that is free for UDP and TCP on this address now; nobody else asks for one on it."""
        return free_port(self.host)


def process_address(pid: int, index: int = 0) -> str:
    """A loopback address that no other live process has, by its number (22 bits); ``index`` 0 to 2 gives several."""
    return f"127.{64 * (index + 1) + (pid >> 16 & 63)}.{pid >> 8 & 255}.{pid & 255}"


def free_port(host: str) -> int:
    """A port that is free for UDP and TCP on ``host`` now; OSError if none is found."""
    for _ in range(50):
        with closing(socket.socket()) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if is_free(host, port):
            return port
    raise OSError(f"no free port on {host}")


def is_free(host: str, port: int) -> bool:
    """Whether ``port`` of ``host`` could be bound now, for UDP and TCP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with closing(socket.socket(type=kind)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if kind == socket.SOCK_STREAM else 0)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True

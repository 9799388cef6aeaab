"""Deadlines and bounds of SIP connections, by a clock turned by hand."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from pbx.pjsip.transports import stream as module
from pbx.pjsip.transports.settings import TransportSettings
from pbx.pjsip.transports.stream import SipStream

MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"


class Transport(StringTransport):
    """Twisted's, with what a TCP connection has besides."""

    aborted = False

    def written(self) -> bytes:
        return bytes(self.io.getvalue())

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802  # Twisted's name
        return

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802  # as above
        return

    def getHandle(self) -> None:  # noqa: N802  # as above
        return

    def abortConnection(self) -> None:  # noqa: N802  # as above
        self.aborted = True


class Kit:
    def __init__(self, *, accepted: bool = True) -> None:
        self.clock = Clock()
        self.messages: list[bytes] = []
        self.lost: list[int] = []
        self.broken: list[str] = []
        self.transport = Transport()  # type: ignore[no-untyped-call]
        self.stream = SipStream(
            self.clock,
            settings=TransportSettings("tcp", "tcp", idle_timeout=100.0),
            receive=lambda raw, _: self.messages.append(raw),
            lost=lambda _, code: self.lost.append(code),
            broken=lambda _, error: self.broken.append(str(error)),
            accepted=accepted,
        )

    def connect(self) -> None:
        self.stream.makeConnection(self.transport)  # type: ignore[no-untyped-call]


@pytest.fixture
def kit() -> Kit:
    made = Kit()
    made.connect()
    return made


def test_a_peer_that_says_nothing_is_dropped(kit: Kit) -> None:
    kit.clock.advance(module.FIRST_MESSAGE_SECONDS + 1)
    assert kit.transport.aborted


def test_keep_alives_alone_do_not_count_as_a_message(kit: Kit) -> None:
    for _ in range(40):
        kit.stream.dataReceived(b"\r\n\r\n")
        kit.clock.advance(1)
    assert kit.transport.aborted
    assert kit.transport.written().startswith(b"\r\n")


def test_a_message_that_drips_in_is_dropped(kit: Kit) -> None:
    kit.stream.dataReceived(MESSAGE)
    for byte in MESSAGE[:-1]:
        kit.stream.dataReceived(bytes([byte]))
        kit.clock.advance(0.5)
    assert kit.messages == [MESSAGE]
    assert kit.transport.aborted


def test_an_idle_connection_is_closed_unless_in_use(kit: Kit) -> None:
    kit.stream.dataReceived(MESSAGE)
    used: Any = type("Used", (), {"users": 1})()
    kit.stream.pj_transport = used
    kit.clock.advance(150)
    assert not kit.transport.disconnecting
    used.users = 0
    kit.clock.advance(100)
    assert kit.transport.disconnecting


def test_a_peer_that_does_not_read_is_dropped(kit: Kit) -> None:
    kit.stream.dataReceived(MESSAGE)
    kit.stream.pauseProducing()
    assert kit.stream.send(b"x" * (module.MAX_UNSENT // 2), ("h", 1), lambda sent: None)
    with pytest.raises(OSError, match="does not read"):
        kit.stream.send(b"x" * module.MAX_UNSENT, ("h", 1), lambda sent: None)
    assert kit.transport.aborted


def test_a_peer_that_reads_again_is_kept(kit: Kit) -> None:
    kit.stream.dataReceived(MESSAGE)
    kit.stream.pauseProducing()
    kit.stream.resumeProducing()
    kit.clock.advance(module.STALL_SECONDS + 1)
    assert not kit.transport.aborted


def test_messages_wait_for_the_connection() -> None:
    kit = Kit(accepted=False)
    sent: list[int] = []
    assert not kit.stream.send(b"one", ("h", 1), sent.append)
    assert not kit.stream.send(b"three", ("h", 1), sent.append)
    kit.connect()
    assert kit.transport.written() == b"onethree"
    assert sent == [3, 5]
    kit.clock.advance(module.FIRST_MESSAGE_SECONDS + 1)
    assert not kit.transport.aborted


def test_waiting_messages_fail_with_the_connection() -> None:
    kit = Kit(accepted=False)
    sent: list[int] = []
    kit.stream.send(b"one", ("h", 1), sent.append)
    kit.stream.failed(111)
    assert sent == [-120_111]
    assert kit.lost == [111]
    with pytest.raises(OSError, match="closed"):
        kit.stream.send(b"two", ("h", 1), sent.append)


def test_only_so_many_messages_wait() -> None:
    kit = Kit(accepted=False)
    for _ in range(module.MAX_WAITING):
        kit.stream.send(b"x", ("h", 1), lambda sent: None)
    with pytest.raises(OSError, match="too many"):
        kit.stream.send(b"x", ("h", 1), lambda sent: None)


def test_nothing_is_scheduled_after_the_end(kit: Kit) -> None:
    kit.stream.dataReceived(b"OPTIONS")
    kit.stream.connectionLost()
    assert kit.clock.getDelayedCalls() == []
    assert len(kit.lost) == 1

"""The writing half of a connection, over a transport of the test's."""

from __future__ import annotations

import pytest
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from pbx.client_connection import ClientConnection
from pbx.testing.clock import FakeClock


class Connection(ClientConnection):
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended()


class Wire(StringTransport):
    """Says as TLS does that it has gone and cannot be aborted."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.aborted = self.gone = False

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        assert not self.gone
        self.aborted = True


@pytest.mark.parametrize("lost", [False, True])
def test_a_connection_lost_before_its_abort_is_left_alone(lost: bool) -> None:
    clock = FakeClock()
    connection, wire = Connection(clock), Wire()
    connection.transport = wire
    connection.abort()
    if lost:
        wire.gone = True
        connection.connectionLost()
    clock.turn()
    assert wire.aborted is not lost

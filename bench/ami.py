"""What the manager costs: Ping, and Originate with its events."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol

from ami.codec import encode_message
from ami.users import DEFAULT_PORT
from bench.cpu import cpu_seconds
from bench.load import QUIET_LOGGER
from bench.report import Figure
from pbx.testing.server import LiveServer

MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@

[bench]
secret = bench
read = all
write = all
"""
EXTENSIONS = """
extensions = { default = {
  ami = function() app.Answer(); app.NoOp("a"); app.NoOp("b") end,
} }
"""
END = b"\r\n\r\n"
HANGUP = b"Event: Hangup\r\n"
ORIGINATE = encode_message(
    [
        ("Action", "Originate"),
        ("Channel", "Local/ami@default/n"),
        ("Application", "NoOp"),
        ("Data", "x"),
        ("Async", "true"),
    ]
)


class Counter(Protocol):
    """Counts messages; `wait` fires when there are as many as wanted."""

    def __init__(self) -> None:
        self.count = 0
        self.events: dict[bytes, int] = {}
        self._tail = b""
        self._wanted = 0
        self._of = END
        self._waiter: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        data = self._tail + data
        self.count += data.count(self._of)
        keep = len(self._of) - 1
        self._tail = data[-keep:]
        if self._waiter is not None and self.count >= self._wanted:
            waiter, self._waiter = self._waiter, None
            waiter.callback(None)

    async def wait(self, reactor: Any, wanted: int, of: bytes = END, seconds: float = 60.0) -> None:
        """Until ``of`` has come ``wanted`` times since `ask`. Raises CancelledError after ``seconds``."""
        self._wanted = wanted
        if self.count < wanted:
            self._waiter = Deferred()
            self._waiter.addTimeout(seconds, reactor)
            await self._waiter

    def expect(self, of: bytes = END) -> None:
        """Count anew."""
        self.count, self._of, self._tail = 0, of, b""

    def send(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def close(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()


async def logged_in(reactor: Any, server: LiveServer, events: str) -> Counter:
    """A manager's client of ``server``, logged in with this event mask."""
    made = Counter()
    made.expect(b"Authentication accepted\r\n\r\n")
    endpoint = HostnameEndpoint(reactor, server.host.encode(), DEFAULT_PORT)
    await endpoint.connect(Factory.forProtocol(lambda: made))
    made.send(encode_message([("Action", "Login"), ("Username", "bench"), ("Secret", "bench"), ("Events", events)]))
    await made.wait(reactor, 1)
    return made


async def manager_server(reactor: Any) -> LiveServer:
    """An exchange with the manager that `logged_in` knows."""
    return await LiveServer.start(
        reactor=reactor,
        extensions=EXTENSIONS,
        files={"manager.conf": MANAGER_CONF, "logger.conf": QUIET_LOGGER},
        options={"verbose": "0"},
    )


async def ping(reactor: Any, quick: bool) -> list[Figure]:
    """Ping one after the other, and a hundred at a time."""
    count = 2_000 if quick else 20_000
    one = encode_message([("Action", "Ping"), ("ActionID", "1")])
    server = await manager_server(reactor)
    try:
        client = await logged_in(reactor, server, "off")
        client.expect()
        before = cpu_seconds(server.pid)
        for number in range(count // 10):
            client.send(one)
            await client.wait(reactor, number + 1)
        sequential = (cpu_seconds(server.pid) - before) / (count // 10)
        client.expect()
        before = cpu_seconds(server.pid)
        for number in range(count // 100):
            client.send(one * 100)
            await client.wait(reactor, (number + 1) * 100)
        pipelined = (cpu_seconds(server.pid) - before) / count
        client.close()
    finally:
        await server.stop()
    server.discard()
    return [
        Figure("AMI Ping, sequential", 1e6 * sequential, "us CPU", 100.0, f"{count // 10} times"),
        Figure("AMI Ping, pipelined", 1e6 * pipelined, "us CPU", 20.0, f"{count} times, 100 at once"),
    ]


async def originate(reactor: Any, quick: bool) -> list[Figure]:
    """Originate of a Local channel, with all its events to the one who asked."""
    count = 200 if quick else 1_000
    server = await manager_server(reactor)
    try:
        client = await logged_in(reactor, server, "on")
        client.expect(HANGUP)
        client.send(ORIGINATE * 20)
        await client.wait(reactor, 40)
        client.expect()
        client.send(ORIGINATE)
        await server.sleep(0.5)
        messages = client.count
        client.expect(HANGUP)
        before = cpu_seconds(server.pid)
        for number in range(count // 10):
            client.send(ORIGINATE * 10)
            await client.wait(reactor, (number + 1) * 20)
        used = (cpu_seconds(server.pid) - before) / count
        client.close()
    finally:
        await server.stop()
    server.discard()
    return [
        Figure("AMI Originate of a Local channel", 1e3 * used, "ms CPU", 0.9, f"{messages - 1} events, {count} times")
    ]

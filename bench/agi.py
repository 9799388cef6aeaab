"""What AGI costs: a command of a FastAGI server, and a script from its start to its end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredQueue, maybeDeferred
from twisted.internet.protocol import Factory, Protocol

from bench.cpu import cpu_seconds
from bench.load import QUIET_LOGGER
from bench.report import Figure
from pbx.testing.server import LiveServer

EXTENSIONS = """
extensions = { default = {
  fast = function() app.AGI("agi://127.0.0.1:%d/x") end,
  script = function() for i = 1, %d do app.AGI("/bin/true") end; app.Log("WARNING", "all have run") end,
} }
"""
SECONDS = 60.0


class Program(Protocol):
    """A FastAGI server's end of a call: counts lines."""

    def __init__(self) -> None:
        self._lines = self._wanted = 0
        self._waiter: Deferred[None] | None = None
        self._seen = b""

    def dataReceived(self, data: bytes) -> None:
        if not self._seen.endswith(b"\n\n"):
            # Up to the empty line that ends the environment.
            self._seen += data
        self._lines += data.count(b"\n")
        waiter = self._waiter
        if waiter is not None and self._lines >= self._wanted and self._seen.endswith(b"\n\n"):
            self._waiter = None
            waiter.callback(None)

    async def lines(self, reactor: Any, wanted: int) -> None:
        """Until so many lines have come since the last call of this."""
        if self._lines < wanted or not self._seen.endswith(b"\n\n"):
            self._wanted = wanted
            self._waiter = Deferred()
            self._waiter.addTimeout(SECONDS, reactor)
            await self._waiter
        self._lines = 0

    def ask(self, count: int) -> None:
        """Send a command ``count`` times."""
        transport: Any = self.transport
        transport.write(b"GET VARIABLE CHANNEL\n" * count)

    def close(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()


async def _commands(reactor: Any, program: Program, pid: int, count: int, at_once: int) -> float:
    before = cpu_seconds(pid)
    for _ in range(count // at_once):
        program.ask(at_once)
        await program.lines(reactor, at_once)
    return (cpu_seconds(pid) - before) / count


async def agi(reactor: Any, quick: bool) -> list[Figure]:
    """Commands one after the other and fifty at a time; scripts one after the other."""
    count, scripts = (2_000, 50) if quick else (20_000, 500)
    calls: DeferredQueue[Program] = DeferredQueue()

    def made() -> Program:
        program = Program()
        calls.put(program)
        return program

    port = reactor.listenTCP(0, Factory.forProtocol(made), interface="127.0.0.1")
    extensions = EXTENSIONS % (port.getHost().port, scripts)
    server = await LiveServer.start(
        reactor=reactor, extensions=extensions, files={"logger.conf": QUIET_LOGGER}, options={"verbose": "0"}
    )
    try:
        await server.cli("channel originate Local/fast@default application Wait 600")
        program = await calls.get()
        await program.lines(reactor, 1)
        sequential = await _commands(reactor, program, server.pid, count // 10, 1)
        pipelined = await _commands(reactor, program, server.pid, count, 50)
        program.close()
        before = cpu_seconds(server.pid)
        await server.cli("channel originate Local/script@default application Wait 600")
        await server.wait_log("all have run", SECONDS)
        script = (cpu_seconds(server.pid) - before) / scripts
    finally:
        await server.stop()
        await maybeDeferred(port.stopListening)
    server.discard()
    return [
        Figure("AGI command, sequential", 1e6 * sequential, "us CPU", None, f"FastAGI, {count // 10} times"),
        Figure("AGI command, pipelined", 1e6 * pipelined, "us CPU", None, f"FastAGI, {count} times, 50 at once"),
        Figure("AGI script", 1e3 * script, "ms CPU", None, f"/bin/true, {scripts} times, without its own CPU"),
    ]

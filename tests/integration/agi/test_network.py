"""FastAGI servers and AsyncAGI, well and badly behaved, on live calls."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredQueue, maybeDeferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from dialplan.agi import network
from dialplan.agi.network import CannotConnect, FastAgi, parse_url
from pbx.clock import Clock
from pbx.testing.ami import AmiClient
from tests.integration.agi.conftest import Exchange


class Served(Protocol):
    """A call at the test's FastAGI server."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lost: Deferred[None] = Deferred()
        self._rest = ""
        self._waiting: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data.decode()).split("\n")
        self.lines += lines
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    async def line(self) -> str:
        while not self.lines:
            self._waiting = Deferred()
            await self._waiting
        return self.lines.pop(0)

    async def environment(self) -> list[str]:
        found = []
        while line := await self.line():
            found.append(line)
        return found

    async def ask(self, command: str) -> str:
        self.send(command)
        return await self.line()

    def send(self, *commands: str) -> None:
        assert self.transport is not None
        self.transport.write("".join(f"{each}\n" for each in commands).encode())

    def close(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class FastServer:
    """A FastAGI server that the test plays."""

    def __init__(self, reactor: Any, host: str) -> None:
        self.calls: DeferredQueue[Served] = DeferredQueue()
        factory = Factory.forProtocol(self._make)
        factory.noisy = False
        self.port = reactor.listenTCP(0, factory, interface=host)

    def _make(self) -> Served:
        made = Served()
        self.calls.put(made)
        return made

    @property
    def number(self) -> str:
        return str(self.port.getHost().port)


@pytest_twisted.async_yield_fixture
async def fast(exchange: Exchange) -> AsyncIterator[FastServer]:
    from twisted.internet import reactor

    made = FastServer(reactor, "127.0.0.1")
    yield made
    await maybeDeferred(made.port.stopListening)


async def begin(exchange: Exchange, fast: FastServer, exten: str = "100") -> tuple[str, Served]:
    channel = await exchange.call("fast", exten, HOST="127.0.0.1", PORT=fast.number)
    return channel, await fast.calls.get()


async def test_a_server_does_its_work(exchange: Exchange, fast: FastServer) -> None:
    channel, served = await begin(exchange, fast)
    lines = await served.environment()
    assert lines[:3] == [
        "agi_network: yes",
        "agi_network_script: a/script?x=100",
        f"agi_request: agi://127.0.0.1:{fast.number}/a/script?x=100",
    ]
    assert (f"agi_channel: {channel}" in lines, lines[-1]) == (True, "agi_arg_1: first")
    assert await served.ask("GET VARIABLE CHANNEL") == f"200 result=1 ({channel})"
    assert await served.ask('EXEC Set "A=b"') == "200 result=0"
    # Several at once are answered in turn.
    served.send("NOOP", "CHANNEL STATUS", "bogus")
    assert [await served.line() for _ in range(3)] == [
        "200 result=0",
        "200 result=6",
        "510 Invalid or unknown command",
    ]
    served.close()
    assert (await exchange.done())["Status"] == "SUCCESS"
    await served.lost


async def test_a_hangup_is_a_line_of_its_own(exchange: Exchange, fast: FastServer) -> None:
    channel, served = await begin(exchange, fast)
    await served.environment()
    served.send("WAIT FOR DIGIT -1")
    await exchange.ami.event("AGIExecStart", Command="WAIT FOR DIGIT -1")
    await exchange.hang_up(channel)
    assert [await served.line(), await served.line()] == ["200 result=-1", "HANGUP"]
    assert (await served.ask("ANSWER")).startswith("511 ")
    assert await served.ask("GET VARIABLE CHANNEL") == f"200 result=1 ({channel})"
    served.close()
    assert (await exchange.done("Over"))["Status"] == "HANGUP"


async def test_a_server_that_says_nothing_is_left_at_the_end(exchange: Exchange, fast: FastServer) -> None:
    channel, served = await begin(exchange, fast)
    await served.environment()
    await exchange.hang_up(channel)
    assert await served.line() == "HANGUP"
    served.close()
    await exchange.done("Over")


async def test_a_server_that_resets_the_connection(exchange: Exchange, fast: FastServer) -> None:
    _, served = await begin(exchange, fast)
    await served.environment()
    transport: Any = served.transport
    transport.abortConnection()
    assert (await exchange.done())["Status"] == "SUCCESS"


async def test_floods_and_long_lines(exchange: Exchange, fast: FastServer) -> None:
    _, served = await begin(exchange, fast)
    await served.environment()
    assert (await served.ask("NOOP " + "x" * 100_000)).startswith("510 ")
    served.send(*["NOOP"] * 500)
    for _ in range(500):
        assert await served.line() == "200 result=0"
    served.close()
    assert (await exchange.done())["Status"] == "SUCCESS"


async def test_nobody_answers(exchange: Exchange, fast: FastServer) -> None:
    number = fast.number
    await fast.port.stopListening()
    await exchange.call("fast", "100", HOST="127.0.0.1", PORT=number)
    assert (await exchange.done())["Status"] == "FAILURE"
    for host in ("no-such-host.invalid", "300.1.2.3", ""):
        await exchange.call("fast", "100", HOST=host, PORT=number)
        assert (await exchange.ami.event("UserEvent", UserEvent="Done"))["Status"] == "FAILURE"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("agi://host", ("host", 0, "")),
        ("agi://host:1234/a/b?c=d", ("host", 1234, "a/b?c=d")),
        ("AGI://[::1]:99/x", ("::1", 99, "x")),
        ("agi://[::1]", ("::1", 0, "")),
        ("agi://::1/x", ("::1", 0, "x")),
        ("hagi://example.com/x", ("example.com", 0, "x")),
    ],
)
def test_urls(url: str, target: tuple[str, int, str]) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize("url", ["agi://", "agi://:5/x", "agi://h:x", "agi://h:70000", "agi:///x"])
def test_bad_urls(url: str) -> None:
    with pytest.raises(CannotConnect):
        parse_url(url)


class Resolver:
    """Knows the records of one service."""

    def __init__(self, *records: tuple[int, int, int, str]) -> None:
        from twisted.names import dns

        self.asked: list[str] = []
        record: Any = dns.Record_SRV
        self._answers = [dns.RRHeader(type=dns.SRV, payload=record(*each)) for each in records]

    async def lookupService(self, name: str, timeout: object) -> object:
        self.asked.append(name)
        return self._answers, [], []


async def test_hagi_goes_through_the_servers_in_turn(fast: FastServer) -> None:
    from twisted.internet import reactor

    where: Any = reactor
    agi = FastAgi(reactor, Clock(where))
    resolver = Resolver((2, 0, int(fast.number), "127.0.0.1"), (1, 0, 1, "127.0.0.1"), (9, 0, 1, "127.0.0.1"))
    agi._resolver = resolver
    link, target = await agi.connect("hagi://example.com/script")
    assert (target.host, target.port, target.script) == ("127.0.0.1", int(fast.number), "script")
    assert resolver.asked == ["_agi._tcp.example.com"]
    served = await fast.calls.get()
    link.send("hello\n")
    assert await served.line() == "hello"
    link.close()
    await served.lost
    # A port makes it a plain agi://.
    link, _ = await agi.connect(f"hagi://127.0.0.1:{fast.number}/x")
    link.close()
    agi._resolver = Resolver()
    with pytest.raises(CannotConnect, match="names no server"):
        await agi.connect("hagi://example.com")


class TestAsync:
    async def test_a_manager_does_the_work(self, exchange: Exchange) -> None:
        ami = exchange.ami
        channel = await exchange.call("async", "s")
        started = await ami.event("AsyncAGIStart", Channel=channel)
        assert started["Privilege"] == "agi,all"
        environment = unquote(started["Env"])
        assert environment.startswith(f"agi_request: async\nagi_channel: {channel}\n")
        assert environment.endswith("agi_arg_1: given\n\n")
        reply = await ami.action("AGI", Channel=channel, Command='SET VARIABLE A "b c"', CommandID="one & two")
        assert (reply["Response"], reply["Message"]) == ("Success", "Added AGI command to queue")
        done = await ami.event("AsyncAGIExec", Channel=channel)
        assert [name for name, _ in done.headers][-2:] == ["Result", "CommandId"]
        assert (done["Result"], done["CommandId"]) == ("200%20result%3D1%0A", "one & two")
        await ami.action("AGI", Channel=channel, Command="GET VARIABLE A", CommandID="2")
        done = await ami.event("AsyncAGIExec", CommandId="2")
        assert unquote(done["Result"]) == "200 result=1 (b c)\n"
        await ami.action("AGI", Channel=channel, Command="wait for digit", CommandID="3")
        done = await ami.event("AsyncAGIExec", CommandId="3")
        assert unquote(done["Result"]).startswith("520-Invalid command syntax.")
        await exchange.server.cli(f"agi exec {channel} 'NOOP' four")
        assert (await ami.event("AsyncAGIExec", CommandId="four"))["Result"] == "200%20result%3D0%0A"
        await ami.action("AGI", Channel=channel, Command="ASYNCAGI BREAK")
        await ami.event("AsyncAGIEnd", Channel=channel)
        assert (await exchange.done())["Status"] == "SUCCESS"
        # The second AGI(agi:async) of the extension.
        await exchange.hang_up(channel)
        assert (await exchange.done("Over"))["Status"] == "HANGUP"
        reply = await ami.action("AGI", Channel=channel, Command="NOOP")
        assert reply["Message"] == f"Channel {channel} does not exist."

    async def test_a_hangup_in_mid_command(self, exchange: Exchange) -> None:
        ami = exchange.ami
        channel = await exchange.call("async", "s")
        await ami.action("AGI", Channel=channel, Command="WAIT FOR DIGIT -1", CommandID="w")
        await ami.event("AGIExecStart", Channel=channel)
        await exchange.hang_up(channel)
        done = await ami.event("AsyncAGIExec", CommandId="w")
        assert unquote(done["Result"]) == "200 result=-1\n"
        await ami.event("AsyncAGIEnd", Channel=channel)
        assert (await exchange.done("Over"))["Status"] == "HANGUP"

    async def test_refusals(self, exchange: Exchange) -> None:
        ami = exchange.ami
        for fields in ({"Channel": "x"}, {"Command": "x"}, {}):
            reply = await ami.action("AGI", **fields)
            assert reply["Message"] == "Both, Channel and Command are *required*"
        exten = exchange.script("time.sleep(1000)")
        channel = await exchange.call("script", exten)
        reply = await ami.action("AGI", Channel=channel, Command="NOOP")
        assert reply["Message"] == f"Failed to add AGI command to channel {channel} queue"
        await exchange.hang_up(channel)
        await exchange.done("Over")

    async def test_the_queue_has_a_bound(self, exchange: Exchange) -> None:
        ami = exchange.ami
        channel = await exchange.call("async", "s")
        await ami.action("AGI", Channel=channel, Command="EXEC Wait 60")
        await ami.event("AGIExecStart", Channel=channel)
        replies = [await ami.action("AGI", Channel=channel, Command="NOOP") for _ in range(257)]
        assert [each["Response"] for each in replies] == ["Success"] * 256 + ["Error"]
        await exchange.hang_up(channel)
        await exchange.done("Over")

    async def test_what_a_user_may_not_do_he_may_not_do_by_agi(self, exchange: Exchange) -> None:
        from twisted.internet import reactor

        agent = await AmiClient.connect(reactor, exchange.server.host)
        await agent.login("agent", "sesame-agent")
        channel = await exchange.call("async", "s")
        for command in (
            "EXEC System true",
            'exec "System" true',
            "GET VARIABLE SHELL(id)",
            'GET FULL VARIABLE "${SHELL(id)}"',
            r"GET FULL VARIABLE ${SH\ELL(id)}",
            'GET FULL VARIABLE ${SH""ELL(id)}',
            "EXEC Set A=${SHELL(id)}",
            "EXEC AGI /bin/true",
        ):
            reply = await agent.action("AGI", Channel=channel, Command=command)
            assert (reply["Response"], reply["Message"]) == ("Error", "Permission denied"), command
        reply = await agent.action("AGI", Channel=channel, Command="EXEC NoOp hello", CommandID="fine")
        assert reply["Response"] == "Success"
        assert (await agent.event("AsyncAGIExec", CommandId="fine"))["Result"] == "200%20result%3D0%0A"
        await agent.close()
        await exchange.hang_up(channel)
        await exchange.done("Over")


async def test_a_server_that_does_not_accept_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    from twisted.internet import reactor

    monkeypatch.setattr(network, "CONNECT_SECONDS", 0.2)
    where: Any = reactor
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        # One connection fills the backlog; the system drops what asks for more.
        with socket.create_connection(("127.0.0.1", port)):
            begun = where.seconds()
            with pytest.raises(CannotConnect, match=rf"127\.0\.0\.1:{port}: "):
                await FastAgi(reactor, Clock(where)).connect(f"agi://127.0.0.1:{port}/x")
            assert 0.1 < where.seconds() - begun < 2.0


async def test_a_name_whose_first_address_is_deaf() -> None:
    from twisted.internet import reactor

    where: Any = reactor
    server = FastServer(reactor, "127.0.0.1")
    link, _ = await FastAgi(reactor, Clock(where)).connect(f"agi://localhost:{server.number}/x")
    assert link.name == f"agi://localhost:{server.number}/x"
    served = await server.calls.get()
    link.close()
    await served.lost
    await maybeDeferred(server.port.stopListening)


async def test_a_hundred_calls_at_once(exchange: Exchange, fast: FastServer) -> None:
    """Scripts and servers side by side, each with its own answers."""
    exten = exchange.script("assert ask('GET VARIABLE CHANNEL') == f\"200 result=1 ({env['agi_channel']})\"")
    await exchange.ami.action("Events", EventMask="user")
    for number in range(100):
        target = f"Local/{exten}@script" if number % 2 else f"Local/{100 + number}@fast"
        variables = f"__HOST=127.0.0.1,__PORT={fast.number}"
        await exchange.ami.action(
            "Originate", Channel=target, Context="idle", Exten="s", Priority="1", Async="on", Variable=variables
        )
    for _ in range(50):
        served = await fast.calls.get()
        (channel,) = [line[13:] for line in await served.environment() if line.startswith("agi_channel: ")]
        assert await served.ask("GET VARIABLE CHANNEL") == f"200 result=1 ({channel})"
        served.close()

    def done() -> list[str]:
        return [event["Status"] for event in exchange.ami.events if event.get("UserEvent") == "Done"]

    await exchange.ami.until(lambda: len(done()) == 100, 30.0)
    assert set(done()) == {"SUCCESS"}

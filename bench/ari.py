"""What ARI costs: requests, a call steered by an application, and events to many sockets."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol

from bench.cpu import cpu_seconds
from bench.load import QUIET_LOGGER, RTP_PORTS, beside_sipp, caller
from bench.report import Figure
from pbx.testing.ari import PORT, AriClient, AriEvents
from pbx.testing.server import LiveServer

HTTP_CONF = "[general]\nenabled = yes\nbindaddr = @host@\nsession_limit = 1000\nsessions_per_address = 1000\n"
ARI_CONF = "[general]\nenabled = yes\n[ari]\ntype = user\npassword = ari\n"
EXTENSIONS = """
extensions = { default = {
  steered = function() app.Stasis("bench") end,
  ten = function() app.Answer(); app.Wait(600) end,
} }
"""
FILES = {"http.conf": HTTP_CONF, "ari.conf": ARI_CONF, "logger.conf": QUIET_LOGGER}


class Counter(Protocol):
    """Counts how often ``of`` came; `wait` fires when it was often enough."""

    def __init__(self, of: bytes) -> None:
        self._of = of
        self.count = 0
        self._tail = b""
        self._wanted = 0
        self._waiter: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        data = self._tail + data
        self.count += data.count(self._of)
        self._tail = data[-(len(self._of) - 1) :]
        if self._waiter is not None and self.count >= self._wanted:
            waiter, self._waiter = self._waiter, None
            waiter.callback(None)

    async def wait(self, reactor: Any, wanted: int) -> None:
        """Until there are ``wanted`` altogether. Raises CancelledError after a minute."""
        self._wanted = wanted
        if self.count < wanted:
            self._waiter = Deferred()
            self._waiter.addTimeout(60, reactor)
            await self._waiter

    def send(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def close(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()


async def _counter(reactor: Any, host: str, of: bytes) -> Counter:
    endpoint = HostnameEndpoint(reactor, host.encode(), PORT)
    connected: Deferred[Any] = endpoint.connect(Factory.forProtocol(lambda: Counter(of)))
    counter: Counter = await connected
    return counter


async def _server(reactor: Any, **options: Any) -> LiveServer:
    return await LiveServer.start(
        reactor=reactor, extensions=EXTENSIONS, files=FILES, options={"verbose": "0"}, **options
    )


async def requests(reactor: Any, quick: bool) -> list[Figure]:
    """GET /channels with ten channels, and the smallest request, sequential and pipelined."""
    count = 1_000 if quick else 5_000
    server = await _server(reactor)
    figures = []
    try:
        client = await AriClient.connect(reactor, server.host)
        for _ in range(5):
            made = await client.post("/channels", endpoint="Local/ten@default", extension="ten", context="default")
            assert made.status == 200, made
        assert len((await client.get("/channels")).json) == 10
        replies = await _counter(reactor, server.host, b"HTTP/1.1 200 OK")
        for path, budget in (("/channels", 250.0), ("/asterisk/ping", None)):
            request = client.bytes_of("GET", path)
            for at_once in (1, 20):
                rounds = count // at_once // (5 if at_once == 1 else 1)
                start, before = replies.count, cpu_seconds(server.pid)
                for number in range(rounds):
                    replies.send(request * at_once)
                    await replies.wait(reactor, start + (number + 1) * at_once)
                used = (cpu_seconds(server.pid) - before) / (rounds * at_once)
                how = "sequential" if at_once == 1 else f"{at_once} at once"
                figures.append(
                    Figure(f"ARI GET {path}, {how}", 1e6 * used, "us CPU", budget, f"{rounds * at_once} times")
                )
        replies.close()
        await client.close()
    finally:
        await server.stop()
    server.discard()
    return figures


class Steerer:
    """Answers every call that enters the application, and hangs it up once the answer is confirmed."""

    def __init__(self, events: AriEvents, client: AriClient) -> None:
        self._client = client
        self._events = events
        self._seen = 0
        self.calls = 0
        self._received = events.connection.on_data
        events.connection.on_data = self._data

    def _data(self, data: bytes) -> None:
        if self._received is not None:
            self._received(data)
        messages = self._events.messages
        for message in messages[self._seen :]:
            if message["type"] == "StasisStart":
                self.calls += 1
                channel = message["channel"]["id"]
                send = self._client.connection.send
                send(self._client.bytes_of("POST", f"/channels/{channel}/answer"))
                send(self._client.bytes_of("DELETE", f"/channels/{channel}"))
        self._seen = 0
        messages.clear()
        self._client.connection.replies.clear()


async def steered(reactor: Any, quick: bool) -> list[Figure]:
    """INVITE, StasisStart, answer, hangup by an application; against SIPp's own UAS."""
    rate, seconds = 150.0, 4.0 if quick else 15.0
    server = await _server(reactor, trunks={"caller": f"{caller()}:5070"}, rtp_ports=RTP_PORTS)
    try:
        client = await AriClient.connect(reactor, server.host)
        events = await AriEvents.connect(reactor, server.host, app="bench")
        steerer = Steerer(events, client)
        found = await beside_sipp(reactor, server, "steered", rate=rate, seconds=seconds)
        ours = found.result
        assert steerer.calls >= ours.successful
        await events.close()
        await client.close()
    finally:
        await server.stop()
    server.discard()
    return [
        Figure("ARI-steered call", 1e6 * found.ours, "us CPU/call", None, f"offered {rate:g}/s, {seconds:g} s"),
        Figure("ARI-steered call, ratio", found.ratio, "times SIPp", 14.0),
        Figure("ARI-steered call, failed", ours.failed, f"of {ours.successful + ours.failed}", 0.0),
    ]


async def _heard(events: AriEvents, count: int) -> None:
    await events.connection.changes.until(lambda: len(events.messages) >= count, 30.0, lambda: "no events")


async def fan_out(reactor: Any, quick: bool) -> list[Figure]:
    """What one delivery of a channel's event costs, beside its making, for 50 sockets of as many applications."""
    rounds, burst, sockets = (20, 20, 50) if quick else (100, 20, 50)
    server = await _server(reactor)
    try:
        client = await AriClient.connect(reactor, server.host)
        owner = await AriEvents.connect(reactor, server.host, app="owner")
        await client.put("/applications/owner/eventFilter", document={"allowed": [{"type": "StasisStart"}]})
        made = await client.post("/channels", endpoint="Local/ten@default", app="owner", channelId="noisy")
        assert made.status == 200, made
        await owner.event("StasisStart")
        replies = await _counter(reactor, server.host, b"HTTP/1.1 204 No Content")
        request = client.bytes_of("POST", "/channels/noisy/variable?variable=TICK&value=x")

        async def spend(crowd: list[AriEvents]) -> float:
            for each in crowd:
                each.messages.clear()
            start, before = replies.count, cpu_seconds(server.pid)
            for number in range(rounds):
                replies.send(request * burst)
                await replies.wait(reactor, start + (number + 1) * burst)
                for each in crowd:
                    await _heard(each, (number + 1) * burst)
            return cpu_seconds(server.pid) - before

        alone = await spend([])
        crowd = [await AriEvents.connect(reactor, server.host, app=f"app{n}") for n in range(sockets)]
        for number in range(sockets):
            await client.post(f"/applications/app{number}/subscription", eventSource="channel:noisy")
        together = await spend(crowd)
        cost = (together - alone) / (rounds * burst * sockets)
        for each in (*crowd, owner):
            await each.close()
        replies.close()
        await client.close()
    finally:
        await server.stop()
    server.discard()
    return [Figure(f"ARI event to {sockets} sockets", 1e6 * cost, "us CPU/delivery", None, f"bursts of {burst}")]


async def interface(reactor: Any, quick: bool) -> list[Figure]:
    """All of it."""
    return [*await requests(reactor, quick), *await steered(reactor, quick), *await fan_out(reactor, quick)]

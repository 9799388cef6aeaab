"""What an event to many AMI clients costs, and beside it what the system's own send() to as many takes."""

from __future__ import annotations

import socket
import subprocess
import sys
from functools import partial
from typing import IO, Any

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory
from typing_extensions import Self

from ami.codec import encode_message
from bench.ami import HANGUP, ORIGINATE, Counter, logged_in, manager_server
from bench.cpu import cpu_seconds
from bench.report import Figure
from pbx.testing.server import LiveServer

CROWD = 200
BURST = 20
BUDGET = 3.0
EVENT = encode_message([("Action", "UserEvent"), ("UserEvent", "Tick"), ("Text", "x" * 250)])


async def fan_out(reactor: Any, quick: bool) -> list[Figure]:
    """What one delivery of an event costs, beside its making, for 1, 50 and 200 clients."""
    rounds = 30 if quick else 200
    figures = []
    server = await manager_server(reactor)
    try:
        speaker = await logged_in(reactor, server, "off")
        await _told(reactor, server, speaker, [], rounds, BURST)
        # Before anybody else listens: who is connected is delivered to, whether we wait for him or not.
        alone = {burst: await _told(reactor, server, speaker, [], rounds, burst) for burst in (BURST, 1)}
        crowd: list[Counter] = []
        heard_by_one = 0.0
        for size, burst in ((1, BURST), (50, BURST), (CROWD, BURST), (CROWD, 1)):
            while len(crowd) < size:
                crowd.append(await logged_in(reactor, server, "on"))
            spent = await _told(reactor, server, speaker, crowd, rounds, burst) - alone[burst]
            remark = "one at a time" if burst == 1 else f"bursts of {burst}"
            budget = BUDGET if size == CROWD and burst > 1 else None
            cost = 1e6 * spent / (rounds * burst * size)
            figures.append(Figure(f"AMI event to {size} clients", cost, "us CPU/delivery", budget, remark))
            if size == 1:
                heard_by_one, _ = await _calls(reactor, server, speaker, crowd, rounds // 2)
        spent, events = await _calls(reactor, server, speaker, crowd, rounds // 2)
        cost = 1e6 * (spent - heard_by_one) / (events * (CROWD - 1))
        remark = f"of calls, one after the other, {2 * events / rounds:.0f} events each"
        figures.append(Figure(f"AMI event to {CROWD} clients", cost, "us CPU/delivery", BUDGET, remark))
        for client in (*crowd, speaker):
            client.close()
    finally:
        await server.stop()
    server.discard()
    figures.append(await _bare_send(reactor, rounds))
    return figures


async def _told(
    reactor: Any, server: LiveServer, speaker: Counter, crowd: list[Counter], rounds: int, burst: int
) -> float:
    """CPU seconds of so many bursts of events, each waited for by all."""
    for client in (*crowd, speaker):
        client.expect()
    before = cpu_seconds(server.pid)
    for number in range(rounds):
        speaker.send(EVENT * burst)
        for client in (speaker, *crowd):
            await client.wait(reactor, (number + 1) * burst)
    return cpu_seconds(server.pid) - before


async def _calls(
    reactor: Any, server: LiveServer, speaker: Counter, crowd: list[Counter], calls: int
) -> tuple[float, int]:
    """CPU seconds of so many calls of Local channels, each waited for by all, and how many events they had."""
    for client in crowd:
        client.expect(HANGUP)
    before = cpu_seconds(server.pid)
    for number in range(calls):
        speaker.send(ORIGINATE)
        for client in crowd:
            await client.wait(reactor, 2 * (number + 1))
    used = cpu_seconds(server.pid) - before
    await server.sleep(0.5)
    crowd[0].expect()
    speaker.send(ORIGINATE)
    await server.sleep(0.5)
    return used, crowd[0].count * calls


async def _bare_send(reactor: Any, rounds: int) -> Figure:
    """One send() of such an event by a program that does nothing else.

    The kernel delivers to a client of the same machine within the system call: nobody that sends one event at a time
    can be below this.
    """
    with _Sender() as sender:
        crowd = [Counter() for _ in range(CROWD)]
        endpoint = HostnameEndpoint(reactor, b"127.0.0.1", int(sender.answer()))
        for client in crowd:
            await endpoint.connect(Factory.forProtocol(partial(_itself, client)))
        sender.answer()
        before = cpu_seconds(sender.pid)
        for number in range(rounds):
            sender.tell()
            for client in crowd:
                await client.wait(reactor, number + 1)
        spent = cpu_seconds(sender.pid) - before
        for client in crowd:
            client.close()
    cost = 1e6 * spent / (rounds * CROWD)
    return Figure(f"send() alone to {CROWD} clients", cost, "us CPU/delivery", None, "one at a time, for comparison")


def _itself(client: Counter) -> Counter:
    return client


class _Sender:
    """This file as a program, see `send_when_told`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.fan_out"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._process.pid
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def answer(self) -> bytes:
        """Its next line."""
        return self._process.stdout.readline() if self._process.stdout is not None else b""

    def tell(self) -> None:
        """Let it send once to each."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()


def send_when_told(commands: IO[bytes], answers: IO[bytes]) -> None:
    """The program of `_bare_send`: an event to each client for each line of ``commands``."""
    with socket.create_server(("127.0.0.1", 0), backlog=CROWD) as listener:
        answers.write(b"%d\n" % listener.getsockname()[1])
        answers.flush()
        clients = [listener.accept()[0] for _ in range(CROWD)]
    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)
    answers.write(b"ready\n")
    answers.flush()
    while commands.readline():
        for client in clients:
            client.send(EVENT)


if __name__ == "__main__":
    send_when_told(sys.stdin.buffer, sys.stdout.buffer)

"""How each figure is measured. Each function starts what it needs and ends it."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.agi import agi
from bench.ami import MANAGER_CONF, logged_in, originate, ping
from bench.ari import interface
from bench.cpu import cpu_seconds
from bench.dialplan import dialplan
from bench.fan_out import fan_out
from bench.load import QUIET_LOGGER, RTP_PORTS, SCENARIOS, beside_sipp, caller, load
from bench.report import Figure
from pbx.testing.addresses import process_address
from pbx.testing.server import LiveServer
from pbx.testing.sipp import SippProcess

LUA = """
extensions = { default = {
  once = function() app.Answer(); app.Hangup() end,
  none = function() app.Answer(); app.Hangup() end,
  steps = function() app.Answer(); for i = 1, 1000 do app.NoOp() end; app.Hangup() end,
  callee = function() app.Dial("PJSIP/callee", 20) end,
} }
"""

Measure = Callable[[Any, bool], Awaitable[list[Figure]]]


async def _server(reactor: Any, callee: str = "127.0.0.1:9", **options: Any) -> LiveServer:
    options.setdefault("files", {"logger.conf": QUIET_LOGGER})
    return await LiveServer.start(
        reactor=reactor,
        extensions=LUA,
        trunks={"caller": f"{caller()}:5070", "callee": callee},
        options={"verbose": "0"},
        rtp_ports=RTP_PORTS,
        **options,
    )


async def calls(reactor: Any, quick: bool) -> list[Figure]:
    """INVITE, 200, ACK, BYE by the other side: the exchange through Lua beside SIPp's own UAS."""
    rate, seconds = 300.0, 5.0 if quick else 20.0
    server = await _server(reactor)
    try:
        found = await beside_sipp(reactor, server, "once", rate=rate, seconds=seconds)
    finally:
        await server.stop()
    server.discard()
    ours = found.result
    return [
        Figure("call, Answer and Hangup by Lua", 1e6 * found.ours, "us CPU/call", None, f"{rate:g}/s, {seconds:g} s"),
        Figure("call, SIPp's UAS", 1e6 * found.theirs, "us CPU/call", None, "before and after"),
        Figure("call, ratio", found.ratio, "times SIPp", 8.0),
        Figure("call, failed", ours.failed, f"of {ours.successful + ours.failed}", 0.0),
        Figure("call, rate", ours.calls_per_second, "calls/s", None, f"{ours.retransmissions} retransmissions"),
    ]


async def watched(reactor: Any, quick: bool) -> list[Figure]:
    """The same calls while a manager's client listens to all events."""
    rate, seconds = 300.0, 5.0 if quick else 20.0
    server = await _server(reactor, files={"manager.conf": MANAGER_CONF, "logger.conf": QUIET_LOGGER})
    try:
        listener = await logged_in(reactor, server, "on")
        listener.expect(b"Event: ")
        found = await beside_sipp(reactor, server, "once", rate=rate, seconds=seconds)
        events = listener.count
        listener.close()
    finally:
        await server.stop()
    server.discard()
    ours = found.result
    each = f"{events / max(1, ours.successful + 50):.1f} events a call"
    return [
        Figure("call with an AMI client listening", 1e6 * found.ours, "us CPU/call", None, each),
        Figure("call with an AMI client, ratio", found.ratio, "times SIPp", 10.0),
        Figure("call with an AMI client, failed", ours.failed, f"of {ours.successful + ours.failed}", 0.0),
    ]


async def register(reactor: Any, quick: bool) -> list[Figure]:
    """REGISTER, 401, REGISTER with digest, 200."""
    rate, seconds = 200.0, 3.0 if quick else 10.0
    users = [f"user{number}" for number in range(100)]
    server = await _server(reactor, users=users)
    rows = [(user, f"[authentication username={user} password={server.passwords[user]}]") for user in users]
    # Not the caller's address: that one is known and needs no password.
    options: dict[str, Any] = {"injection": rows, "host": process_address(os.getpid(), 2)}
    try:
        await load(reactor, "uac_register.xml", server.address, rate=100, seconds=1, **options)
        before = cpu_seconds(server.pid)
        result = await load(reactor, "uac_register.xml", server.address, rate=rate, seconds=seconds, **options)
        used = cpu_seconds(server.pid) - before
    finally:
        await server.stop()
    server.discard()
    return [
        Figure("registration with digest", 1e6 * used / max(1, result.successful), "us CPU", None, f"{rate:g}/s"),
        Figure("registration, rate", result.calls_per_second, "a second"),
        Figure("registration, failed", result.failed, f"of {result.successful + result.failed}", 0.0),
    ]


async def lua_step(reactor: Any, quick: bool) -> list[Figure]:
    """1,000 app.NoOp in one call, less what the call costs without them."""
    server = await _server(reactor)
    found = []
    try:
        for service in ("none", "steps"):
            await load(reactor, "uac_until_bye.xml", server.address, rate=20, seconds=1, service=service)
        for _ in range(2 if quick else 5):
            cost = {}
            for service in ("none", "steps"):
                before = cpu_seconds(server.pid)
                done = await load(reactor, "uac_until_bye.xml", server.address, rate=30, seconds=1, service=service)
                cost[service] = (cpu_seconds(server.pid) - before) / max(1, done.successful)
            found.append(1e6 * (cost["steps"] - cost["none"]) / 1000)
    finally:
        await server.stop()
    server.discard()
    return [Figure("Lua step (app.NoOp)", statistics.median(found), "us CPU", 5.0, f"median of {len(found)}")]


async def dial(reactor: Any, quick: bool) -> list[Figure]:
    """A call through Dial to a second leg; the caller hangs up after a tenth of a second, no media is sent.

    The slower calls come, the more each costs, of SIPp's as well: nothing is left in the processor's caches. What the
    budget is for is the rate of the single call's figure.
    """
    seconds = 3.0 if quick else 10.0
    uas = await SippProcess.start(SCENARIOS / "uas_answer.xml", reactor=reactor, calls=None, timeout=120, trace=False)
    server = await _server(reactor, uas.address)
    options: dict[str, Any] = {"service": "callee", "call_milliseconds": 100}
    figures = []
    try:
        await load(reactor, "uac_hangup.xml", server.address, rate=20, seconds=1, **options)
        for rate, budget in ((100.0, None), (300.0, 2.5)):
            before = cpu_seconds(server.pid)
            result = await load(reactor, "uac_hangup.xml", server.address, rate=rate, seconds=seconds, **options)
            await server.wait_no_channels()
            cost = 1e3 * (cpu_seconds(server.pid) - before) / max(1, result.successful)
            remark = f"{rate:g}/s, 0.1 s long"
            figures.append(Figure("two-leg call by Dial", cost, "ms CPU/call", budget, remark))
            figures.append(
                Figure("two-leg call, failed", result.failed, f"of {result.successful + result.failed}", 0.0, remark)
            )
    finally:
        await server.stop()
        await uas.stop()
    server.discard()
    return figures


async def start(reactor: Any, quick: bool) -> list[Figure]:
    """From exec until ``core waitfullybooted`` returns, its own process included, with Python's bytecode at hand."""
    wall, cpu = [], []
    with _bytecode_kept():
        for number in range(4 if quick else 6):
            began = reactor.seconds()
            server = await _server(reactor, boot_poll_seconds=0.01)
            if number:  # the first one compiles
                wall.append(reactor.seconds() - began)
                cpu.append(cpu_seconds(server.pid))
            await server.stop()
            server.discard()
    remark = f"median of {len(wall)}"
    return [
        Figure("start", statistics.median(wall), "s", 1.5, remark),
        Figure("start, CPU of the server", statistics.median(cpu), "s CPU", None, remark),
    ]


@contextmanager
def _bytecode_kept() -> Iterator[None]:
    """Let servers find their modules compiled, as an installed one does, whatever the environment says of caches."""
    kept = {name: os.environ.pop(name, None) for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")}
    with tempfile.TemporaryDirectory(prefix="bytecode-") as directory:
        os.environ["PYTHONPYCACHEPREFIX"] = directory
        try:
            yield
        finally:
            del os.environ["PYTHONPYCACHEPREFIX"]
            os.environ.update({name: value for name, value in kept.items() if value is not None})


async def idle(reactor: Any, quick: bool) -> list[Figure]:
    """CPU of a server with nothing to do."""
    seconds = 3.0 if quick else 10.0
    server = await _server(reactor)
    try:
        await server.sleep(1.0)
        before = cpu_seconds(server.pid)
        await server.sleep(seconds)
        used = cpu_seconds(server.pid) - before
    finally:
        await server.stop()
    server.discard()
    return [Figure("idle", 100 * used / seconds, "% of a core", 1.0, f"over {seconds:g} s")]


FIGURES: dict[str, Measure] = {
    "calls": calls,
    "watched": watched,
    "register": register,
    "lua": lua_step,
    "dialplan": dialplan,
    "dial": dial,
    "start": start,
    "idle": idle,
    "ping": ping,
    "originate": originate,
    "fanout": fan_out,
    "ari": interface,
    "agi": agi,
}

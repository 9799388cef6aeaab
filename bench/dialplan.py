"""What the dialplan costs in this process, without SIP: steps, look-ups, parked calls, a reload under load.

The engine, the application table and the channels are real, and records of the calls are made; the far ends are fake
ones, and nobody reads the bus.
``python -m bench.dialplan`` prints the figures alone.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.report import Figure, table
from pbx.cli.serve import settle_memory
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

#: Calls of one measurement, and how often it is repeated; the fastest counts.
CALLS = 10
REPEATS = 5
STEPS = 1000
LOOKUPS = 20_000

_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _harness(**files: str) -> Iterator[DialplanHarness]:
    """A started exchange; a file's name has ``_`` for its dot."""
    with tempfile.TemporaryDirectory() as directory:
        texts = {name.replace("_", ".", 1): text for name, text in files.items()}
        harness = DialplanHarness(Path(directory), texts)
        result_of(start(harness.start()))
        try:
            yield harness
        finally:
            result_of(start(harness.stop()))


def _step_file() -> str:
    """Extensions of 1,000 steps each, among 30."""
    lines = ["[default]", "exten => nothing,1,NoOp"]
    for name, call in (
        ("plain", "NoOp(x)"),
        ("substituted", "NoOp(${EXTEN}-${CALLERID(num)}-${X})"),
        ("set", "Set(X=1)"),
    ):
        lines += [f"exten => {name},1,{call}", *[f" same => n,{call}"] * (STEPS - 1)]
    lines += [f"exten => {number},1,Answer\n same => n,Wait(1)\n same => n,Hangup" for number in range(100, 126)]
    return "\n".join(lines) + "\n"


def _call_cost(harness: DialplanHarness, exten: str) -> float:
    """CPU microseconds of one call to ``exten``."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(CALLS):
            call = harness.call(exten)
            while not call.ended:
                harness.core.clock.advance(0)
        best = min(best, (time.process_time() - began) / CALLS * 1e6)
    return best


def steps() -> list[Figure]:
    """A step of extensions.conf."""
    with _harness(extensions_conf=_step_file()) as harness:
        nothing = _call_cost(harness, "nothing")
        costs = {name: (_call_cost(harness, name) - nothing) / STEPS for name in ("plain", "substituted", "set")}
    return [
        Figure("extensions.conf step, NoOp(x)", costs["plain"], "us CPU", 8.0),
        Figure("extensions.conf step, two variables and a function", costs["substituted"], "us CPU", 8.0),
        Figure("extensions.conf step, Set(X=1)", costs["set"], "us CPU", 8.0),
    ]


def _plan(count: int, name: Callable[[int], str]) -> str:
    rows = [
        f"exten => {name(number)},1,NoOp\n same => n,Dial(PJSIP/x,20)\n same => n,Hangup" for number in range(count)
    ]
    return "[default]\nexten => park,1,Wait(3600)\n" + "\n".join(rows) + "\n"


def lookups(count: int) -> list[Figure]:
    """Finding one extension among many, names and two kinds of patterns, and one that is not there."""
    kinds: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
        "names": (lambda n: str(1000000 + n), lambda n: str(1000000 + n)),
        "patterns _<digits>X.": (lambda n: f"_{1000000 + n}X.", lambda n: f"{1000000 + n}23"),
        "patterns _NXX<digits>": (lambda n: f"_NXX{1000000 + n}", lambda n: f"234{1000000 + n}"),
    }
    found = []
    for kind, (name, dialled) in kinds.items():
        with _harness(extensions_conf=_plan(count, name)) as harness:
            find = harness.engine.contexts.find
            wanted = [dialled(random.randrange(count)) for _ in range(LOOKUPS)]
            for what, numbers in (("", wanted), (", a miss", [f"{each}#" for each in wanted])):
                best = float("inf")
                for _ in range(3):
                    began = time.process_time()
                    for number in numbers:
                        find("default", number, 1, "1000")
                    best = min(best, (time.process_time() - began) / LOOKUPS * 1e6)
                found.append(Figure(f"look-up among {count:,} {kind}{what}", best, "us CPU", 20.0))
    return found


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _lua() -> str:
    rows = [f'["{number}"] = function() app.Answer() app.Wait(1) app.Hangup() end,' for number in range(100, 129)]
    return "\n".join(("extensions = { default = {", *rows, "park = function() app.Wait(3600) end,", "} }", ""))


#: Files of 30 extensions, one of which parks a call.
_PARKING = {
    "extensions.conf": {"extensions_conf": _plan(29, lambda number: str(100 + number))},
    "Lua": {"extensions_lua": _lua()},
}


def parked(count: int) -> list[Figure]:
    """Memory of a call in Wait beyond its channel and its far end, each front end in a fresh process."""
    found = []
    for front_end in _PARKING:
        program = f"from bench.dialplan import park; print(park({front_end!r}, {count}))"
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        channel, call = done.stdout.split()
        remark = f"{count:,} calls; the channel itself takes {channel}"
        found.append(Figure(f"call parked in Wait, {front_end}", float(call), "KiB", 6.0, remark))
    return found


def park(front_end: str, count: int) -> str:
    """KiB of a channel with its far end, and of a call beyond that."""
    with _harness(**_PARKING[front_end]) as harness:
        core = harness.core
        harness.call("park")
        before = _resident()
        idle = [core.fake.incoming("idle") for _ in range(count)]
        channels = _resident() - before
        before = _resident()
        for _ in range(count):
            far = core.fake.incoming("phone", "default", "park")
            harness.engine.start(far.channel)
        calls = _resident() - before - channels
        for each in idle:
            each.channel.hangup()
        return f"{channels / count / 1024:.1f} {calls / count / 1024:.2f}"


def _lua_plan(count: int) -> str:
    rows = [
        f'["{1000000 + number}"] = function() app.NoOp("x") app.Dial("PJSIP/x", 20) app.Hangup() end,'
        for number in range(count)
    ]
    return "\n".join(("extensions = { default = {", *rows, "park = function() app.Wait(3600) end,", "} }", ""))


def _conf_plan(count: int) -> str:
    return _plan(count, lambda number: str(1000000 + number))


def reload(count: int, calls: int) -> list[Figure]:
    """The longest stretch of a reload, in which no call takes a step, by each front end."""
    return [
        _reload(count, calls, "extensions.conf", "pbx_config", _conf_plan(count), ";"),
        _reload(count, calls, "extensions.lua", "pbx_lua", _lua_plan(count), "--"),
    ]


def _reload(count: int, calls: int, file: str, module: str, text: str, comment: str) -> Figure:
    stretches: list[float] = []
    with _harness(**{file.replace(".", "_"): text}) as harness:
        for _ in range(calls):
            harness.call("park")
        settle_memory()
        clock, marks = harness.server.clock, [0.0]
        original = clock.sleep

        async def sleep(seconds: float) -> None:
            marks.append(time.process_time())
            await original(seconds)
            marks.append(time.process_time())

        clock.sleep = sleep  # type: ignore[method-assign, assignment]
        for round_ in range(REPEATS):
            harness.write(file, f"{text}{comment} {round_}\n")
            marks[:] = [time.process_time()]
            waiting = start(harness.server.modules.reload(module))
            while not waiting.called:
                harness.core.clock.advance(0)
            result_of(waiting)
            marks.append(time.process_time())
            stretches.append(max(end - begin for begin, end in zip(marks[::2], marks[1::2], strict=True)))
    return Figure(
        f"reload of {count:,} extensions, {file}, longest stretch",
        min(stretches) * 1000,
        "ms CPU",
        50.0,
        f"{calls} calls; worst of {REPEATS} reloads {max(stretches) * 1000:.1f}",
    )


def measure(quick: bool) -> list[Figure]:
    """Every figure."""
    many = 10_000 if quick else 100_000
    found = [*steps(), *lookups(many), *parked(1_000 if quick else 10_000), *reload(10_000, 500)]
    gc.unfreeze()
    return found


async def dialplan(reactor: Any, quick: bool) -> list[Figure]:
    """As `measure`, for ``python -m bench``."""
    return measure(quick)


if __name__ == "__main__":
    print(table(measure(quick=False)))

"""What one step of a Lua dialplan costs in this process, without SIP: ``python -m bench.lua_step``.

The engine, the application table and the channel are real; the far end is a fake one, and nobody reads the bus.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

#: Calls of one measurement, and how often it is repeated; the fastest counts.
CALLS = 10
REPEATS = 5

_STEPS = """
extensions = { default = {
    noop = function() for i = 1, 1000 do app.NoOp("x") end end,
    variable = function() for i = 1, 1000 do channel.X = i end end,
    nothing = function() end,
%s
} }
"""


def _measure(harness: DialplanHarness, exten: str) -> float:
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


def measure() -> dict[str, float]:
    """Microseconds of CPU: an application step, a variable written, a whole call that does nothing (30 extensions)."""
    more = "\n".join(f'["{number}"] = function() app.Wait(1) end,' for number in range(100, 127))
    with tempfile.TemporaryDirectory() as directory:
        harness = DialplanHarness(Path(directory), {"extensions.lua": _STEPS % more})
        result_of(start(harness.start()))
        nothing = _measure(harness, "nothing")
        found = {
            "application step": (_measure(harness, "noop") - nothing) / 1000,
            "variable written": (_measure(harness, "variable") - nothing) / 1000,
            "call of an empty function": nothing,
        }
        result_of(start(harness.stop()))
    return found


if __name__ == "__main__":
    for name, microseconds in measure().items():
        print(f"{name:<30} {microseconds:8.2f} us")

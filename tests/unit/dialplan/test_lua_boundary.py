"""Between Lua and the exchange: programs of calls with odd values. Nothing crashes, and nothing is left behind.

Each program runs in a call of its own, in one machine, beside a call that must end well.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from tests.unit.dialplan.log_events import LogEvents

FILE = """
extensions = { default = {
    run = function() dofile("program.lua") end,
    good = function() app.Wait(1) channel.OK = "yes" end,
    h = function() channel.H = "yes" end,
} }
"""
#: Applications and functions that reach out of the exchange.
OUTSIDE = frozenset(
    ("System", "TrySystem", "AGI", "EAGI", "ExternalIVR", "MixMonitor", "SHELL", "CURL", "FILE", "STAT", "ENUMLOOKUP")
)
#: Seconds after which a call that still waits is hung up.
PATIENCE = 20

TEXTS = st.one_of(
    st.sampled_from(
        (
            *("", ",", ",,,,,,,,", "(", ")", "a(b", "|", "&", "1&2&3", "=", "a=b", "=b", "^", "1^2^3", " ", "\n", "\0"),
            *("\r\nEvent: x", "${", "$[", "${EXTEN}", "$[1/0]", "%n%s%d", "-1", "0", "nan", "inf", "1e309", "9" * 30),
            *("*", "#", "_X.", "b(x)", "U(x^1)", "../../etc/passwd", "é", "\udcff", "x" * 5000, "(" * 300),
            *("Fake/bob", "Fake/busy", "Local/good@default", "Local/run@default/n", "Nothing/x", "PJSIP/", "/"),
            *(
                "default,good,1",
                "default,none,1",
                "good",
                "1",
                "n",
                "digits/1",
                "beep&beep",
                "abcdefghijklmnopqrstuvwxyz",
            ),
        )
    ),
    st.text(st.characters(codec="utf-8"), max_size=12),
)


def quoted(text: str) -> str:
    """A text as Lua writes it."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode("utf-8", "surrogateescape")) + '"'


VALUES = st.one_of(
    TEXTS.map(quoted),
    st.integers(-3, 3).map(str),
    st.sampled_from(("nil", "true", "{}", "print", "1/0", "-1/0", "0/0", "1e308", "2.5", "math.mininteger", "1 << 40")),
    st.sampled_from(("channel", "app", "channel.X", "coroutine.create(print)", "setmetatable({}, {__index = app})")),
)
ARGUMENTS = st.lists(VALUES, max_size=6).map(", ".join)

#: Where a call stands.
AROUND = st.sampled_from(
    (
        "%s",
        "pcall(function() %s end)",
        "coroutine.wrap(function() %s end)()",
        "pcall(coroutine.wrap(function() pcall(function() %s end) end))",
        "pbx.spawn(function() %s end)",
        "table.sort({2, 1}, function() pcall(function() %s end) return true end)",
        "local _ = setmetatable({}, {__index = function() %s end}).x",
        "do local _ <close> = setmetatable({}, {__close = function() %s end}) end",
        "for _ = 1, 3 do pcall(function() %s end) end",
    )
)


def programs(harness: DialplanHarness) -> st.SearchStrategy[str]:
    """Some calls of applications, functions and helpers, most of them guarded so that the program goes on."""
    registry = harness.engine.registry
    applications = st.sampled_from(sorted(each.name for each in registry.applications() if each.name not in OUTSIDE))
    functions = st.sampled_from(sorted(each.name for each in registry.functions() if each.name not in OUTSIDE))
    helpers = st.sampled_from(("sleep", "log", "http", "db", "spawn"))
    calls = st.one_of(
        st.builds("app.{}({})".format, applications, ARGUMENTS),
        st.builds(
            "local v = channel.{}({}):get() assert(v == nil or type(v) == 'string')".format, functions, ARGUMENTS
        ),
        st.builds("channel.{}({}):set({})".format, functions, ARGUMENTS, VALUES),
        st.builds("local v = channel[{}].value".format, VALUES),
        st.builds("channel[{}] = {}".format, VALUES, VALUES),
        st.builds("pbx.{}({})".format, helpers, ARGUMENTS),
    )
    statements = st.builds(lambda around, call: around.replace("%s", f"pcall(function() {call} end)"), AROUND, calls)
    return st.lists(statements | calls, min_size=1, max_size=8).map(
        lambda lines: "\n".join(f"do {e} end" for e in lines)
    )


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialplanHarness]:
    made = DialplanHarness(tmp_path_factory.mktemp("boundary"), {"extensions.lua": FILE})
    result_of(start(made.start()))
    yield made
    result_of(start(made.stop()))
    assert len(made.core.channels) == 0
    assert made.core.clock.next_timer_seconds() is None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_calls_with_odd_values(harness: DialplanHarness, data: st.DataObject) -> None:
    harness.write("lua/program.lua", data.draw(programs(harness), label="program"))
    with LogEvents() as log:
        good, call = harness.call("good"), harness.call("run")
        clock = harness.core.clock
        for second in range(3 * PATIENCE):
            if call.ended:
                break
            if second == PATIENCE:
                call.far.hang_up()
            elif call.channel.alive and not call.channel.hangup_requested:
                call.far.press("1#")
            clock.turn(1)
        assert call.ended, (call.channel.application, call.channel.application_data)
        clock.turn(1)
        assert good.ended
        for channel in harness.core.channels:
            channel.request_hangup()
        for _turn in range(5):
            clock.turn(1)
    assert log.failures() == []
    assert good.variable("OK") == "yes"
    module = harness.server.modules.find("pbx_lua")
    assert module is not None
    assert module.instance is not None
    assert module.instance.use_count == 0, [each.name for each in harness.core.channels]

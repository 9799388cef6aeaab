"""StatsD: what it sends and what it refuses."""

from __future__ import annotations

import pytest

from pbx.statsd import Statsd, StatsdSettings, line
from pbx.testing.dialplan import Plan


class Noted(Statsd):
    """Figures that go nowhere."""

    def __init__(self) -> None:
        super().__init__(None)
        self.sent: list[tuple[str, str, str, float]] = []

    def send(self, name: str, kind: str, value: str, rate: float = 1.0) -> None:
        self.sent.append((name, kind, value, rate))


def figures(plan: Plan, *calls: str) -> tuple[list[tuple[str, str, str, float]], list[str]]:
    """What the calls of StatsD, one after the other, sent and logged."""
    steps = "\n".join(f"exten => {number},1,StatsD({call})" for number, call in enumerate(calls))
    harness = plan(extensions_conf=f"[default]\n{steps}\n")
    noted = Noted()
    harness.server.withdraw(Statsd)
    harness.server.provide(Statsd, noted)
    for number in range(len(calls)):
        harness.call(str(number))
    return noted.sent, [text for text in harness.log if "StatsD: " in text]


def test_figures(plan: Plan) -> None:
    sent, said = figures(
        plan,
        "g,calls,5",
        "g,calls,+1",
        "c,hits,-2",
        "ms,wait,12.5,0.25",
        "s,callers,alice",
        "c,half,.5,0",
        "g,dot,.",
        "g,none,1,",
    )
    assert sent == [
        ("calls", "g", "5", 1.0),
        ("calls", "g", "+1", 1.0),
        ("hits", "c", "-2", 1.0),
        ("wait", "ms", "12.5", 0.25),
        ("callers", "s", "alice", 1.0),
        ("half", "c", ".5", 0.0),
        ("dot", "g", ".", 1.0),
        ("none", "g", "1", 0.0),
    ]
    assert said == []


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("", "Missing metric type argument."),
        ("x,a,1", "Invalid metric type x."),
        ("g,a", "Missing value argument."),
        ("g,,1", "is missing or contains a pipe"),
        ("g,a|b,1", "is missing or contains a pipe"),
        ("g,a,one", "one is not a number! Invalid input for a gauge metric."),
        ("c,a,+", "only contains a sign operator. Invalid input for a counter metric."),
        ("ms,a,-1", "-1 is not a number! Invalid input for a timer metric."),
        ("ms,a,99999999999999999999999", "out of range! Invalid input for a timer metric."),
        ("s,a,b|c", "Pipe (|) character is not allowed for value b|c in a set metric."),
        ("c,a,1,often", "often is not a number!"),
        ("c,a,1.2.3", "1.2.3 is not a number!"),
    ],
)
def test_refusals(plan: Plan, call: str, why: str) -> None:
    sent, said = figures(plan, call)
    assert sent == []
    assert why in said[0]


@pytest.mark.parametrize(
    ("settings", "figure", "text"),
    [
        ({}, ("a", "g", "1", 1.0), "a:1|g"),
        ({"prefix": "pbx"}, ("a", "c", "1", 0.5), "pbx.a:1|c|@0.50"),
        ({"add_newline": True}, ("a", "ms", "1", 2.0), "a:1|ms\n"),
        ({}, ("a", "m", "1", 1.0), "a:1|m"),
        ({"meter_support": False}, ("a", "m", "1", 1.0), "a_meter:1|c"),
        ({"meter_support": False}, ("a", "g", "1", 1.0), "a:1|g"),
    ],
)
def test_lines(settings: dict[str, object], figure: tuple[str, str, str, float], text: str) -> None:
    assert line(StatsdSettings("general", **settings), *figure) == text  # type: ignore[arg-type]

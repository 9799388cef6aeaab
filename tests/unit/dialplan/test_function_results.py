"""Functions, variables and their substrings: what Asterisk 22 makes of them, case by case."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import pytest

from dialplan.engine import Engine
from pbx.core.channel import Channel, settle
from pbx.core.party import Caller, Connected, PartyId
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import Plan, extensions

_TABLE = Path(__file__).with_name("function_results.tsv")
_CALLER = PartyId(name="Cal Ler", number="5551234", name_valid=True, number_valid=True)


def _cases() -> dict[str, list[tuple[list[str], str, str]]]:
    """By function: what is set before, the text, and what comes of it."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: dict[str, list[tuple[list[str], str, str]]] = {}
    for name, group in groupby((row for row in rows if not row[0].startswith("#")), key=lambda row: row[0]):
        found[name] = [(steps.split(" ;; ") if steps else [], text, result) for _, steps, text, result in group]
    return found


CASES = _cases()


async def _evaluate(engine: Engine, channel: Channel, steps: list[str], text: str) -> str:
    """The text as step ``Set(R=text)`` leaves it, after others."""
    application = engine.registry.application("Set")
    assert application is not None
    for step in (*steps, f"R={text}"):
        data = await settle(engine.substitute(channel, step))
        result = engine.call(application, channel, data)
        if not isinstance(result, int):
            await result
    return channel.get_variable("R") or ""


@pytest.mark.parametrize("name", CASES)
def test_results_are_asterisks(plan: Plan, name: str) -> None:
    harness = plan(extensions("app.Answer() app.Wait(60)"))
    engine = harness.engine
    wrong = []
    for steps, text, expected in CASES[name]:
        call = harness.call("100")
        channel = call.channel
        assert channel is not None
        channel.caller, channel.connected = Caller(id=_CALLER), Connected(id=_CALLER)
        found = result_of(start(_evaluate(engine, channel, steps, text)))
        if found != expected:
            wrong.append(f"{steps} {text}: {found!r}, not {expected!r}")
        channel.hangup()
    assert not wrong, "\n".join(wrong)

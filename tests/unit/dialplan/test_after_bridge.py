"""CHANNEL(after_bridge_goto): where those who talked go on, with Dial, Bridge and those that a manager bridges;
CHANNEL(lastexten) on the way."""

from __future__ import annotations

import pytest

from pbx.core.bridge.pull import bridge_pulled
from pbx.core.bridge.swap import take_place
from pbx.core.frames import Control
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan

NOTE = "Set(GLOBAL(AT)=${GLOBAL(AT)} ${EXTEN}-${PRIORITY} from ${CHANNEL(lastexten)}@${CHANNEL(lastcontext)})\n"
CONF = f"""
[default]
exten => 100,1,Dial(Fake/bob,30)
 same => n,Set(GLOBAL(AT)=next)
exten => 150,1,Answer()
 same => n,Echo()
exten => 160,1,Bridge(${{other}})
 same => n,Set(GLOBAL(AT)=${{BRIDGERESULT}})
exten => 200,1,{NOTE} same => n(again),{NOTE}
[away]
exten => s,1,{NOTE}
"""


def begin(plan: Plan) -> DialplanHarness:
    return plan(extensions_conf=CONF)


def write(harness: DialplanHarness, channel: object, value: str) -> None:
    harness.core.channels.dialplan.write_function(channel, "CHANNEL(after_bridge_goto)", value)  # type: ignore[union-attr, arg-type]


def read(harness: DialplanHarness, channel: object) -> object:
    return harness.core.channels.dialplan.read_function(channel, "CHANNEL(after_bridge_goto)")  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    ("goto", "shown", "places"),
    [
        ("default,200,1", "default,200,1", " 200-1 from 100@default 200-2 from 100@default"),
        ("200^again", "200,again", " 200-2 from 100@default"),
        ("away,s,1", "away,s,1", " s-1 from 100@default"),
        ("+1", "+1", "next"),
        ("nowhere", "nowhere", None),
        ("", "", None),
    ],
)
def test_the_caller_goes_on_where_it_was_told(plan: Plan, goto: str, shown: str, places: str | None) -> None:
    harness = begin(plan)
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    write(harness, call.channel, goto)
    assert read(harness, call.channel) == shown
    bob.hang_up()
    assert harness.core.channels.globals.get("AT") == places
    assert call.ended


def test_the_called_party_goes_on_where_it_was_told(plan: Plan) -> None:
    harness = begin(plan)
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    write(harness, bob.channel, "away,s,1")
    call.far.hang_up()
    assert call.ended
    found = harness.core.channels.globals.get("AT")
    assert found is not None
    assert found.startswith(" s-1")
    assert not bob.channel.alive


def test_who_hangs_up_goes_nowhere(plan: Plan) -> None:
    harness = begin(plan)
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    for channel in (call.channel, bob.channel):
        write(harness, channel, "away,s,1")
    bob.hang_up()
    assert harness.core.channels.globals.get("AT") == " s-1 from 100@default"
    assert not bob.channel.alive


def test_both_ends_of_bridge(plan: Plan) -> None:
    harness = begin(plan)
    other = harness.call("150")
    harness.core.channels.set_global("other", other.channel.name)
    call = harness.call("160")
    write(harness, call.channel, "200,1")
    write(harness, other.channel, "away,s,1")
    assert call.channel.bridge is not None
    call.channel.bridge.remove(call.channel)
    found = harness.core.channels.globals.get("AT") or ""
    assert " 200-1" in found
    assert " s-1" in found
    assert (call.ended, other.channel.alive) == (True, False)


def bridged(harness: DialplanHarness) -> tuple[DialplanCall, DialplanCall]:
    """Two calls that a manager has brought together."""
    calls = [harness.call("150"), harness.call("150")]
    taken = start(bridge_pulled(harness.core.bridges, harness.engine, *(call.channel for call in calls)))
    harness.core.clock.advance(0)
    result_of(taken)
    return calls[0], calls[1]


@pytest.mark.parametrize(
    ("goto", "where", "goes"),
    [(None, "default,150,3", ""), ("away,s,1", "away,s,1", "s-1"), ("200,1", "200,1", "200-1 200-2")],
)
def test_whom_a_manager_bridged_goes_on_where_it_was_told(plan: Plan, goto: str | None, where: str, goes: str) -> None:
    harness = begin(plan)
    one, two = bridged(harness)
    assert read(harness, one.channel) == "default,150,3"
    if goto is not None:
        write(harness, two.channel, goto)
    assert read(harness, two.channel) == where
    one.far.hang_up()
    harness.core.clock.advance(0)
    found = harness.core.channels.globals.get("AT") or ""
    assert [word for word in found.split() if word[-2] == "-"] == goes.split()
    assert read(harness, two.channel) == ""
    assert not one.channel.alive


def test_whom_a_manager_bridged_is_hung_up_where_it_goes_nowhere(plan: Plan) -> None:
    harness = begin(plan)
    one, two = bridged(harness)
    write(harness, two.channel, "")
    one.far.hang_up()
    harness.core.clock.advance(0)
    assert not two.channel.alive


def test_whoever_took_another_ones_place_goes_on_where_it_was_told(plan: Plan) -> None:
    harness = begin(plan)
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    taking = harness.core.fake.incoming("carol", "default", "150")
    start(take_place(taking.channel, bob.channel))
    harness.core.clock.advance(0)
    write(harness, taking.channel, "away,s,1")
    call.far.hang_up()
    harness.core.clock.advance(0)
    assert (harness.core.channels.globals.get("AT") or "").startswith(" s-1")

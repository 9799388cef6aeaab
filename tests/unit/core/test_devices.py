"""Device states: what calls make of a device, how devices add up, and when somebody is told."""

from __future__ import annotations

import itertools

import pytest

from pbx.core import messages
from pbx.core.device_state import DeviceState, aggregate, calls_state
from pbx.core.frames import Control
from pbx.core.states import ChannelState
from pbx.core.technology import ChannelRequest
from pbx.testing.core import FakeCore

S = DeviceState


@pytest.mark.parametrize(
    ("states", "sum_"),
    [
        ([], S.INVALID),
        ([S.INVALID, S.UNKNOWN], S.UNKNOWN),
        ([S.UNKNOWN, S.UNAVAILABLE], S.UNAVAILABLE),
        ([S.UNAVAILABLE, S.NOT_INUSE], S.NOT_INUSE),
        ([S.NOT_INUSE, S.ONHOLD], S.ONHOLD),
        ([S.ONHOLD, S.INUSE], S.INUSE),
        ([S.INUSE, S.BUSY], S.BUSY),
        ([S.NOT_INUSE, S.BUSY], S.BUSY),
        ([S.NOT_INUSE, S.RINGING], S.RINGING),
        ([S.RINGING, S.INUSE], S.RINGINUSE),
        ([S.RINGING, S.ONHOLD], S.RINGINUSE),
        ([S.RINGING, S.BUSY], S.RINGINUSE),
        ([S.RINGINUSE, S.BUSY], S.RINGINUSE),
    ],
)
def test_several_states_add_up_in_any_order(states: list[S], sum_: S) -> None:
    assert {aggregate(order) for order in itertools.permutations(states)} == {sum_}


def test_calls_make_a_state(core: FakeCore) -> None:
    alice = core.fake.incoming("alice").channel
    assert calls_state([alice], S.NOT_INUSE) is S.INUSE
    ringing = core.fake.incoming("alice").channel
    ringing.set_state(ChannelState.RINGING)
    assert calls_state([alice, ringing], S.NOT_INUSE) is S.RINGINUSE
    assert calls_state([alice, ringing], S.NOT_INUSE, busy_at=2) is S.BUSY
    assert calls_state([alice], S.NOT_INUSE, busy_at=2) is S.INUSE
    assert calls_state([], S.UNAVAILABLE, busy_at=1) is S.UNAVAILABLE
    alice.set_state(ChannelState.UP)
    alice.indicate(Control.HOLD)
    assert calls_state([alice], S.NOT_INUSE) is S.ONHOLD
    alice.indicate(Control.UNHOLD)
    assert calls_state([alice], S.NOT_INUSE) is S.INUSE


def told(core: FakeCore) -> list[str]:
    seen: list[str] = []
    core.bus.subscribe(messages.DeviceStateChanged, lambda m: seen.append(f"{m.device} {m.state}"))
    return seen


def test_a_change_is_told_once_after_the_turn(core: FakeCore) -> None:
    seen = told(core)
    channel = core.fake.incoming("alice").channel
    channel.set_state(ChannelState.UP)
    assert seen == []
    core.clock.advance(0)
    assert seen == ["Fake/alice INUSE"]
    channel.set_state(ChannelState.BUSY)
    channel.set_state(ChannelState.UP)
    core.clock.advance(0)
    assert seen == ["Fake/alice INUSE"]
    channel.hangup()
    core.clock.advance(0)
    assert seen == ["Fake/alice INUSE", "Fake/alice NOT_INUSE"]


def test_each_change_of_a_local_channel_is_told(core: FakeCore) -> None:
    seen = told(core)
    one = core.technologies.request("Local", ChannelRequest("100@default"))
    core.clock.advance(0)
    assert seen == []
    for half in core.channels:
        half.owner = "pbx"
        half.set_state(ChannelState.UP)
    core.clock.advance(0)
    assert seen == ["Local/100@default INUSE"] * 2
    one.hangup()
    core.clock.advance(0)
    assert "Local/100@default" not in dict(core.devices.all())


def test_devices_are_listed_as_they_became_known(core: FakeCore) -> None:
    core.devices.add_provider("Custom", lambda _name: S.INUSE)
    for name in ("ham", "eggs", "spam"):
        core.devices.set(f"Custom:{name}", S.INUSE)
    assert [device for device, _ in core.devices.all()] == ["Custom:ham", "Custom:eggs", "Custom:spam"]


def test_nothing_waits_while_nobody_reads(core: FakeCore) -> None:
    core.fake.incoming("alice").channel.hangup()
    assert core.clock.next_timer_seconds() is None


def test_what_changed_unread_is_told_with_the_next_change(core: FakeCore) -> None:
    seen = told(core)
    channel = core.fake.incoming("alice").channel
    core.clock.advance(0)
    assert list(core.devices.all()) == [("Fake/alice", S.INUSE)]
    channel.hangup()
    core.clock.advance(0)
    assert seen[-1] == "Fake/alice NOT_INUSE"
    assert list(core.devices.all()) == [("Fake/alice", S.NOT_INUSE)]


def test_providers_and_unknown_devices(core: FakeCore) -> None:
    withdraw = core.devices.add_provider("Custom", lambda name: S.BUSY if name == "lamp" else S.UNKNOWN)
    assert core.devices.state("Custom:lamp") is S.BUSY
    assert core.devices.state("custom:other") is S.UNKNOWN
    with pytest.raises(ValueError, match="registered twice"):
        core.devices.add_provider("CUSTOM", lambda _name: S.BUSY)
    withdraw()
    for device in ("Custom:lamp", "nothing", "", "None/such", ":"):
        assert core.devices.state(device) is S.INVALID, device


def test_set_and_forget(core: FakeCore) -> None:
    seen = told(core)
    core.devices.add_provider("Custom", lambda _name: S.INUSE)
    core.devices.set("Custom:a", S.INUSE)
    core.devices.set("Custom:a", S.INUSE)
    core.devices.forget("Custom:a")
    assert seen == ["Custom:a INUSE", "Custom:a UNKNOWN"]
    assert list(core.devices.all()) == []


def test_local_channels_are_told_of_and_not_remembered(core: FakeCore) -> None:
    seen = told(core)
    channel = core.channels.create("Local", "Local/1@default-00000001;1", state=ChannelState.UP)
    core.clock.advance(0)
    channel.hangup()
    core.clock.advance(0)
    assert [each.split()[0] for each in seen] == ["Local/1@default", "Local/1@default"]
    assert list(core.devices.all()) == []
    assert core.devices.state("Local/1") is S.INVALID

"""Dialling several destinations, talking, and hanging up in every order."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from pbx.core import messages
from pbx.core.bridge import LeaveReason
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.dial import Dial, DialOptions, DialResult, parse_destinations
from pbx.core.frames import Control
from pbx.testing.core import FakeCore as Core
from pbx.testing.deferreds import result_of, start
from pbx.testing.fake_technology import FakeDriver


def dial(core: Core, caller: Channel | None, text: str, timeout: float | None = None) -> Deferred[DialResult]:
    options = DialOptions(timeout=timeout)
    return start(Dial(core.channels, core.technologies, caller, parse_destinations(text), options).run())


def caller_of(core: Core) -> FakeDriver:
    driver = core.fake.incoming("alice")
    driver.channel.owner = "pbx"
    return driver


def test_the_first_to_answer_wins_and_the_others_are_told_so(core: Core) -> None:
    alice = caller_of(core)
    result = dial(core, alice.channel, "Fake/bob&Fake/carol")
    (bob,), (carol,) = core.fake.drivers["bob"], core.fake.drivers["carol"]
    bob.say(Control.RINGING)
    carol.say(Control.RINGING)
    carol.say(Control.ANSWER)
    assert result_of(result).status == "ANSWER"
    assert result_of(result).peer is carol.channel
    assert bob.told == ["call", f"hangup {Cause.ANSWERED_ELSEWHERE:d}"]
    assert alice.told == ["ringing"]


@pytest.mark.parametrize(
    ("causes", "status"),
    [
        ([Cause.USER_BUSY, Cause.NO_ROUTE_DESTINATION], "BUSY"),
        ([Cause.NORMAL_CIRCUIT_CONGESTION, Cause.SUBSCRIBER_ABSENT], "CONGESTION"),
        ([Cause.SUBSCRIBER_ABSENT], "CHANUNAVAIL"),
        ([Cause.NO_ANSWER], "NOANSWER"),
        ([Cause.USER_BUSY, Cause.NO_ANSWER], "NOANSWER"),
        ([Cause.CALL_REJECTED], "CHANUNAVAIL"),
    ],
)
def test_the_status_when_all_fail(core: Core, causes: list[Cause], status: str) -> None:
    alice = caller_of(core)
    result = dial(core, alice.channel, "&".join(f"Fake/{n}" for n in range(len(causes))))
    for number, cause in enumerate(causes):
        core.fake.drivers[str(number)][0].hang_up(cause)
    assert result_of(result).status == status
    assert [c.name for c in core.channels] == [alice.channel.name]


def test_destinations_that_cannot_be_made_count_too(core: Core) -> None:
    alice = caller_of(core)
    core.fake.refused["bob"] = Cause.SUBSCRIBER_ABSENT
    assert result_of(dial(core, alice.channel, "Fake/bob")).status == "CHANUNAVAIL"
    assert result_of(dial(core, alice.channel, "Nothing/bob")).status == "CHANUNAVAIL"


def test_time_is_up(core: Core) -> None:
    alice = caller_of(core)
    result = dial(core, alice.channel, "Fake/bob", timeout=10)
    core.clock.advance(10.1)
    assert result_of(result).status == "NOANSWER"
    assert core.fake.drivers["bob"][0].told[-1].startswith("hangup")


def test_the_caller_gives_up_while_it_rings(core: Core) -> None:
    ended: list[str] = []
    core.bus.subscribe(messages.DialEnded, lambda m: ended.append(m.status))
    alice = caller_of(core)
    result = dial(core, alice.channel, "Fake/bob&Fake/carol")
    alice.hang_up()
    assert result_of(result).status == "CANCEL"
    assert ended == ["CANCEL", "CANCEL"]
    assert len(core.channels) == 1


def test_early_media_is_heard_from_a_single_destination_only(core: Core) -> None:
    alice = caller_of(core)
    dial(core, alice.channel, "Fake/bob")
    bob = core.fake.drivers["bob"][0]
    bob.say(Control.PROGRESS)
    assert (bob.channel.audio.name, alice.channel.audio.name) in core.switchboard.edges
    dave = caller_of(core)
    dial(core, dave.channel, "Fake/x&Fake/y")
    core.fake.drivers["x"][0].say(Control.PROGRESS)
    assert not any(dave.channel.audio.name in edge for edge in core.switchboard.edges)


@pytest.mark.parametrize("first", ["caller", "peer"])
def test_either_side_hanging_up_ends_the_call_for_both(core: Core, first: str) -> None:
    alice = caller_of(core)
    bob = core.fake.incoming("bob")
    bob.channel.owner = "dial"
    call = start(core.bridges.call(alice.channel, bob.channel))
    assert core.switchboard.edges == {
        (alice.channel.name, bob.channel.name),
        (bob.channel.name, alice.channel.name),
    }
    if first == "peer":
        bob.hang_up()
        assert result_of(call) is LeaveReason.DISSOLVED
        assert not alice.channel.hangup_requested
    else:
        alice.hang_up()
        assert result_of(call) is LeaveReason.HANGUP
    assert core.switchboard.edges == set()
    assert len(core.bridges) == 0
    assert alice.channel.bridge is None
    assert bob.channel.bridge is None


def test_digits_and_holds_pass_through_a_call(core: Core) -> None:
    alice = caller_of(core)
    bob = core.fake.incoming("bob")
    call = start(core.bridges.call(alice.channel, bob.channel))
    alice.press("5")
    bob.say(Control.HOLD)
    assert bob.told == ["digit 5"]
    assert alice.told == ["hold"]
    assert bob.channel.held
    bob.hang_up()
    assert call.called


def test_an_intercept_keeps_digits_to_itself(core: Core) -> None:
    alice = caller_of(core)
    bob = core.fake.incoming("bob")
    call = start(core.bridges.call(alice.channel, bob.channel, caller_intercept=lambda frame: True))
    alice.press("5")
    assert bob.told == []
    bob.hang_up()
    assert call.called


def test_three_in_a_bridge_hear_each_other(core: Core) -> None:
    bridge = core.bridges.create()
    names = []
    for resource in "abc":
        channel = core.fake.incoming(resource).channel
        bridge.enter(channel)
        names.append(channel.name)
    assert core.switchboard.edges == {(x, y) for x in names for y in names if x != y}
    assert bridge.technology == "softmix"
    bridge.dissolve()
    assert core.switchboard.edges == set()


def test_entering_another_bridge_leaves_the_first(core: Core) -> None:
    one, two = core.bridges.create(), core.bridges.create()
    channel = core.fake.incoming("a").channel
    left = one.enter(channel)
    two.enter(channel)
    assert result_of(left) is LeaveReason.REMOVED
    assert one.channels == []
    assert two.channels == [channel]


def test_a_channel_that_hung_up_does_not_stay_in_a_bridge(core: Core) -> None:
    bridge = core.bridges.create()
    driver = core.fake.incoming("a")
    driver.channel.owner = "pbx"
    driver.hang_up()
    assert result_of(bridge.enter(driver.channel)) is LeaveReason.HANGUP


@pytest.mark.parametrize("text", ["PJSIP", "PJSIP/", "/x", "PJSIP/a&b"])
def test_malformed_dial_strings_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"Technology/resource"):
        parse_destinations(text)
    assert parse_destinations(" & ") == []

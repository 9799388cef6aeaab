"""A channel's life as its owner and the readers of the bus see it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import MAX_QUEUED_FRAMES, Channel, ChannelInterrupted
from pbx.core.channels import DuplicateChannel
from pbx.core.frames import Control
from pbx.core.party import Caller, Connected, Dialed, Redirecting, party_id
from pbx.core.snapshot import ChannelSnapshot
from pbx.core.states import ChannelState
from pbx.testing.core import FakeCore as Core
from pbx.testing.deferreds import failure_of, result_of, start


async def wait_a_minute(channel: Channel) -> None:
    await channel.sleep(60)


def test_digits_pressed_before_anybody_reads_are_kept_in_order(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.channel.owner = "pbx"
    driver.press("12")
    first = start(driver.channel.read_digit(1))
    second = start(driver.channel.read_digit(1))
    assert (result_of(first), result_of(second)) == ("1", "2")


def test_read_digit_gives_none_when_its_time_is_up(core: Core) -> None:
    channel = core.fake.incoming("alice").channel
    waiting = start(channel.read_digit(2.0))
    core.clock.advance(1.9)
    assert not waiting.called
    core.clock.advance(0.2)
    assert result_of(waiting) is None


def test_other_frames_do_not_prolong_a_wait_for_a_digit(core: Core) -> None:
    driver = core.fake.incoming("alice")
    waiting = start(driver.channel.read_digit(2.0))
    core.clock.advance(1.5)
    driver.say(Control.HOLD)
    core.clock.advance(0.6)
    assert result_of(waiting) is None


def test_a_hangup_cuts_into_a_wait(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.channel.owner = "pbx"
    waiting = start(wait_a_minute(driver.channel))
    driver.hang_up(Cause.USER_BUSY)
    assert isinstance(failure_of(waiting), ChannelInterrupted)
    assert driver.channel.alive
    assert driver.channel.hangup_cause == Cause.USER_BUSY


def test_the_first_hangup_cause_counts(core: Core) -> None:
    seen: list[int] = []
    core.bus.subscribe(messages.ChannelDestroyed, lambda message: seen.append(message.channel.hangup_cause))
    driver = core.fake.incoming("alice")
    driver.channel.owner = "pbx"
    driver.hang_up(Cause.NO_ANSWER)
    driver.channel.request_hangup(Cause.USER_BUSY)
    driver.channel.hangup(Cause.CALL_REJECTED)
    assert seen == [Cause.NO_ANSWER]
    assert driver.told[-1] == f"hangup {Cause.NO_ANSWER:d}"


def test_hangup_twice_ends_once(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.channel.hangup()
    driver.channel.hangup()
    assert driver.told == ["hangup 16"]
    assert len(core.channels) == 0


def test_a_channel_nobody_owns_ends_when_its_far_end_does(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.hang_up()
    assert len(core.channels) == 0


def test_a_redirect_cuts_into_the_dialplans_wait_and_tells_where(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.channel.owner = "pbx"
    waiting = start(wait_a_minute(driver.channel))
    driver.channel.redirect("other", "100", 1)
    assert isinstance(failure_of(waiting), ChannelInterrupted)
    assert driver.channel.take_redirect() == ("other", "100", 1)
    assert not driver.channel.interrupted


def test_frames_nobody_reads_are_bounded(core: Core) -> None:
    driver = core.fake.incoming("alice")
    driver.press("1" * 1000)
    count = 0
    while result_of(start(driver.channel.read(0))) is not None:
        count += 1
    assert count == MAX_QUEUED_FRAMES


def test_a_snapshot_is_shared_until_something_changes(core: Core) -> None:
    channel = core.fake.incoming("alice").channel
    before = channel.snapshot()
    assert channel.snapshot() is before
    channel.set_state(ChannelState.UP)
    assert before.state is ChannelState.RING
    assert channel.snapshot().state is ChannelState.UP


def test_readers_get_pairs_of_snapshots(core: Core) -> None:
    pairs: list[tuple[ChannelState, ChannelState]] = []
    core.bus.subscribe(messages.ChannelChanged, lambda m: pairs.append((m.old.state, m.channel.state)))
    driver = core.fake.incoming("alice")
    driver.channel.answer()
    assert pairs == [(ChannelState.RING, ChannelState.UP)]
    assert driver.told == ["answer"]


def test_a_broken_reader_does_not_break_the_call(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_message: object) -> None:
        raise RuntimeError("reader")

    seen: list[object] = []
    core.bus.subscribe(messages.ChannelCreated, broken)
    core.bus.subscribe(messages.ChannelCreated, seen.append)
    core.fake.incoming("alice")
    assert len(seen) == 1


def test_ids_that_clients_choose_must_be_free_and_short(core: Core) -> None:
    core.channels.create("Fake", "Fake/a-1", uniqueid="mine")
    with pytest.raises(DuplicateChannel, match="mine"):
        core.channels.create("Fake", "Fake/a-2", uniqueid="mine")
    with pytest.raises(DuplicateChannel, match="150 characters"):
        core.channels.create("Fake", "Fake/a-3", uniqueid="x" * 150)


def test_inherited_variables_lose_one_underscore(core: Core) -> None:
    parent = core.fake.incoming("alice").channel
    child = core.fake.incoming("bob").channel
    grandchild = core.fake.incoming("carol").channel
    parent.set_variable("_once", "1")
    parent.set_variable("__always", "2")
    parent.set_variable("own", "3")
    child.inherit_from(parent)
    grandchild.inherit_from(child)
    assert [child.get_variable(n) for n in ("once", "always", "own")] == ["1", "2", None]
    assert [grandchild.get_variable(n) for n in ("once", "always", "own")] == [None, "2", None]


def test_globals_are_seen_behind_channel_variables(core: Core) -> None:
    channel = core.fake.incoming("alice").channel
    core.channels.set_global("PLACE", "global")
    assert channel.get_variable("PLACE") == "global"
    channel.set_variable("PLACE", "own")
    assert channel.get_variable("PLACE") == "own"
    assert channel.get_variable("EXTEN") == "s"


def test_idle_is_told_when_the_last_channel_ends(core: Core) -> None:
    told: list[bool] = []
    one, two = core.fake.incoming("a").channel, core.fake.incoming("b").channel
    core.channels.when_idle(lambda: told.append(True))
    one.hangup()
    assert not told
    two.hangup()
    assert told


def test_a_snapshot_has_each_value_under_its_own_name(core: Core) -> None:
    """It is made by position: every field is another value here."""
    channel = core.fake.incoming("alice").channel
    bridge = core.bridges.create(kind="mixing")
    bridge.enter(channel)
    for name in ("linkedid", "language", "accountcode", "peeraccount", "tenantid", "userfield", "context", "exten"):
        setattr(channel, name, f"the {name}")
    channel.set_application("App", "its data")
    channel.caller, channel.connected = Caller(id=party_id("1")), Connected(id=party_id("2"))
    channel.dialed, channel.redirecting = Dialed(number="3"), Redirecting(source=party_id("4"))
    channel.priority, channel.hangup_cause, channel.amaflags, channel.answered = 5, 6, 7, 8.5
    channel.tech_cause, channel.protocol_id, channel.reported = "9", "10", {"V": None}
    channel.variables.set("V", "value")
    channel.changed()
    shown = channel.snapshot()
    given = {
        "technology": "Fake",
        "application": "App",
        "application_data": "its data",
        "bridge_id": bridge.id,
        "dialed_number": "3",
        "redirecting_number": "4",
        "reported": (("V", "value"),),
    }
    for field in fields(ChannelSnapshot):
        name = {"on_hold": "held"}.get(field.name, field.name)
        wanted = given[name] if name in given else getattr(channel, name)
        assert getattr(shown, field.name) == wanted, field.name
    for flag in ("alive", "outgoing", "originated", "in_subroutine", "in_hangup", "held"):
        before = getattr(channel, flag)
        setattr(channel, flag, not before)
        channel.changed()
        assert getattr(channel.snapshot(), "on_hold" if flag == "held" else flag) is not before, flag
        setattr(channel, flag, before)

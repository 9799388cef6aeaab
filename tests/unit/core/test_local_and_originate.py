"""Local pairs and originated calls, with a dialplan played by the test."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator

import pytest
from twisted.internet.defer import Deferred, succeed

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Place
from pbx.core.dial import Destination
from pbx.core.dialplan import DialplanEditor, ListedContext
from pbx.core.frames import Control
from pbx.core.originate import Originate, OriginateError, Originator
from pbx.core.party import Connected, party_id
from pbx.core.release import ask_release
from pbx.core.states import ChannelState
from pbx.testing.core import FakeCore
from pbx.testing.deferreds import result_of, start


class ScriptedDialplan:
    """A dialplan that knows ``extensions`` and keeps each channel it is started on."""

    def __init__(self, *extensions: str) -> None:
        self.extensions = set(extensions)
        self.started: list[Channel] = []
        self.executed: list[tuple[str, str]] = []

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        return f"{exten}@{context}" in self.extensions

    def can_match(self, context: str, exten: str, caller_number: str = "") -> bool:
        return self.exists(context, exten)

    def match_more(self, context: str, exten: str, caller_number: str = "") -> bool:
        return False

    def find_priority(self, context: str, exten: str, label: str, caller_number: str = "") -> int | None:
        return 1

    def start(self, channel: Channel) -> Deferred[None]:
        channel.owner = "pbx"
        self.started.append(channel)
        return succeed(None)

    def has_application(self, name: str) -> bool:
        return name == "Echo"

    async def execute(self, channel: Channel, application: str, data: str) -> int:
        self.executed.append((application, data))
        await channel.sleep(3600)
        return 0

    def read_function(self, channel: Channel | None, expression: str) -> str | Awaitable[str]:
        return ""

    def write_function(self, channel: Channel | None, expression: str, value: str) -> Awaitable[None] | None:
        return None

    async def run_subroutine(self, channel: Channel, location: str) -> bool:
        return False

    def application_capability(self, name: str) -> str:
        return ""

    def function_capability(self, name: str) -> str:
        return ""

    def list_contexts(self, context: str = "", exten: str = "") -> Iterator[ListedContext]:
        return iter(())

    def editor(self, registrar: str) -> DialplanEditor:
        raise AssertionError("nothing is edited here")

    def runs(self, channel: Channel) -> bool:
        return False

    def take(self, channel: Channel) -> Deferred[None]:
        return ask_release(channel)

    def set_after_bridge(self, channel: Channel, place: Place | None) -> None:
        return None

    def take_after_bridge(self, channel: Channel) -> Place | None:
        return None


@pytest.fixture
def dialplan(core: FakeCore) -> ScriptedDialplan:
    plan = ScriptedDialplan("100@default")
    core.channels.dialplan = plan
    return plan


@pytest.fixture
def originator(core: FakeCore, dialplan: ScriptedDialplan) -> Originator:
    return Originator(core.channels, core.technologies, lambda: dialplan)


def test_an_answer_in_the_dialplan_reaches_who_dialled(
    core: FakeCore, dialplan: ScriptedDialplan, originator: Originator
) -> None:
    order = Originate(Destination("Local", "100@default"), application="Echo", data="x", identity=party_id("55", "Ann"))
    started = originator.start(order)
    core.clock.advance(0)
    (second,) = dialplan.started
    assert second.name.endswith(";2")
    assert second.caller.id.number == "55"
    assert not started.result.called
    second.answer()
    assert result_of(started.result).success
    assert started.channel.state is ChannelState.UP
    assert dialplan.executed == [("Echo", "x")]
    assert core.switchboard.pipes == {(started.channel.name, second.name)}


@pytest.mark.parametrize("half", [0, 1])
def test_either_half_ends_the_pair(
    core: FakeCore, dialplan: ScriptedDialplan, originator: Originator, half: int
) -> None:
    started = originator.start(Originate(Destination("Local", "100@default"), application="Echo"))
    core.clock.advance(0)
    (second,) = dialplan.started
    second.answer()
    (started.channel, second)[half].request_hangup(Cause.USER_BUSY)
    second.hangup()
    assert [c.name for c in core.channels] == []


def test_digits_cross_a_pair(core: FakeCore, dialplan: ScriptedDialplan, originator: Originator) -> None:
    started = originator.start(Originate(Destination("Local", "100@default"), application="Echo"))
    core.clock.advance(0)
    (second,) = dialplan.started
    second.answer()
    started.channel.send_digit("7")
    assert result_of(start(second.read_digit(1))) == "7"
    second.hangup()


def test_whom_one_half_talks_to_is_who_the_other_is(
    core: FakeCore, dialplan: ScriptedDialplan, originator: Originator
) -> None:
    started = originator.start(Originate(Destination("Local", "100@default"), application="Echo"))
    core.clock.advance(0)
    (second,) = dialplan.started
    second.connected = Connected(id=party_id("200", "Bob"))
    second.indicate(Control.CONNECTED_LINE, second.connected)
    assert (started.channel.caller.id.number, started.channel.caller.id.name) == ("200", "Bob")
    second.hangup()


def test_a_local_channel_to_nowhere_fails_at_once(
    core: FakeCore, dialplan: ScriptedDialplan, originator: Originator
) -> None:
    started = originator.start(Originate(Destination("Local", "nobody@default"), application="Echo"))
    assert not result_of(started.result).success
    assert (result_of(started.result).cause, result_of(started.result).told) == (0, False)
    assert len(core.channels) == 0


@pytest.mark.parametrize(("told", "reason"), [(Control.BUSY, 5), (Control.CONGESTION, 8), (Cause.USER_BUSY, 0)])
def test_reasons_of_failure(core: FakeCore, originator: Originator, told: Control | Cause, reason: int) -> None:
    started = originator.start(Originate(Destination("Fake", "bob"), exten="100"))
    far = core.fake.drivers["bob"][0]
    if isinstance(told, Control):
        far.say(told)
    else:
        far.hang_up(told)
    assert result_of(started.result).reason == reason
    assert len(core.channels) == 0


def test_what_a_channel_originates_is_linked_to_it(core: FakeCore, originator: Originator) -> None:
    alice = core.fake.incoming("alice").channel
    one = originator.create(Originate(Destination("Local", "100@default"), exten="100", requestor=alice))
    assert {channel.linkedid for channel in core.channels} == {alice.linkedid}
    one.hangup()


class AnswersAndHangsUp(ScriptedDialplan):
    """Whose extension answers and ends within the very call that starts it."""

    def start(self, channel: Channel) -> Deferred[None]:
        if channel.name.endswith(";2"):
            channel.answer()
            channel.hangup()
        return super().start(channel)


def test_answered_and_gone_at_once_is_answered(core: FakeCore) -> None:
    dialplan = AnswersAndHangsUp("100@default")
    core.channels.dialplan = dialplan
    originator = Originator(core.channels, core.technologies, lambda: dialplan)
    ended: list[str] = []
    core.bus.subscribe(messages.DialEnded, lambda m: ended.append(m.status))
    started = originator.start(Originate(Destination("Local", "100@default"), application="Echo"))
    core.clock.advance(0)
    assert (result_of(started.result).success, result_of(started.result).reason) == (True, 4)
    assert ended == ["ANSWER"]
    assert len(core.channels) == 0


def test_an_origination_is_forwarded(core: FakeCore, dialplan: ScriptedDialplan, originator: Originator) -> None:
    ended: list[tuple[str, str]] = []
    core.bus.subscribe(messages.DialEnded, lambda m: ended.append((m.status, m.forward)))
    started = originator.start(Originate(Destination("Fake", "bob"), context="default", exten="100", uniqueid="first"))
    bob = core.fake.drivers["bob"][0]
    bob.channel.call_forward = "Fake/carol"
    bob.hang_up(Cause.INTERWORKING)
    assert not bob.channel.alive
    assert not started.result.called
    carol = core.fake.drivers["carol"][0]
    assert carol.channel.max_forwards == bob.channel.max_forwards - 1
    carol.say(Control.ANSWER)
    assert result_of(started.result).success
    assert dialplan.started == [carol.channel]
    assert ended == [("CANCEL", "Fake/carol"), ("ANSWER", "")]


def test_an_origination_is_not_forwarded_for_ever(core: FakeCore, originator: Originator) -> None:
    started = originator.start(Originate(Destination("Fake", "bob"), exten="100"))
    for _ in range(30):
        if started.result.called:
            break
        bob = core.fake.drivers["bob"][-1]
        bob.channel.call_forward = "Fake/bob"
        bob.hang_up(Cause.INTERWORKING)
    assert not result_of(started.result).success
    assert len(core.fake.drivers["bob"]) == 20
    assert len(core.channels) == 0


def test_nobody_answers_in_time(core: FakeCore, originator: Originator) -> None:
    ended: list[str] = []
    core.bus.subscribe(messages.DialEnded, lambda m: ended.append(m.status))
    started = originator.start(Originate(Destination("Fake", "bob"), exten="100", timeout=5))
    core.fake.drivers["bob"][0].say(Control.RINGING)
    core.clock.advance(5.1)
    assert result_of(started.result).reason == 3
    assert ended == []
    assert len(core.channels) == 0


def test_an_answered_call_enters_the_dialplan_where_it_was_told(
    core: FakeCore, dialplan: ScriptedDialplan, originator: Originator
) -> None:
    originator.start(Originate(Destination("Fake", "bob"), context="default", exten="100", variables=[("A", "1")]))
    core.fake.drivers["bob"][0].say(Control.ANSWER)
    (channel,) = dialplan.started
    assert (channel.context, channel.exten, channel.priority) == ("default", "100", 1)
    assert channel.get_variable("A") == "1"


def test_unknown_applications_and_ids_in_use_are_refused(core: FakeCore, originator: Originator) -> None:
    with pytest.raises(OriginateError, match="Nonsense"):
        originator.start(Originate(Destination("Fake", "bob"), application="Nonsense"))
    originator.start(Originate(Destination("Fake", "bob"), exten="100", uniqueid="mine"))
    with pytest.raises(OriginateError, match="mine"):
        originator.start(Originate(Destination("Fake", "bob"), exten="100", uniqueid="mine"))


def test_redirecting_a_dialled_channel_gives_it_a_dialplan(core: FakeCore, dialplan: ScriptedDialplan) -> None:
    alice, bob = core.fake.incoming("alice"), core.fake.incoming("bob")
    alice.channel.owner, bob.channel.owner = "pbx", "dial"
    call = start(core.bridges.call(alice.channel, bob.channel))
    bob.channel.redirect("default", "100", 1)
    assert dialplan.started == [bob.channel]
    assert bob.channel.yanked
    assert call.called
    assert not alice.channel.interrupted

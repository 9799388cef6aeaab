"""The registry of applications: who hears what."""

from __future__ import annotations

import pytest

from pbx.core.messages import ChannelCreated, VariableSet
from pbx.stasis.applications import StasisApplications
from pbx.stasis.errors import BadFilter, BadName, BadSource, UnknownApplication, UnknownSource
from pbx.stasis.events import StasisEvent
from pbx.testing.core import FakeCore
from pbx.testing.stasis import KeptEvents


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def applications(core: FakeCore) -> StasisApplications:
    return StasisApplications(core.bus, core.channels, core.bridges, core.technologies)


def event(kind: str, *sources: str) -> StasisEvent:
    return StasisEvent(kind, 1.0, (), sources)


def test_an_event_reaches_the_subscribers_of_its_source_only(core: FakeCore, applications: StasisApplications) -> None:
    one, two = KeptEvents(), KeptEvents()
    applications.register("one", one)
    applications.register("two", two)
    channel = core.fake.incoming("alice").channel
    applications.subscribe("one", [f"channel:{channel.uniqueid}"])
    applications.publish(event("ChannelVarset", f"channel:{channel.uniqueid}"))
    assert one.types == ["ChannelVarset"]
    assert two.types == []


def test_an_event_with_two_subscribed_sources_comes_once(core: FakeCore, applications: StasisApplications) -> None:
    sink = KeptEvents()
    applications.register("one", sink)
    channel, bridge = core.fake.incoming("alice").channel, core.bridges.create()
    sources = [f"channel:{channel.uniqueid}", f"bridge:{bridge.id}"]
    applications.subscribe("one", sources)
    applications.publish(event("ChannelEnteredBridge", *sources))
    assert sink.types == ["ChannelEnteredBridge"]


def test_a_scheme_alone_stands_for_all_of_that_kind(applications: StasisApplications) -> None:
    sink = KeptEvents()
    applications.register("one", sink)
    applications.subscribe("one", ["channel:", "endpoint:Fake"])
    applications.publish(event("ChannelCreated", "channel:1"))
    applications.publish(event("BridgeCreated", "bridge:1"))
    applications.publish(event("EndpointStateChange", "endpoint:Fake/alice"))
    assert sink.types == ["ChannelCreated", "EndpointStateChange"]


def test_subscribe_all_hears_everything(applications: StasisApplications) -> None:
    sink = KeptEvents()
    applications.register("one", sink, subscribe_all=True)
    for source in ("channel:1", "bridge:1", "endpoint:Fake/a", "deviceState:x"):
        applications.publish(event("X", source))
    assert len(sink.events) == 4


def test_a_wrong_source_leaves_the_others_unsubscribed(core: FakeCore, applications: StasisApplications) -> None:
    applications.register("one", KeptEvents())
    channel = core.fake.incoming("alice").channel
    good = f"channel:{channel.uniqueid}"
    for wrong, error in (
        ("colour:red", BadSource),
        ("channel:none", UnknownSource),
        ("endpoint:Nope/x", UnknownSource),
    ):
        with pytest.raises(error):
            applications.subscribe("one", [good, wrong])
    found = applications.find("one")
    assert found is not None
    assert found.channel_ids == []
    with pytest.raises(UnknownSource):
        applications.unsubscribe("one", [good])
    with pytest.raises(UnknownApplication):
        applications.subscribe("two", [good])


def test_disallowed_wins_over_allowed(applications: StasisApplications) -> None:
    sink = KeptEvents()
    applications.register("one", sink, subscribe_all=True)
    applications.filter("one", [{"type": "A"}, {"type": "B"}], [{"type": "B"}])
    for kind in "ABC":
        applications.publish(event(kind, "channel:1"))
    assert sink.types == ["A"]
    applications.filter("one", [], [])
    applications.publish(event("B", "channel:1"))
    assert sink.types == ["A", "B"]
    with pytest.raises(BadFilter):
        applications.filter("one", [{"kind": "A"}], None)


def test_who_registers_a_name_takes_it_over(applications: StasisApplications) -> None:
    old, new = KeptEvents(), KeptEvents()
    applications.register("one", old)
    applications.subscribe("one", ["deviceState:x"])
    applications.register("one", new)
    assert old.taken_over == ["one"]
    applications.publish(event("DeviceStateChanged", "deviceState:x"))
    assert (old.types, new.types) == ([], ["DeviceStateChanged"])
    applications.unregister("one", old)
    assert applications.listening("one")
    applications.unregister("one", new)
    assert applications.find("one") is None


@pytest.mark.parametrize("name", ["", "x" * 72])
def test_a_name_is_bounded(applications: StasisApplications, name: str) -> None:
    with pytest.raises(BadName):
        applications.register(name, KeptEvents())


def test_nothing_is_computed_while_nobody_listens(core: FakeCore, applications: StasisApplications) -> None:
    made: list[str] = []

    def make(message: VariableSet) -> None:
        made.append(message.name)

    withdraw = applications.translate(VariableSet, make)
    assert not core.bus.wanted(VariableSet)
    sink = KeptEvents()
    applications.register("one", sink)
    assert core.bus.wanted(VariableSet)
    core.channels.set_global("A", "1")
    applications.unregister("one", sink)
    assert not core.bus.wanted(VariableSet)
    core.channels.set_global("B", "1")
    applications.register("one", sink)
    withdraw()
    core.channels.set_global("C", "1")
    assert made == ["A"]


def test_a_message_is_made_an_event_once_for_all(core: FakeCore, applications: StasisApplications) -> None:
    made: list[str] = []

    def make(message: ChannelCreated) -> StasisEvent:
        made.append(message.channel.name)
        return event("ChannelCreated", f"channel:{message.channel.uniqueid}")

    applications.translate(ChannelCreated, make)
    sinks = [KeptEvents() for _ in range(5)]
    for number, sink in enumerate(sinks):
        applications.register(f"app{number}", sink, subscribe_all=True)
    core.fake.incoming("alice")
    assert len(made) == 1
    assert len({id(sink.events[0][1]) for sink in sinks}) == 1


def test_a_subscription_ends_with_its_channel(core: FakeCore, applications: StasisApplications) -> None:
    applications.register("one", KeptEvents())
    channel = core.fake.incoming("alice").channel
    applications.subscribe("one", [f"channel:{channel.uniqueid}"])
    channel.hangup()
    found = applications.find("one")
    assert found is not None
    assert found.channel_ids == []

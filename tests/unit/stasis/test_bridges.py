"""Bridges of an application: their types, their events, what is heard in them, how they end."""

from __future__ import annotations

import pytest

from pbx.core.bridge.pull import bridge_pulled
from pbx.stasis.errors import BadBridgeType
from pbx.stasis.playback import PlaybackOrder
from pbx.testing.deferreds import result_of, start
from tests.unit.stasis.conftest import Exchange, without_variables


@pytest.mark.parametrize(
    ("types", "technology"),
    [
        ("", "mixing"),
        (" mixing , dtmf_events", "mixing"),
        ("holding,proxy_media", "holding"),
        ("video_sfu", "mixing"),
        ("holding,video_sfu", "mixing"),
        ("holding,mixing", ""),
        ("proxy_media", ""),
        ("conference", ""),
        (",", ""),
    ],
)
def test_types_of_bridges(exchange: Exchange, types: str, technology: str) -> None:
    if not technology:
        with pytest.raises(BadBridgeType):
            exchange.stasis.bridges.create(types, "b1")
        assert exchange.stasis.bridges.find("b1") is None
        return
    assert exchange.stasis.bridges.create(types, "b1").kind == technology


def test_a_bridge_of_two_and_its_events(exchange: Exchange) -> None:
    one, first = exchange.call(resource="one")
    two, second = exchange.call(resource="two")
    bridge = exchange.stasis.bridges.create("mixing", "b1", "room")
    assert bridge.snapshot().type == "stasis"
    first.enter_bridge(bridge, absorb_digits=True)
    second.enter_bridge(bridge)
    application = exchange.stasis.applications.find("hello")
    assert application is not None
    assert application.bridge_ids == ["b1"]
    assert exchange.sink.types.count("BridgeEntered") == 2
    one.far.press("5")
    assert "digit 5" not in two.far.told
    two.far.press("6")
    assert "digit 6" in one.far.told
    two.far.hang_up()
    assert without_variables(exchange.sink.types)[-2:] == ["BridgeLeft", "StasisEnd"]
    assert bridge.channels == [one.channel]
    own = exchange.stasis.bridges.find("b1")
    assert own is not None
    result_of(start(exchange.stasis.bridges.destroy(own)))
    assert one.channel.bridge is None
    assert exchange.stasis.control(one.channel) is first
    assert application.bridge_ids == []


def test_a_playback_to_a_bridge_is_heard_by_all_members_now_and_later(exchange: Exchange) -> None:
    exchange.sounds("hello")
    _one, first = exchange.call(resource="one")
    _two, second = exchange.call(resource="two")
    bridge = exchange.stasis.bridges.create()
    own = exchange.stasis.bridges.find(bridge.id)
    assert own is not None
    first.enter_bridge(bridge)
    exchange.stasis.playbacks.play(own.target, PlaybackOrder(["sound:hello"]))
    second.enter_bridge(bridge)
    inner = f"Announcer/{bridge.id};2"
    for control in (first, second):
        assert (inner, control.channel.name) in exchange.core.switchboard.edges
    assert exchange.sink.types[-1] != "PlaybackFinished"
    result_of(start(exchange.stasis.bridges.destroy(own)))
    assert "PlaybackFinished" in exchange.sink.types
    assert not any(name.startswith("Announcer/") for name in exchange.core.switchboard.legs)


def test_in_a_holding_bridge_only_the_announcer_is_heard(exchange: Exchange) -> None:
    controls = [exchange.call(resource=name)[1] for name in ("speaker", "one", "two")]
    bridge = exchange.stasis.bridges.create("holding")
    for control, role in zip(controls, ("announcer", "participant", ""), strict=True):
        control.enter_bridge(bridge, role=role)
    speaker, one, two = (control.channel.name for control in controls)
    assert exchange.core.switchboard.edges == {(speaker, one), (speaker, two)}


def test_a_bridge_that_somebody_else_ends_leaves_nothing(exchange: Exchange) -> None:
    exchange.sounds("hello")
    _call, control = exchange.call()
    bridge = exchange.stasis.bridges.create("", "b1")
    own = exchange.stasis.bridges.find("b1")
    assert own is not None
    control.enter_bridge(bridge)
    exchange.stasis.playbacks.play(own.target, PlaybackOrder(["sound:hello"]))
    bridge.dissolve()
    assert exchange.stasis.bridges.find("b1") is None
    assert len(exchange.stasis.playbacks) == 0
    assert not any(name.startswith("Announcer/") for name in exchange.core.switchboard.legs)
    assert exchange.stasis.control(control.channel) is control


def test_a_channel_taken_from_a_bridge_leaves_its_application_listening(exchange: Exchange) -> None:
    call, control = exchange.call()
    bridge = exchange.stasis.bridges.create(bridge_id="room")
    control.enter_bridge(bridge)
    other = exchange.core.fake.incoming("other").channel
    engine = exchange.harness.engine
    taken = start(bridge_pulled(exchange.core.bridges, engine, call.channel, other))
    exchange.core.clock.advance(0)
    assert exchange.sink.types[-1] == "StasisEnd"
    exchange.core.clock.advance(0)
    assert [channel.name for channel in result_of(taken).channels] == [call.channel.name, other.name]
    # Whoever put it into the room still hears of the room, and nothing is left when that is gone.
    assert exchange.stasis.applications.find("hello").bridge_ids == ["room"]  # type: ignore[union-attr]
    bridge.dissolve()
    assert exchange.stasis.applications.find("hello").bridge_ids == []  # type: ignore[union-attr]


def test_a_channel_that_hangs_up_in_a_bridge_leaves_its_application_listening(exchange: Exchange) -> None:
    call, control = exchange.call()
    bridge = exchange.stasis.bridges.create(bridge_id="room")
    control.enter_bridge(bridge)
    call.far.hang_up()
    assert exchange.sink.types[-1] == "StasisEnd"
    assert exchange.stasis.applications.find("hello").bridge_ids == ["room"]  # type: ignore[union-attr]
    second, again = exchange.call()
    again.enter_bridge(bridge)
    bridge.remove(second.channel)
    bridge.dissolve()
    assert exchange.stasis.applications.find("hello").bridge_ids == []  # type: ignore[union-attr]

"""A channel inside Stasis(): how it comes, what is done to it, how it goes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pbx.core.bridge.pull import bridge_pulled
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.dial import Destination
from pbx.core.frames import Control
from pbx.core.messages import (
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelDestroyed,
    DialEnded,
    PlaybackControlled,
    TestEvent,
    VariableSet,
)
from pbx.core.originate import Originate
from pbx.core.states import ChannelState
from pbx.stasis.control import ChannelControl, DigitOrder
from pbx.stasis.errors import BadBridgeType, NameInUse, NotPlaying, WrongState
from pbx.stasis.events import StasisEvent
from pbx.stasis.playback import PlaybackOrder, PlaybackSnapshot
from pbx.stasis.recording import LiveRecordingSnapshot, RecordingOrder
from pbx.stasis.service import Stasis
from pbx.test_events import playback_events
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness
from pbx.testing.stasis import KeptEvents

LUA = """
extensions = { default = {
  ["100"] = function()
    app.Stasis("hello", "one", "two")
    channel.AFTER = channel.STASISSTATUS:get()
    app.Wait(60)
  end,
  ["200"] = function() channel.ELSEWHERE = "yes" app.Wait(60) end,
  h = function() end,
} }
"""


class Exchange:
    """The harness with an application connected."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.harness = harness
        self.core = harness.core
        self.stasis = harness.server.require(Stasis)
        self.sink = KeptEvents()
        self.stasis.applications.register("hello", self.sink)
        self._translate()

    def _translate(self) -> None:
        def about(kind: str, message: Any) -> StasisEvent:
            sources = [f"channel:{message.channel.uniqueid}"]
            if hasattr(message, "bridge"):
                sources.append(f"bridge:{message.bridge.id}")
            return StasisEvent(kind, 0.0, (("message", message),), tuple(sources))

        kinds: tuple[type, ...] = (ChannelCreated, ChannelDestroyed, VariableSet, BridgeEntered, BridgeLeft)
        for kind in kinds:
            self.stasis.applications.translate(kind, partial(about, kind.__name__))

    def call(self, exten: str = "100", resource: str = "phone") -> tuple[DialplanCall, ChannelControl]:
        call = self.harness.call(exten, resource=resource)
        control = self.control(call.channel)
        return call, control

    def control(self, channel: Channel) -> ChannelControl:
        control = self.stasis.control(channel)
        assert control is not None
        return control

    def sounds(self, *names: str) -> None:
        for name in names:
            self.core.switchboard.sounds[name] = Path(f"/sounds/{name}.wav")


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    harness = DialplanHarness(tmp_path, {"extensions.lua": LUA})
    result_of(start(harness.start()))
    made = Exchange(harness)
    yield made
    result_of(start(harness.stop()))


def without_variables(types: list[str]) -> list[str]:
    return [each for each in types if each != "VariableSet"]


def test_stasis_start_has_the_arguments_and_the_channel(exchange: Exchange) -> None:
    call, _control = exchange.call()
    started = exchange.sink.last("StasisStart")
    assert started.get("args") == ["one", "two"]
    assert started.get("channel") == call.channel.snapshot()
    application = exchange.stasis.applications.find("hello")
    assert application is not None
    assert application.channel_ids == [call.channel.uniqueid]


def test_without_an_application_the_dialplan_goes_on_with_status_failed(exchange: Exchange) -> None:
    exchange.stasis.applications.unregister("hello", exchange.sink)
    call = exchange.harness.call("100")
    assert call.variable("AFTER") == "FAILED"


def test_continue_goes_on_at_the_next_step_after_a_last_varset_and_stasis_end(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.leave(None)
    assert call.variable("AFTER") == "SUCCESS"
    assert exchange.sink.types[-2:] == ["VariableSet", "StasisEnd"]
    assert exchange.stasis.control(call.channel) is None


def test_continue_with_a_place_goes_there(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.leave(("default", "200", 1))
    assert call.variable("ELSEWHERE") == "yes"
    assert call.channel.alive
    assert exchange.sink.types[-1] == "StasisEnd"


def test_a_hangup_ends_the_stay_with_stasis_end_last_and_the_first_cause(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.hangup(Cause.USER_BUSY)
    call.far.hang_up(Cause.NORMAL_CLEARING)
    assert call.ended
    assert call.channel.hangup_cause == Cause.USER_BUSY
    assert exchange.sink.types[-1] == "StasisEnd"
    assert len(exchange.stasis) == 0


def test_a_channel_stays_when_its_application_disconnects(exchange: Exchange) -> None:
    call, _control = exchange.call()
    exchange.stasis.applications.unregister("hello", exchange.sink)
    assert call.channel.alive
    assert exchange.stasis.applications.find("hello") is not None
    again = KeptEvents()
    exchange.stasis.applications.register("hello", again)
    call.far.hang_up()
    assert again.types[-1] == "StasisEnd"


def test_an_application_and_its_context_are_gone_after_the_last_channel(exchange: Exchange) -> None:
    engine = exchange.harness.engine
    assert engine.exists("stasis-hello", "anything")
    call, _control = exchange.call()
    exchange.stasis.applications.unregister("hello", exchange.sink)
    assert engine.exists("stasis-hello", "anything")
    call.far.hang_up()
    assert not engine.exists("stasis-hello", "anything")


def test_move_ends_one_application_and_starts_the_other(exchange: Exchange) -> None:
    other = KeptEvents()
    exchange.stasis.applications.register("other", other)
    call, control = exchange.call()
    control.move("nobody", ())
    assert exchange.sink.last("ApplicationMoveFailed").get("destination") == "nobody"
    control.move("other", ("x",))
    assert exchange.sink.types[-1] == "StasisEnd"
    assert other.last("StasisStart").get("args") == ["x"]
    exchange.control(call.channel).leave(None)
    assert call.variable("AFTER") == "SUCCESS"


def test_operations_need_a_channel_that_is_not_ringing(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.require_state()
    call.channel.state = ChannelState.RINGING
    with pytest.raises(WrongState):
        control.require_state()


def test_playbacks_wait_for_each_other_and_tell_their_state(exchange: Exchange) -> None:
    exchange.sounds("hello", "bye")
    _call, control = exchange.call()
    playbacks = exchange.stasis.playbacks
    queued = playbacks.play(control.target, PlaybackOrder(["sound:hello", "sound:bye"], id="p1"))
    assert queued.state == "queued"
    assert queued.next_media_uri == "sound:bye"
    playbacks.play(control.target, PlaybackOrder(["sound:bye"], id="p2"))
    with pytest.raises(NameInUse):
        playbacks.play(control.target, PlaybackOrder(["sound:bye"], id="p2"))
    files = exchange.core.switchboard.playbacks
    for number in range(3):
        assert len(files) == number + 1
        files[number].finish()
    seen = [
        (event.type, value.id, value.state)
        for _, event in exchange.sink.events
        if isinstance(value := event.get("playback"), PlaybackSnapshot)
    ]
    assert seen == [
        ("PlaybackStarted", "p1", "playing"),
        ("PlaybackContinuing", "p1", "continuing"),
        ("PlaybackStarted", "p1", "playing"),
        ("PlaybackFinished", "p1", "done"),
        ("PlaybackStarted", "p2", "playing"),
        ("PlaybackFinished", "p2", "done"),
    ]
    assert len(playbacks) == 0


def test_a_sound_that_is_missing_fails_the_playback(exchange: Exchange) -> None:
    _call, control = exchange.call()
    for media in ("sound:missing", "tone:no-such-tone", "nonsense", "number:x"):
        exchange.stasis.playbacks.play(control.target, PlaybackOrder([media]))
        playback = exchange.sink.last("PlaybackFinished").get("playback")
        assert isinstance(playback, PlaybackSnapshot)
        assert (playback.media_uri, playback.state) == (media, "failed")


def test_numbers_are_spoken_piece_by_piece(exchange: Exchange) -> None:
    exchange.sounds("digits/1", "digits/hundred", "digits/20", "digits/3")
    exchange.core.switchboard.instant = True
    _call, control = exchange.call()
    exchange.stasis.playbacks.play(control.target, PlaybackOrder(["number:123"]))
    assert [each.path.stem for each in exchange.core.switchboard.playbacks] == ["1", "hundred", "20", "3"]


def test_a_playback_is_steered(exchange: Exchange) -> None:
    exchange.sounds("hello")
    _call, control = exchange.call()
    told: list[TestEvent] = []
    exchange.core.bus.subscribe(PlaybackControlled, lambda message: told.extend(playback_events(message)))
    exchange.stasis.playbacks.play(control.target, PlaybackOrder(["sound:hello"], offset_ms=5000, id="p"))
    playback = exchange.stasis.playbacks.find("p")
    assert playback is not None
    files = exchange.core.switchboard.playbacks
    playback.control("forward")
    playback.control("reverse")
    playback.control("restart")
    assert [each.position_ms for each in files] == [5000, 8000, 5000, 0]
    playback.control("pause")
    assert bool(files[-1].paused) is True
    playback.control("unpause")
    assert bool(files[-1].paused) is False
    playback.stop()
    with pytest.raises(NotPlaying):
        playback.control("pause")
    assert exchange.sink.types[-1] == "PlaybackFinished"
    # What test suites hear of it, in Asterisk's words.
    words = ["FastForward", "Rewind", "Break", "Restart", "Break", "Pause", "Unpause", "Break", "Stop"]
    assert [dict(event.fields)["Control"] for event in told] == words
    skipped = {"Channel": control.channel.name, "Control": "FastForward", "SkipMs": "3000"}
    assert (told[0].state, dict(told[0].fields)) == ("PLAYBACK", skipped)


def test_continue_waits_for_the_playback_before_it(exchange: Exchange) -> None:
    exchange.sounds("hello")
    call, control = exchange.call()
    exchange.stasis.playbacks.play(control.target, PlaybackOrder(["sound:hello"]))
    control.leave(None)
    assert exchange.stasis.control(call.channel) is control
    exchange.core.switchboard.playbacks[0].finish()
    assert exchange.stasis.control(call.channel) is None


def test_a_hangup_finishes_playbacks_before_stasis_end(exchange: Exchange) -> None:
    exchange.sounds("hello")
    call, control = exchange.call()
    for _ in range(2):
        exchange.stasis.playbacks.play(control.target, PlaybackOrder(["sound:hello"]))
    call.far.hang_up()
    assert call.ended
    assert without_variables(exchange.sink.types)[-3:] == ["PlaybackFinished", "PlaybackFinished", "StasisEnd"]
    assert len(exchange.stasis.playbacks) == 0


def test_a_recording_ends_at_its_digit_and_tells_its_length(exchange: Exchange) -> None:
    call, control = exchange.call()
    live = exchange.stasis.live
    queued = live.record(control.target, RecordingOrder("mail/one", "wav", terminate_on="#"))
    assert queued.state == "queued"
    recording = exchange.core.switchboard.recordings[0]
    recording.duration_ms = 2600
    with pytest.raises(NameInUse):
        live.record(control.target, RecordingOrder("mail/one", "wav"))
    with pytest.raises(WrongState):
        control.enter_bridge(exchange.stasis.bridges.create())
    call.far.press("1")
    assert bool(recording.stopped) is False
    call.far.press("#")
    assert bool(recording.stopped) is True
    made = exchange.sink.last("RecordingFinished").get("recording")
    assert isinstance(made, LiveRecordingSnapshot)
    assert (made.state, made.duration, made.target_uri) == ("done", 3, f"channel:{call.channel.uniqueid}")
    assert live.find("mail/one") is None


def _silence_ends(exchange: Exchange, order: RecordingOrder, silence_ms: tuple[int, int], stop: bool) -> object:
    _call, control = exchange.call()
    exchange.stasis.live.record(control.target, order)
    recording = exchange.core.switchboard.recordings[-1]
    recording.duration_ms, recording.silence_ms = 9000, silence_ms
    live = exchange.stasis.live.find(order.name)
    assert live is not None
    if stop:
        live.stop()
    else:
        assert recording.silence is not None
        recording.silence[1]()
    made = exchange.sink.last("RecordingFinished").get("recording")
    assert isinstance(made, LiveRecordingSnapshot)
    fields = made.fields()
    return recording.duration_ms, *(fields.get(f"{name}duration") for name in ("", "talking_", "silence_"))


def test_silence_is_counted_and_left_out_at_the_end(exchange: Exchange) -> None:
    order = RecordingOrder("quiet", "wav", max_silence=4)
    # 200 ms of it are kept: silence's own end may be no silence yet.
    assert _silence_ends(exchange, order, (5200, 4200), stop=False) == (5000, 5, 4, 1)
    # What an application stops is kept whole, though its end does not count.
    assert _silence_ends(exchange, order, (5200, 1200), stop=True) == (9000, 8, 4, 4)
    assert _silence_ends(exchange, order, (100, 100), stop=True) == (9000, 9, 9, 0)
    assert _silence_ends(exchange, order, (9900, 9900), stop=True) == (9000, 0, 0, 0)
    assert _silence_ends(exchange, RecordingOrder("plain", "wav"), (0, 0), stop=True) == (9000, 9, None, None)


def test_a_recording_ends_in_time(exchange: Exchange) -> None:
    _call, control = exchange.call()
    exchange.stasis.live.record(control.target, RecordingOrder("r", "wav", max_duration=5))
    exchange.core.clock.advance(5)
    assert exchange.sink.types[-1] == "RecordingFinished"


def test_digits_are_sent_with_their_pauses(exchange: Exchange) -> None:
    call, control = exchange.call()
    call.channel.answer()
    control.send_digits(DigitOrder("12", before=500, between=100, duration=100))

    def sent() -> list[str]:
        return [each for each in call.far.told if each.startswith("digit")]

    assert sent() == []
    exchange.core.clock.advance(0.5)
    assert sent() == ["digit 1"]
    exchange.core.clock.advance(0.1)
    exchange.core.clock.advance(0.1)
    assert sent() == ["digit 1", "digit 2"]
    with pytest.raises(ValueError, match="DTMF"):
        control.send_digits(DigitOrder("12x"))


def test_muting_for_two_reasons_ends_with_both(exchange: Exchange) -> None:
    _call, control = exchange.call()
    leg: Any = control.channel.audio
    control.mute("in")
    control.mute("out", "bridge")
    assert leg.muted == (True, True)
    control.unmute("both", "bridge")
    assert leg.muted == (True, False)
    control.unmute("in")
    assert leg.muted == (False, False)


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


def order(**fields: Any) -> Originate:
    return Originate(Destination("Fake", "bob"), **fields)


def test_an_originated_channel_is_the_applications_from_its_creation(exchange: Exchange) -> None:
    channel = exchange.stasis.originate(order(uniqueid="mine"), "hello", ["a"])
    far = exchange.core.fake.drivers["bob"][-1]
    assert "ChannelCreated" in exchange.sink.types
    assert "StasisStart" not in exchange.sink.types
    far.say(Control.ANSWER)
    assert exchange.sink.last("StasisStart").get("args") == ["a"]
    far.hang_up()
    assert not channel.alive
    assert without_variables(exchange.sink.types)[-2:] == ["StasisEnd", "ChannelDestroyed"]
    application = exchange.stasis.applications.find("hello")
    assert application is not None
    assert application.channel_ids == []


def test_an_originated_channel_goes_on_in_the_dialplan(exchange: Exchange) -> None:
    channel = exchange.stasis.originate(order(), "hello")
    exchange.core.fake.drivers["bob"][-1].say(Control.ANSWER)
    exchange.control(channel).leave(("default", "200", 1))
    assert channel.variables.get("ELSEWHERE") == "yes"


def test_a_created_channel_is_inside_at_once_and_dialled_when_told(exchange: Exchange) -> None:
    ended: list[str] = []
    exchange.core.bus.subscribe(DialEnded, lambda message: ended.append(message.status))
    channel = exchange.stasis.create(order(), "hello")
    assert exchange.sink.types[-1] == "StasisStart"
    control = exchange.control(channel)
    with pytest.raises(WrongState):
        control.require_state()
    far = exchange.core.fake.drivers["bob"][-1]
    assert far.told == []
    control.dial(None, 10)
    assert far.told == ["call"]
    with pytest.raises(WrongState):
        control.dial(None, 10)
    far.say(Control.ANSWER)
    assert ended == ["ANSWER"]
    exchange.core.clock.advance(11)
    assert channel.state is ChannelState.UP
    control.hangup(Cause.NORMAL_CLEARING)
    assert not channel.alive


def test_a_dial_nobody_answers_ends_in_time(exchange: Exchange) -> None:
    ended: list[str] = []
    exchange.core.bus.subscribe(DialEnded, lambda message: ended.append(message.status))
    channel = exchange.stasis.create(order(), "hello")
    exchange.control(channel).dial(None, 10)
    exchange.core.clock.advance(10)
    assert ended == ["NOANSWER"]
    assert channel.hangup_cause == Cause.NO_ANSWER
    assert not channel.alive


def test_a_redirect_from_elsewhere_takes_the_channel_out(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.enter_bridge(exchange.stasis.bridges.create())
    call.channel.redirect("default", "200", 1)
    assert call.variable("ELSEWHERE") == "yes"
    assert exchange.sink.types[-1] == "StasisEnd"
    assert call.channel.bridge is None


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

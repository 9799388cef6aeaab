"""What a channel inside Stasis() hears and says: playbacks, recordings, digits, muting."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.core.messages import (
    PlaybackControlled,
    TestEvent,
)
from pbx.stasis.control import DigitOrder
from pbx.stasis.errors import NameInUse, NotPlaying, WrongState
from pbx.stasis.playback import PlaybackOrder, PlaybackSnapshot
from pbx.stasis.recording import LiveRecordingSnapshot, RecordingOrder
from pbx.test_events import playback_events
from tests.unit.stasis.conftest import Exchange, without_variables


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

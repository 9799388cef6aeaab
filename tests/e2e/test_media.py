"""What a caller hears and says: Echo, Playback, Record, Read, early media."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import assert_heard, assert_not_heard, read_wav, write_tone

pytestmark = pytest.mark.e2e


def _sound(server: Any, name: str, frequency: float, seconds: float, rate: int = 8000) -> None:
    directory = server.path("astdatadir") / "sounds" / "en"
    directory.mkdir(parents=True, exist_ok=True)
    write_tone(directory / f"{name}.wav", frequency, seconds, rate=rate)


@pytest_twisted.ensureDeferred
async def test_echo(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['600'] = function() app.Answer(); app.Echo() end } }"
    )
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("600"))
    await call.confirmed()
    await call.record(tmp_path / "heard.wav")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await phones.sleep(1.7)
    await call.stop_recording()
    assert_heard(tmp_path / "heard.wav", 440, 1.3)
    await call.hangup()
    await call.disconnected()


@pytest_twisted.ensureDeferred
async def test_playback_is_heard_whole_and_in_order(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['601'] = function()"
        " app.Answer(); app.Wait(0.3); app.Playback('one&two'); app.Log('NOTICE', channel.PLAYBACKSTATUS:get()) end } }"
    )
    _sound(server, "one", 440, 0.8)
    _sound(server, "two", 1000, 0.8, rate=16000)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("601"))
    await call.record(tmp_path / "heard.wav")
    await call.confirmed()
    await call.media_state("active")
    while call.state != "DISCONNECTED" and "SUCCESS" not in server.log_text():
        await phones.sleep(0.1)
    await call.stop_recording()
    assert_heard(tmp_path / "heard.wav", 440, 0.72, among=[1000])
    assert_heard(tmp_path / "heard.wav", 1000, 0.72, among=[440])
    await server.wait_log("SUCCESS")


@pytest_twisted.ensureDeferred
async def test_missing_sound_is_named_and_the_call_goes_on(live_server: Any, phones: Any) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['602'] = function()"
        " app.Answer(); app.Playback('no-such-sound'); app.Log('NOTICE', 'played: ' .. channel.PLAYBACKSTATUS:get())"
        " app.Wait(0.3) end } }"
    )
    live_server.allow("no-such-sound")
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("602"))
    await call.confirmed()
    await call.disconnected()
    await server.wait_log("played: FAILED")
    assert "no-such-sound" in server.log_text()


@pytest_twisted.ensureDeferred
async def test_record_writes_what_was_said(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['603'] = function()"
        " app.Answer(); app.Record('@root@/said.wav', 0, 10, 'q'); app.Playback('@root@/said') end } }".replace(
            "@root@", str(tmp_path)
        )
    )
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("603"))
    await call.play(write_tone(tmp_path / "700.wav", 700, 1.0))
    await call.confirmed()
    await call.media_state("active")
    await phones.sleep(1.5)
    await call.stop_playing()
    await call.record(tmp_path / "heard.wav")
    await call.send_dtmf("#")
    await call.disconnected()
    await call.stop_recording()
    assert_heard(tmp_path / "said.wav", 700, 1.0)
    assert read_wav(tmp_path / "said.wav").rate == 8000
    assert_heard(tmp_path / "heard.wav", 700, 1.0)
    await call.hangup()
    await call.disconnected()


@pytest_twisted.ensureDeferred
async def test_read_collects_digits(live_server: Any, phones: Any) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['604'] = function()"
        " app.Answer(); app.Read('DIGITS', 'prompt', 4, '', 1, 5)"
        " app.Log('NOTICE', 'read ' .. channel.DIGITS:get() .. ' ' .. channel.READSTATUS:get())"
        " app.Read('DIGITS', '', 0, '', 1, 5)"
        " app.Log('NOTICE', 'then ' .. channel.DIGITS:get() .. ' ' .. channel.READSTATUS:get())"
        " app.SendDTMF('42'); app.Wait(1) end } }"
    )
    _sound(server, "prompt", 440, 5.0)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("604"))
    await call.confirmed()
    await call.media_state("active")
    await call.send_dtmf("1379")
    await server.wait_log("read 1379 OK")
    await call.send_dtmf("25#")
    await server.wait_log("then 25 OK")
    await call.dtmf("42")
    await call.hangup()


@pytest_twisted.ensureDeferred
async def test_background_is_interrupted_by_an_extension(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(
        extensions="""
extensions = { default = {
  ["605"] = function() app.Answer(); app.Background("menu"); app.WaitExten(5) end,
  ["2"] = function() app.Playback("two") end,
  i = function() app.Log("NOTICE", "invalid " .. channel.INVALID_EXTEN:get()) end,
} }
"""
    )
    _sound(server, "menu", 440, 8.0)
    _sound(server, "two", 1000, 0.8)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("605"))
    await call.confirmed()
    await call.media_state("active")
    await phones.sleep(0.3)
    await call.record(tmp_path / "heard.wav")
    await call.send_dtmf("2")
    await call.disconnected()
    await call.stop_recording()
    assert_heard(tmp_path / "heard.wav", 1000, 0.65, among=[440])

    call = await alice.call(server.sip_uri("605"))
    await call.confirmed()
    await call.media_state("active")
    await call.send_dtmf("9")
    await server.wait_log("invalid 9")
    await call.disconnected()


@pytest_twisted.ensureDeferred
async def test_early_media_is_heard_before_the_answer(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(
        extensions="extensions = { default = { ['606'] = function()"
        " app.Progress(); app.Playback('early,noanswer'); app.Hangup(17) end } }"
    )
    _sound(server, "early", 440, 1.0)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("606"))
    await call.record(tmp_path / "heard.wav")
    await call.ringing()
    assert (await call.response(183)).body
    await phones.sleep(0.9)
    await call.stop_recording()
    assert (await call.disconnected()).code == 486
    assert_heard(tmp_path / "heard.wav", 440, 0.5)
    assert_not_heard(tmp_path / "heard.wav", 1000)

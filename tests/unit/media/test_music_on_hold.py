"""Music on hold: the classes of musiconhold.conf, and who hears what when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbx.config import ConfigLoader
from pbx.core import messages
from pbx.core.frames import Control
from pbx.errors import ConfigError
from pbx.media.music_on_hold import read_musiconhold_conf
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from pbx.testing.fake_media import FakePlayback

LUA = """
extensions = { default = {
  ["music"] = function() app.MusicOnHold("jazz", 5) channel.AFTER = "yes" app.Wait(60) end,
  ["begin"] = function() app.StartMusicOnHold("jazz") app.Wait(5) app.StopMusicOnHold() app.Wait(60) end,
  ["wait"] = function() app.Wait(60) end,
  ["long"] = function() app.MusicOnHold("jazz", channel.LENGTH:get()) channel.AFTER = "yes" app.Wait(60) end,
  h = function() end,
} }
"""
CONF = """
[general]
[default]
mode = files
directory = moh
[jazz]
mode = files
directory = jazz
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[DialplanHarness]:
    harness = DialplanHarness(tmp_path, {"extensions.lua": LUA, "musiconhold.conf": CONF})
    for name in ("moh/a.wav", "moh/b.wav", "jazz/one.wav", "jazz/two.ulaw", "jazz/notes.txt"):
        path = harness.directories.data / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    result_of(start(harness.start()))
    yield harness
    result_of(start(harness.stop()))


class Heard:
    """What managers would hear of music."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.lines: list[str] = []
        bus = harness.core.bus
        bus.subscribe(messages.MusicStarted, lambda m: self.lines.append(f"{m.channel.name} {m.music_class}"))
        bus.subscribe(messages.MusicStopped, lambda m: self.lines.append(f"{m.channel.name} silence"))


def playing(harness: DialplanHarness) -> list[str]:
    return [each.path.name for each in harness.core.switchboard.playbacks if not each.finished.called]


def last(harness: DialplanHarness) -> FakePlayback:
    return harness.core.switchboard.playbacks[-1]


def test_music_on_hold_plays_a_class_for_its_time(harness: DialplanHarness) -> None:
    heard = Heard(harness)
    call = harness.call("music")
    name = call.channel.name
    assert playing(harness) == ["one.wav"]
    assert last(harness).alone
    harness.core.clock.advance(1)
    last(harness).finish()
    assert playing(harness) == ["two.ulaw"]
    harness.core.clock.advance(1)
    last(harness).finish()
    assert playing(harness) == ["one.wav"]
    harness.core.clock.advance(3)
    assert playing(harness) == []
    assert heard.lines == [f"{name} jazz", f"{name} silence"]
    assert call.channel.get_variable("AFTER") == "yes"


@pytest.mark.parametrize("length", ["", "soon", "0", "-1"])
def test_music_on_hold_without_a_time_goes_on(harness: DialplanHarness, length: str) -> None:
    harness.core.channels.globals.set("LENGTH", length)
    call = harness.call("long")
    harness.core.clock.advance(1000)
    assert (playing(harness), call.channel.get_variable("AFTER"), call.ended) == (["one.wav"], None, False)
    assert harness.logged("Invalid MusicOnHold duration 'soon'") is (length == "soon")


def test_music_goes_on_where_it_was_and_ends_with_the_call(harness: DialplanHarness) -> None:
    call = harness.call("wait")
    music = harness.core.channels.music
    assert music is not None
    assert music.start(call.channel, "jazz")
    last(harness).finish()
    last(harness).position_ms = 1234
    music.stop(call.channel)
    assert music.start(call.channel, "jazz")
    assert (playing(harness), last(harness).position_ms) == (["two.ulaw"], 1234)
    call.channel.hangup()
    assert playing(harness) == []


def test_files_with_nothing_in_them_are_not_begun_again_without_end(harness: DialplanHarness) -> None:
    harness.core.switchboard.instant = True
    harness.call("begin")
    assert len(harness.core.switchboard.playbacks) == 2  # each file of the class once
    harness.core.clock.advance(4.9)
    assert len(harness.core.switchboard.playbacks) == 2
    harness.core.clock.advance(60)  # the music has ended after 5 seconds, just before or after another try
    assert len(harness.core.switchboard.playbacks) in {2, 4}


def test_start_music_on_hold_goes_on_at_once(harness: DialplanHarness) -> None:
    harness.call("begin")
    assert playing(harness) == ["one.wav"]
    harness.core.clock.advance(5)
    assert playing(harness) == []


def test_the_channels_own_class_counts_first_and_default_last(harness: DialplanHarness) -> None:
    channel = harness.call("wait").channel
    music = harness.core.channels.music
    assert music is not None
    channel.music_class = "jazz"
    music.start(channel, "default")
    assert playing(harness) == ["one.wav"]
    channel.music_class = "nothing"
    music.start(channel, "neither")
    assert playing(harness) == ["a.wav"]


def test_who_is_put_on_hold_in_a_call_hears_music_until_the_end(harness: DialplanHarness) -> None:
    core = harness.core
    one, two = harness.call("wait", resource="a"), harness.call("wait", resource="b")
    for each in (one, two):
        each.far.conveys_hold = False
    bridge = core.bridges.create(kind="basic", dissolve_on_hangup=True)
    bridge.enter(one.channel)
    bridge.enter(two.channel)
    one.far.say(Control.HOLD, "jazz")
    assert playing(harness) == ["one.wav"]
    assert last(harness).sink is two.channel.audio
    one.far.say(Control.UNHOLD)
    assert playing(harness) == []
    one.far.say(Control.HOLD, "jazz")
    bridge.dissolve()
    assert playing(harness) == []


def test_who_waits_in_a_holding_bridge_hears_music_unless_there_is_an_announcer(harness: DialplanHarness) -> None:
    core = harness.core
    guest, host = harness.call("wait", resource="a").channel, harness.call("wait", resource="b").channel
    bridge = core.bridges.create(kind="holding")
    bridge.enter(guest)
    assert playing(harness) == ["a.wav"]
    bridge.enter(host, role="announcer")
    assert playing(harness) == []
    bridge.remove(host)
    assert playing(harness) == ["a.wav"]
    bridge.remove(guest)
    assert playing(harness) == []


def read(tmp_path: Path, text: str) -> Callable[[], object]:
    (tmp_path / "musiconhold.conf").write_text(text)
    return lambda: read_musiconhold_conf(ConfigLoader(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[default]\nmode = files\n", r"musiconhold.conf.*1.*directory"),
        ("[default]\nmode = custom\napplication = /bin/x\n", r"musiconhold.conf.*2.*mode"),
        ("[default]\nmode = playlist\n", r"entry"),
        ("[default]\ndirectory = moh\nsorting = alpha\n", r"musiconhold.conf.*3.*sorting"),
    ],
)
def test_a_wrong_class_names_its_line(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        read(tmp_path, text)()


def test_without_a_file_there_is_the_music_that_ships(tmp_path: Path) -> None:
    settings = read_musiconhold_conf(ConfigLoader(tmp_path), tmp_path)
    assert [path.name for path in settings.classes["default"].files] == ["obelisk-lantern.wav"]

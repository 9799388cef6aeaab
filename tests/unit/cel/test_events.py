"""What is logged of a channel, in which order, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pbx.cel import CelEngine, CelEvent, CelType
from pbx.cel.backends import CelLogged
from pbx.cel.layout import legacy_layout, section_layout
from pbx.config import ConfigLoader
from pbx.core import messages
from pbx.core.frames import Control
from pbx.errors import ConfigError
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

PLAN = """
extensions = { default = {
  dial = function() app.Dial("Fake/a", 20) end,
  user = function() app.CELGenUserEvent("mine", "some, more") app.CELGenUserEvent() end,
  wait = function() app.Answer() app.Wait(9) end,
} }
"""
ALL = "[general]\nenable = yes\nevents = ALL\napps = dial\n"


class Journal:
    """The exchange and the events it has logged."""

    def __init__(self, directory: Path, conf: str, **files: str) -> None:
        texts = {"extensions.lua": PLAN, **{name.replace("_conf", ".conf"): text for name, text in files.items()}}
        if conf:
            texts["cel.conf"] = conf
        self.harness = DialplanHarness(directory, texts)
        result_of(start(self.harness.start()))
        self.engine = self.harness.server.require(CelEngine)
        self.events: list[CelEvent] = []
        self.engine.add_backend("test", self.events.append)

    def told(self) -> list[tuple[str, str]]:
        """Each event with the device of its channel."""
        return [(event.event_name, event.channel.name.rpartition("-")[0]) for event in self.events]


Begin = Callable[..., Journal]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Begin]:
    made: list[Journal] = []

    def make(conf: str = ALL, **files: str) -> Journal:
        one = Journal(tmp_path / f"etc{len(made)}", conf, **files)
        made.append(one)
        return one

    yield make
    for one in made:
        result_of(start(one.harness.stop()))


def answered(one: Journal) -> Any:
    call = one.harness.call("dial")
    one.harness.core.clock.advance(1)
    far = one.harness.core.fake.drivers["a"][-1]
    far.say(Control.ANSWER)
    one.harness.core.clock.advance(2)
    far.hang_up()
    return call


def test_a_call_of_two(journal: Begin) -> None:
    one = journal()
    call = answered(one)
    assert one.told() == [
        ("CHAN_START", "Fake/phone"),
        ("APP_START", "Fake/phone"),
        ("CHAN_START", "Fake/a"),
        ("ANSWER", "Fake/a"),
        ("ANSWER", "Fake/phone"),
        ("BRIDGE_ENTER", "Fake/a"),
        ("BRIDGE_ENTER", "Fake/phone"),
        ("BRIDGE_EXIT", "Fake/a"),
        ("BRIDGE_EXIT", "Fake/phone"),
        ("HANGUP", "Fake/a"),
        ("CHAN_END", "Fake/a"),
        ("APP_END", "Fake/phone"),
        ("HANGUP", "Fake/phone"),
        ("CHAN_END", "Fake/phone"),
        ("LINKEDID_END", "Fake/phone"),
    ]
    far = one.events[2].channel.name
    hangup = json.loads(one.events[12].extra)
    assert hangup == {"hangupcause": 16, "hangupsource": far, "dialstatus": "ANSWER"}
    assert one.events[6].peer == far
    assert json.loads(one.events[6].extra)["bridge_technology"] == "simple_bridge"
    assert {event.channel.linkedid for event in one.events} == {call.channel.uniqueid}


@pytest.mark.parametrize(("kind", "key"), [("bridge", "bridge2_id"), ("application", "app")])
def test_an_attended_transfer(journal: Begin, kind: str, key: str) -> None:
    one = journal()
    channel = one.harness.call("wait").channel
    bridge = one.harness.core.bridges.create().snapshot()
    first, second = channel.snapshot(), one.harness.call("wait").channel.snapshot()
    bus = one.harness.core.bus
    bus.publish(messages.AttendedTransferred("Fail", first, None, second, None))
    done = messages.AttendedTransferred("Success", first, None, second, bridge, target=first)
    bus.publish(replace(done, bridge="it") if kind == "bridge" else replace(done, application="it"))
    logged = [event for event in one.events if event.event_name == "ATTENDEDTRANSFER"]
    assert [event.channel.name for event in logged] == [second.name]
    extra = json.loads(logged[0].extra)
    assert list(extra)[:4] == ["bridge1_id", "channel2_name", "channel2_uniqueid", key]
    assert (extra["bridge1_id"], extra["channel2_name"]) == (bridge.id, first.name)
    assert (extra["transferee_channel_name"], extra["transfer_target_channel_name"]) == ("N/A", first.name)


def test_only_what_is_tracked(journal: Begin) -> None:
    one = journal("[general]\nenable = yes\nevents = ANSWER, HANGUP, APP_START\napps = wait\n")
    answered(one)
    assert [name for name, _ in one.told()] == ["ANSWER", "ANSWER", "HANGUP", "HANGUP"]
    assert not one.harness.core.bus.wanted(messages.DigitEnded)


def test_digits_and_events_of_the_dialplan(journal: Begin) -> None:
    one = journal("[general]\nenable = yes\nevents = DTMF, USER_DEFINED\n")
    call = one.harness.call("wait")
    call.far.press("5", 80)
    one.harness.call("user")
    digit, user = one.events
    assert (digit.kind, digit.name, digit.extra) == (CelType.DTMF, "Received", '{"digit":"5","duration_ms":80}')
    assert (user.event_name, user.kind.value, user.extra) == ("mine", "USER_DEFINED", '{"extra":"some, more"}')


def test_a_forwarded_call(journal: Begin) -> None:
    one = journal("[general]\nenable = yes\nevents = FORWARD\n")
    one.harness.call("dial")
    far = one.harness.core.fake.drivers["a"][-1]
    far.channel.call_forward = "Fake/b"
    far.hang_up()
    assert [(event.kind, event.extra) for event in one.events] == [(CelType.FORWARD, '{"forward":"Fake/b"}')]


@pytest.mark.parametrize("conf", ["", "[general]\nenable = no\nevents = ALL\n", "[general]\nevents = ALL\n"])
def test_no_events_and_no_cost(journal: Begin, conf: str) -> None:
    one = journal(conf, cdr_conf="[general]\nenable = no\n")
    answered(one)
    assert one.events == []
    assert not one.harness.core.bus.wanted(messages.BridgeLeft)


def test_a_reload_turns_it_on_in_the_middle_of_a_call(journal: Begin) -> None:
    one = journal("")
    call = one.harness.call("wait")
    one.harness.write("cel.conf", ALL)
    result_of(start(one.harness.server.modules.reload("cel")))
    call.far.hang_up()
    assert [name for name, _ in one.told()] == ["HANGUP", "CHAN_END", "LINKEDID_END"]


@pytest.mark.parametrize("line", ["events = NOTHING", "colour = red"])
def test_a_wrong_file_names_its_line(journal: Begin, line: str) -> None:
    from pbx.cel.settings import read_cel_conf

    one = journal()
    one.harness.write("cel.conf", f"[general]\nenable = yes\n{line}\n")
    one.harness.server.config.forget()
    with pytest.raises(ConfigError, match=r"cel\.conf:3"):
        read_cel_conf(one.harness.server.config)


MASTER = (
    "[mappings]\nMaster.csv => ${CSV_QUOTE(${eventtype})},${eventtime},${CSV_QUOTE(${CALLERID(num)})},"
    "${CHANNEL(exten)},${CSV_QUOTE(${CHANNEL(appdata)})},${BRIDGEPEER},x\n"
)
SECTION = '[own.csv]\nfields = EventType,EventTime(%Y),"A, b",Num(noquote),AMAFlags(amaflags),AppData\n'


def test_files_with_layouts_of_their_own(journal: Begin) -> None:
    one = journal(
        "[general]\nenable = yes\nevents = CHAN_START\n",
        cel_custom_conf=MASTER + SECTION + "[own.json]\nformat = json\nfields = EventType,Num,EventTime(int64)\n",
    )
    one.harness.call("wait")
    directory = one.harness.directories.log / "cel-custom"
    assert (directory / "Master.csv").read_text() == '"CHAN_START",1700000000.000000,"",s,"",,x\n'
    own = (directory / "own.csv").read_text()
    assert own.startswith('"CHAN_START","2023","A, b",,"DOCUMENTATION",')
    assert json.loads((directory / "own.json").read_text()) == {
        "eventtype": "CHAN_START",
        "num": "",
        "eventtime": 1_700_000_000,
    }


@pytest.mark.parametrize(
    "text", ["${CHANNEL(colour)}", "${CALLERID(exten)}", "${nothing}", "${CSV_QUOTE(${SHELL(x)})}", "${broken"]
)
def test_expressions_that_say_nothing_of_an_event(text: str) -> None:
    with pytest.raises(ValueError, match=r"says? nothing|expression"):
        legacy_layout(text, "")


@pytest.mark.parametrize(
    "lines",
    [
        "fields = colour",
        "fields =",
        "fields = EventType\nformat = xml",
        "fields = EventType\nquoting_method = some",
        "fields = EventType\nseparator_character = ab",
        "fields = Num(int64)",
    ],
)
def test_sections_that_are_wrong(tmp_path: Path, lines: str) -> None:
    (tmp_path / "cel_custom.conf").write_text(f"[own.csv]\n{lines}\n")
    section = ConfigLoader(tmp_path).load("cel_custom.conf").section("own.csv")
    assert section is not None
    with pytest.raises(ValueError, match=r".+"):
        section_layout(section, "")


def test_the_manager_s_events(journal: Begin) -> None:
    told: list[CelLogged] = []
    one = journal(ALL + "[manager]\nenabled = yes\nshow_user_defined = yes\n")
    one.harness.core.bus.subscribe(CelLogged, told.append)
    one.harness.call("user")
    assert {each.show_user_defined for each in told} == {True}
    assert "USER_DEFINED" in [each.event.kind.value for each in told]
    assert list(journal(ALL).engine.backends) == ["test"]


def test_the_console(journal: Begin) -> None:
    one = journal(ALL + "[manager]\nenabled = yes\n")
    lines = str(result_of(start(one.harness.server.cli.run("cel show status"))).output).splitlines()
    assert lines[:3] == ["CEL Logging: Enabled", "CEL Tracking Event: CHAN_START", "CEL Tracking Event: CHAN_END"]
    assert lines[-3:] == [
        "CEL Tracking Application: dial",
        "CEL Event Subscriber: Manager Event Logging",
        "CEL Event Subscriber: test",
    ]
    off = journal("")
    assert str(result_of(start(off.harness.server.cli.run("cel show status"))).output) == "CEL Logging: Disabled\n"

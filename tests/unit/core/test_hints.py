"""Hints: their state and presence, who is told of changes, and what a new dialplan makes of them."""

from __future__ import annotations

import re

import pytest

from pbx.core import hints as hints_module
from pbx.core import messages
from pbx.core.device_state import DeviceState
from pbx.core.hints import HintPlace, HintUpdate, split_hint
from pbx.core.presence import Presence, PresenceState
from pbx.testing.core import FakeCore


class Plan:
    """A dialplan of one context, ``default``, whose only pattern is ``_2XX``."""

    def __init__(self, core: FakeCore) -> None:
        self.core = core
        self.entries: dict[str, str] = {}
        self.states: dict[str, DeviceState] = {}
        self.sums = 0
        self.told: list[str] = []
        core.hints.finder = self
        core.devices.add_provider("D", self._state)
        core.presences.add_provider("P", lambda name: Presence(PresenceState.AWAY, "", name))
        core.bus.subscribe(messages.ExtensionStateChanged, lambda m: self.told.append(f"{m.exten} {m.state} {m.hint}"))
        core.bus.subscribe(
            messages.ExtensionPresenceChanged, lambda m: self.told.append(f"{m.exten} {m.presence.state.text}")
        )

    def _state(self, name: str) -> DeviceState:
        self.sums += 1
        return self.states.get(name, DeviceState.NOT_INUSE)

    def find_hint(self, context: str, exten: str) -> HintPlace | None:
        if context != "default":
            return None
        if exten in self.entries:
            return HintPlace(context, exten, self.entries[exten])
        if "_2XX" in self.entries and re.fullmatch("2[0-9]{2}", exten):
            return HintPlace(context, "_2XX", self.entries["_2XX"])
        return None

    def expand_hint(self, context: str, exten: str, text: str) -> str:
        return text.replace("${EXTEN}", exten)

    def load(self, **entries: str) -> None:
        self.entries = {name.lstrip("x"): text for name, text in entries.items()}
        self.core.hints.load({"default": self.entries.items()})

    def set(self, name: str, state: DeviceState) -> None:
        self.states[name] = state
        self.core.devices.set(f"D:{name}", state)


@pytest.fixture
def plan(core: FakeCore) -> Plan:
    return Plan(core)


def test_the_parts_of_a_hint() -> None:
    assert split_hint("PJSIP/a&Custom:b,CustomPresence:c(Ann Other)") == (
        "PJSIP/a&Custom:b,CustomPresence:c",
        ("PJSIP/a", "Custom:b"),
        "CustomPresence:c",
        "Ann Other",
    )
    assert split_hint(",CustomPresence:c") == (",CustomPresence:c", ("",), "CustomPresence:c", "")
    assert split_hint("PJSIP/a") == ("PJSIP/a", ("PJSIP/a",), "", "")


def test_a_device_changes_the_extensions_that_name_it(core: FakeCore, plan: Plan) -> None:
    plan.load(x100="D:a&D:b", x101="D:c")
    plan.told.clear()
    plan.sums = 0
    plan.set("a", DeviceState.INUSE)
    plan.set("a", DeviceState.INUSE)
    assert plan.told == ["100 1 D:a&D:b"]
    assert plan.sums == 2
    plan.set("b", DeviceState.RINGING)
    assert plan.told[1:] == ["100 9 D:a&D:b"]
    assert core.hints.state("default", "100") == 9
    assert core.hints.state("default", "999") == -1
    assert core.hints.state("other", "100") == -1


def test_a_new_hint_is_told_of(plan: Plan) -> None:
    plan.load(x100="D:a", x101="None/such")
    assert plan.told == ["100 0 D:a", "101 4 None/such"]


def test_presence_in_a_hint(core: FakeCore, plan: Plan) -> None:
    plan.load(x100="D:a,P:bob", x101="D:a")
    assert core.hints.presence("default", "100") == Presence(PresenceState.AWAY, "", "bob")
    assert core.hints.presence("default", "101") == Presence(PresenceState.NOT_SET)
    assert core.hints.presence("default", "102") is None
    plan.told.clear()
    core.presences.changed("P:bob", Presence(PresenceState.DND))
    core.presences.changed("P:bob", Presence(PresenceState.DND))
    assert plan.told == ["100 dnd"]


def test_watchers_of_one_extension(core: FakeCore, plan: Plan) -> None:
    plan.load(x100="D:a&D:b")
    plain: list[HintUpdate] = []
    extended: list[HintUpdate] = []
    leave = core.hints.watch("default", "100", plain.append)
    core.hints.watch("default", "100", extended.append, extended=True)
    assert core.hints.watch("default", "1", plain.append) is None
    plan.set("a", DeviceState.RINGING)
    plan.set("b", DeviceState.RINGING)
    assert [each.state for each in plain] == [8]
    assert [each.state for each in extended] == [8, 8]
    assert extended[-1].devices == (("D:a", DeviceState.RINGING), ("D:b", DeviceState.RINGING))
    assert plain[0] is extended[0]
    assert leave is not None
    leave()
    plan.set("a", DeviceState.NOT_INUSE)
    plan.set("b", DeviceState.NOT_INUSE)
    assert len(plain) == 1


def test_a_failing_watcher_hurts_nobody(core: FakeCore, plan: Plan) -> None:
    plan.load(x100="D:a")
    seen: list[HintUpdate] = []

    def fails(_update: HintUpdate) -> None:
        raise RuntimeError("mine")

    core.hints.watch("default", "100", fails)
    core.hints.watch("default", "100", seen.append)
    plan.set("a", DeviceState.INUSE)
    assert len(seen) == 1


def test_a_reload_keeps_changes_and_removes(core: FakeCore, plan: Plan) -> None:
    plan.load(x100="D:a", x101="D:b", x102="D:c")
    seen: list[str] = []
    for exten in ("100", "101", "102"):
        core.hints.watch("default", exten, lambda each: seen.append(f"{each.exten} {each.reason} {each.state}"))
    plan.set("b", DeviceState.INUSE)
    plan.told.clear()
    seen.clear()
    plan.load(x100="D:b", x101="D:b")
    assert plan.told == ["100 1 D:b", "102 -2 "]
    assert seen == ["100 device 1", "102 removed -2"]
    plan.set("b", DeviceState.NOT_INUSE)
    assert seen[2:] == ["101 device 0", "100 device 0"]


def test_a_pattern_becomes_hints_as_they_are_asked_for(core: FakeCore, plan: Plan) -> None:
    plan.load(_2XX="D:${EXTEN}")
    assert [hint.pattern for hint in core.hints] == [True]
    plan.set("201", DeviceState.BUSY)
    assert plan.told == []
    assert core.hints.state("default", "201") == 2
    assert plan.told == ["201 2 D:201"]
    assert sorted(hint.exten for hint in core.hints) == ["201", "_2XX"]
    plan.set("201", DeviceState.INUSE)
    assert plan.told[1:] == ["201 1 D:201"]


def test_an_extension_of_a_pattern_outlives_a_reload_while_somebody_watches(core: FakeCore, plan: Plan) -> None:
    plan.load(_2XX="D:${EXTEN}")
    seen: list[str] = []
    core.hints.watch("default", "201", lambda each: seen.append(each.reason))
    core.hints.state("default", "202")
    plan.load(_2XX="D:${EXTEN}")
    assert sorted(hint.exten for hint in core.hints) == ["201", "_2XX"]
    plan.set("201", DeviceState.INUSE)
    assert seen == ["device"]
    plan.load(x201="D:other")
    assert seen == ["device", "device"]
    plan.load()
    assert seen == ["device", "device", "removed"]
    assert len(core.hints) == 0


def test_extensions_of_patterns_are_bounded(core: FakeCore, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints_module, "MAX_INSTANCES", 5)
    plan.load(_2XX="D:${EXTEN}")
    core.hints.watch("default", "299", lambda _each: None)
    for number in range(200, 250):
        core.hints.state("default", str(number))
        assert len(core.hints) <= 7
    assert any(hint.exten == "299" for hint in core.hints)


def test_the_bus_is_read_while_there_are_hints(core: FakeCore, plan: Plan) -> None:
    assert not core.bus.wanted(messages.DeviceStateChanged)
    plan.load(x100="D:a")
    assert core.bus.wanted(messages.DeviceStateChanged)
    plan.load()
    assert not core.bus.wanted(messages.DeviceStateChanged)

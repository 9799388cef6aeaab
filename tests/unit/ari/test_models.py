"""JSON of the core's values has the fields of the models, and bus messages become events with theirs."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ari.documents import Documents
from ari.events import Translator
from ari.models import EndpointSnapshot, Models, Moment, pretty, to_bytes
from ari.resources import RESOURCES
from ari.schemas import MODELS, SUBTYPES, all_fields
from pbx.core import messages
from pbx.core.frames import DigitEnd
from pbx.core.party import Caller, party_id
from pbx.core.states import ChannelState
from pbx.stasis.applications import StasisApplications
from pbx.stasis.events import StasisEvent
from pbx.testing.core import FakeCore


def names(model: str, *, required: bool = False) -> set[str]:
    return {field.name for field in all_fields(MODELS[model]) if field.required or not required}


def test_a_channel_is_encoded_once_a_snapshot() -> None:
    core = FakeCore()
    channel = core.channels.create("Fake", 'Fake/"quoted"-1')
    channel.caller = Caller(party_id("100", "Änn"))
    channel.changed()
    models = Models()
    text = models.text(channel.snapshot())
    value = json.loads(text)
    assert names("Channel", required=True) <= set(value) <= names("Channel")
    assert value["name"] == 'Fake/"quoted"-1'
    assert value["caller"] == {"name": "Änn", "number": "100"}
    assert value["connected"] == {"name": "", "number": ""}
    assert value["dialplan"] == {"context": "default", "exten": "s", "priority": 1, "app_name": "", "app_data": ""}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}", value["creationtime"])
    assert models.text(channel.snapshot()) is text
    channel.set_state(ChannelState.UP)
    assert json.loads(models.text(channel.snapshot()))["state"] == "Up"


def test_channelvars_are_read_each_time() -> None:
    core = FakeCore()
    channel = core.channels.create("Fake", "Fake/a-1")
    models = Models(("COLOUR",), lambda _snapshot, name: channel.get_variable(name) or "")
    for colour in ("red", "blue"):
        channel.set_variable("COLOUR", colour)
        assert json.loads(models.text(channel.snapshot()))["channelvars"] == {"COLOUR": colour}


def test_a_bridge_and_an_endpoint() -> None:
    core = FakeCore()
    bridge = json.loads(Models().text(core.bridges.create(name="Room").snapshot()))
    assert names("Bridge", required=True) <= set(bridge) <= names("Bridge")
    assert bridge["bridge_type"] == "mixing"
    endpoint = json.loads(Models().text(EndpointSnapshot("PJSIP", "alice", "online", ("1",))))
    assert set(endpoint) == names("Endpoint")


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, 'a\n"\\ü\u2028', [1, "a", None], {"a": {"b": [True]}}, (), {"\n": "\x00"}]
)
def test_other_values(value: Any) -> None:
    text = Models().text(value)
    expected = list(value) if isinstance(value, tuple) else value
    assert json.loads(text) == expected
    assert json.loads(pretty(text)) == expected


def test_text_that_is_none() -> None:
    assert to_bytes(Models().text("a\udcffb")) == b'"a?b"'


def test_moments_on_both_sides_of_a_second() -> None:
    models = Models()
    texts = [json.loads(models.text(Moment(1_700_000_000 + fraction))) for fraction in (0.0, 0.9999, 1.25)]
    assert [text[19:23] for text in texts] == [".000", ".999", ".250"]


# Events


class Ear:
    """A sink that checks every event against its model."""

    def __init__(self) -> None:
        self.events: list[StasisEvent] = []

    def deliver(self, application: str, event: StasisEvent) -> None:
        assert application == "app"
        shown = {name: value for name, value in event.fields if value is not None}
        model = MODELS[event.type]
        assert {field.name for field in model.fields if field.required} <= set(shown), event.type
        assert set(shown) <= {field.name for field in model.fields}, event.type
        json.loads(Models().object(shown))
        self.events.append(event)

    def replaced(self, application: str) -> None:
        raise AssertionError(application)

    def take(self, *, devices: bool = False) -> list[str]:
        """Types of the events so far; those of devices only where they are asked for, and then their states."""
        if devices:
            found = [cast("Any", event.get("device_state")) for event in self.events if event.get("device_state")]
            types = [f"{each['name']} {each['state']}" for each in found]
        else:
            types = [event.type for event in self.events if event.get("device_state") is None]
        self.events.clear()
        return types


class Exchange:
    """A core with a translator and an application that hears of everything."""

    def __init__(self, *, subscribe_all: bool = True) -> None:
        self.core = FakeCore()
        core = self.core
        self.applications = StasisApplications(core.bus, core.channels, core.bridges, core.technologies)
        server = SimpleNamespace(
            clock=core.clock, channels=core.channels, technologies=core.technologies, find=lambda _kind: None
        )
        Translator(cast("Any", server), self.applications).register()
        self.ear = Ear()
        self.applications.register("app", self.ear, subscribe_all=subscribe_all)


def test_the_life_of_a_channel() -> None:
    exchange = Exchange()
    core, ear = exchange.core, exchange.ear
    channel = core.fake.request(_request(core))
    assert ear.take() == ["ChannelCreated"]
    channel.set_state(ChannelState.UP)
    channel.set_application("Playback", "beep")
    channel.caller = Caller(party_id("100"))
    channel.changed()
    channel.set_variable("A", "b")
    channel.queue_frame(DigitEnd("5", 120))
    types = ear.take()
    assert types[0] == "ChannelStateChange"
    assert [each for each in types if each != "ChannelDialplan"] == [
        "ChannelStateChange",
        "ChannelCallerId",
        "ChannelVarset",
        "ChannelDtmfReceived",
    ]
    channel.request_hangup(21)
    channel.hangup()
    types = ear.take()
    assert types[0] == "ChannelHangupRequest"
    assert types[-1] == "ChannelDestroyed"


def _request(core: FakeCore) -> Any:
    from pbx.core.technology import ChannelRequest

    return ChannelRequest("somebody", uniqueid="c-1")


def test_bridges_dials_and_user_events() -> None:
    exchange = Exchange()
    core, ear = exchange.core, exchange.ear
    channel = core.fake.request(_request(core))
    bridge = core.bridges.create()
    bridge.enter(channel)
    bridge.remove(channel)
    bridge.dissolve()
    types = [each for each in ear.take() if "Bridge" in each]
    assert types == ["BridgeCreated", "ChannelEnteredBridge", "ChannelLeftBridge", "BridgeDestroyed"]
    snapshot = channel.snapshot()
    for message, kind in (
        (messages.DialBegan(None, snapshot, "Fake/a"), "Dial"),
        (messages.DialStateChanged(None, snapshot, "RINGING"), "Dial"),
        (messages.DialEnded(snapshot, snapshot, "ANSWER"), "Dial"),
        (messages.HoldChanged(snapshot, True, "default"), "ChannelHold"),
        (messages.HoldChanged(snapshot, False), "ChannelUnhold"),
        (messages.UserEvent("U", (("a", "b"),), snapshot), "ChannelUserevent"),
        (messages.BlindTransferred("Success", snapshot, None, None, "c", "e"), "BridgeBlindTransfer"),
        (messages.AttendedTransferred("Fail", snapshot, None, snapshot, None), "BridgeAttendedTransfer"),
        (messages.VariableSet(None, "G", "1"), "ChannelVarset"),
    ):
        core.bus.publish(message)
        assert ear.take() == [kind]


def test_states_of_devices() -> None:
    exchange = Exchange(subscribe_all=False)
    core, ear = exchange.core, exchange.ear
    exchange.applications.subscribe("app", ["deviceState:Fake/somebody", "deviceState:Stasis:a"])
    channel = core.fake.request(_request(core))
    for state in (ChannelState.RINGING, ChannelState.UP):
        channel.set_state(state)
        channel.set_application("Wait", "1")
        core.clock.advance(0)
    channel.hangup()
    core.clock.advance(0)
    core.bus.publish(messages.DeviceStateChanged("Stasis:a", "INUSE"))
    assert ear.take(devices=True) == [
        "Fake/somebody RINGING",
        "Fake/somebody INUSE",
        "Fake/somebody NOT_INUSE",
        "Stasis:a INUSE",
    ]


def test_nothing_is_made_of_what_nobody_asked_for() -> None:
    exchange = Exchange(subscribe_all=False)
    channel = exchange.core.fake.request(_request(exchange.core))
    channel.set_state(ChannelState.UP)
    assert exchange.ear.take() == []
    exchange.applications.subscribe("app", ["channel:c-1"])
    channel.set_variable("A", "b")
    assert exchange.ear.take() == ["ChannelVarset"]


# Documents


def test_every_model_that_is_named_is_declared() -> None:
    known = {*MODELS, "void", "binary", "string", "int", "long", "double", "boolean", "Date", "object"}
    for model in MODELS.values():
        for field in model.fields:
            assert re.sub(r"List\[(\w+)\]", r"\1", field.type) in known, (model.name, field.name)
    for resource in RESOURCES:
        for operation in resource.operations:
            assert re.sub(r"List\[(\w+)\]", r"\1", operation.response) in known
    assert "StasisStart" in SUBTYPES["Event"]


def test_documents_name_the_host_that_was_asked_and_no_other() -> None:
    documents = Documents(RESOURCES)
    for host, shown in (("pbx.example:8088", "pbx.example:8088"), ('"><script>', "localhost"), ("", "localhost")):
        made = json.loads(documents.get("api-docs/channels.json", host, "/x/ari") or b"")
        assert made["basePath"] == f"http://{shown}/x/ari"
    assert documents.get("api-docs/../ari.conf", "h", "/ari") is None

"""Presence providers, one and several."""

from __future__ import annotations

import itertools

import pytest

from pbx.core import messages
from pbx.core.presence import Presence, PresenceState
from pbx.testing.core import FakeCore

ORDER = ("NOT_SET", "AVAILABLE", "UNAVAILABLE", "CHAT", "AWAY", "XA", "DND")


def test_the_one_furthest_from_available_counts(core: FakeCore) -> None:
    core.presences.add_provider("X", lambda name: Presence(PresenceState[name]))
    for low, high in itertools.combinations(ORDER, 2):
        assert core.presences.get(f"X:{low}&X:{high}").state.name == high
        assert core.presences.get(f"X:{high}&X:{low}").state.name == high
    assert core.presences.get("Y:a").state is PresenceState.INVALID
    assert core.presences.get("").state is PresenceState.INVALID


def test_every_setting_is_told_of_and_listed(core: FakeCore) -> None:
    seen: list[messages.PresenceStateChanged] = []
    core.bus.subscribe(messages.PresenceStateChanged, seen.append)
    withdraw = core.presences.add_provider("X", lambda _name: Presence(PresenceState.XA))
    away = Presence(PresenceState.AWAY, "lunch", "back at 2")
    core.presences.changed("X:a", away)
    core.presences.changed("X:a", away)
    core.presences.changed("X:b", Presence(PresenceState.NOT_SET))
    core.presences.changed("Y:b", Presence(PresenceState.NOT_SET))
    assert [each.presence for each in seen] == [away, away, Presence(PresenceState.XA)]
    assert list(core.presences.all()) == [("X:a", away), ("X:b", Presence(PresenceState.XA))]
    with pytest.raises(ValueError, match="twice"):
        core.presences.add_provider("x", lambda _name: away)
    withdraw()
    assert core.presences.get("X:a").state is PresenceState.INVALID


def test_words() -> None:
    assert PresenceState.parse("Away") is PresenceState.AWAY
    assert PresenceState.parse("nothing") is PresenceState.INVALID
    assert PresenceState.NOT_SET.text == "not_set"
    assert PresenceState.INVALID.text == ""

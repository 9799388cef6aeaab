"""StasisBroadcast: a call is offered to several applications, and the first to claim it gets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.stasis.broadcast import AlreadyClaimed, NotOffered
from pbx.stasis.service import Stasis
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from pbx.testing.stasis import KeptEvents

LUA = """
extensions = { default = {
  ["100"] = function() app.StasisBroadcast(2000, "^ivr", "a:b", "yes") app.Wait(60) end,
  ["200"] = function() app.StasisBroadcast() app.Wait(60) end,
  ["300"] = function() app.StasisBroadcast("soon") app.Wait(60) end,
  h = function() end,
} }
"""


class Offering:
    """The harness with two applications that match and one that does not."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.harness = harness
        self.stasis = harness.server.require(Stasis)
        self.sinks = {name: KeptEvents() for name in ("ivr-1", "ivr-2", "other")}
        for name, sink in self.sinks.items():
            self.stasis.applications.register(name, sink)


@pytest.fixture
def offering(tmp_path: Path) -> Iterator[Offering]:
    harness = DialplanHarness(tmp_path, {"extensions.lua": LUA})
    result_of(start(harness.start()))
    yield Offering(harness)
    result_of(start(harness.stop()))


def test_the_first_to_claim_gets_the_call(offering: Offering) -> None:
    call = offering.harness.call("100")
    channel = call.channel
    for name in ("ivr-1", "ivr-2"):
        event = offering.sinks[name].last("CallBroadcast")
        assert (event.get("channel"), event.get("called")) == (channel.snapshot(), "100")
    assert offering.sinks["other"].types == []
    claim = offering.stasis.broadcasts.claim
    claim(channel.uniqueid, "ivr-2")
    with pytest.raises(AlreadyClaimed):
        claim(channel.uniqueid, "ivr-1")
    assert offering.sinks["ivr-1"].last("CallClaimed").get("winner_app") == "ivr-2"
    offering.harness.core.clock.advance(0)
    assert offering.sinks["ivr-2"].last("StasisStart").get("args") == ["a", "b"]
    with pytest.raises(AlreadyClaimed):
        claim(channel.uniqueid, "ivr-1")
    control = offering.stasis.control(channel)
    assert control is not None
    control.leave(None)
    assert call.variable("STASISSTATUS") == "SUCCESS"
    channel.hangup()
    with pytest.raises(NotOffered):
        claim(channel.uniqueid, "ivr-1")


def test_a_call_that_nobody_claims_goes_on(offering: Offering) -> None:
    call = offering.harness.call("200")
    assert offering.sinks["other"].types == ["CallBroadcast"]
    offering.harness.core.clock.advance(0.5)
    assert call.variable("STASISSTATUS") == "TIMEOUT"
    with pytest.raises(NotOffered):
        offering.stasis.broadcasts.claim(call.channel.uniqueid, "other")


def test_a_call_that_ends_is_offered_no_longer(offering: Offering) -> None:
    call = offering.harness.call("200")
    call.channel.request_hangup()
    offering.harness.core.clock.advance(0)
    with pytest.raises(NotOffered):
        offering.stasis.broadcasts.claim(call.channel.uniqueid, "other")


def test_a_wrong_timeout_is_named(offering: Offering) -> None:
    offering.harness.call("300")
    assert any("timeout 'soon' is not 0 to 60000" in line for line in offering.harness.log)

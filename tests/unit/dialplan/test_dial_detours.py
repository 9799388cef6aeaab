"""Dial where the call is forwarded, screened by the called party, or tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions
from pbx.testing.fake_technology import FakeDriver
from tests.unit.dialplan.dialling import begin


class TestForwarding:
    """A called party that sends the call elsewhere."""

    @staticmethod
    def forward(harness: DialplanHarness, target: str) -> FakeDriver:
        bob = harness.core.fake.drivers["bob"][-1]
        bob.channel.call_forward = target
        bob.hang_up(Cause.NORMAL_UNSPECIFIED)
        return bob

    def test_to_another_device(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'g') channel.R = '1'")
        ended: list[messages.DialEnded] = []
        harness.core.bus.subscribe(messages.DialEnded, ended.append)
        bob = self.forward(harness, "Fake/dave")
        assert not bob.channel.alive
        dave = harness.core.fake.drivers["dave"][-1]
        assert [(each.status, each.forward) for each in ended] == [("CANCEL", "Fake/dave")]
        assert ended[0].forwarded is not None
        assert dave.channel.variables.get("FORWARDERNAME") == bob.channel.name
        assert dave.channel.redirecting.source.number == "100"
        dave.say(Control.ANSWER)
        assert call.variable("DIALEDPEERNAME") == dave.channel.name
        dave.hang_up()
        assert call.variable("R") == "1"

    def test_to_an_extension(self, plan: Plan) -> None:
        lua = "extensions.default['200'] = function() app.Answer() app.Wait(9) end"
        harness, call = begin(plan, "channel.__FORWARD_CONTEXT = 'default' app.Dial('Fake/bob', 9)", lua=lua)
        self.forward(harness, "200")
        harness.core.clock.advance(0)
        assert call.channel.bridge is not None
        assert str(call.variable("DIALEDPEERNAME")).startswith("Local/200@default-")
        call.far.hang_up()

    @pytest.mark.parametrize(("target", "options", "status"), [("None/x", "", "CHANUNAVAIL"), ("Fake/x", "i", "BUSY")])
    def test_that_leads_nowhere(self, plan: Plan, target: str, options: str, status: str) -> None:
        harness, call = begin(plan, f"app.Dial('Fake/bob', 9, '{options}') channel.R = '1'")
        self.forward(harness, target)
        assert (call.variable("DIALSTATUS"), call.variable("R")) == (status, "1")

    def test_options_z_and_f(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'zf')")
        assert harness.core.fake.drivers["bob"][-1].channel.connected.id.number == "1000"
        self.forward(harness, "Fake/dave")
        dave = harness.core.fake.drivers["dave"][-1].channel
        assert dave.connected.id.number == "100"
        harness.core.clock.advance(30)
        assert dave.alive
        call.far.hang_up()


class TestScreening:
    """Options p and P: the called party decides."""

    SOUNDS = (
        "priv-recordintro",
        "beep",
        "priv-callpending",
        "screen-callee-options",
        "priv-callee-options",
        "vm-sorry",
    )

    def answered(
        self, plan: Plan, options: str, stored: str = ""
    ) -> tuple[DialplanHarness, DialplanCall, FakeDriver | None]:
        harness = plan(extensions(f"app.Dial('Fake/bob', 9, '{options}') channel.R = '1'"))
        board = harness.core.switchboard
        board.sounds.update({name: Path(f"/{name}.wav") for name in self.SOUNDS})
        board.instant = True
        if stored:
            harness.server.astdb.put("privacy", f"100/{stored.partition('=')[0]}", stored.partition("=")[2])
        call = harness.call("100")
        if board.recordings:
            harness.core.clock.advance(4)
        if "bob" not in harness.core.fake.drivers:
            return harness, call, None
        bob = harness.core.fake.drivers["bob"][-1]
        board.instant = False
        bob.say(Control.ANSWER)
        return harness, call, bob

    @pytest.mark.parametrize(
        ("options", "digit", "status"),
        [("p", "1", "ANSWER"), ("p", "2", "NOANSWER"), ("p", "3", "TORTURE"), ("P", "4", "DONTCALL")],
    )
    def test_the_called_party_decides(self, plan: Plan, options: str, digit: str, status: str) -> None:
        harness, call, bob = self.answered(plan, options)
        assert bob is not None
        assert call.channel.bridge is None
        bob.press(digit)
        assert call.variable("DIALSTATUS") == status
        assert (call.channel.bridge is not None) is (digit == "1")
        kept = {"4": "kill"}.get(digit) if options == "P" else None
        assert harness.server.astdb.get("privacy", "100/1000") == kept
        call.far.hang_up()

    @pytest.mark.parametrize(
        ("stored", "status", "dials"), [("1000=allow", "ANSWER", True), ("1000=torture", "TORTURE", False)]
    )
    def test_what_was_kept_decides_the_next_time(self, plan: Plan, stored: str, status: str, dials: bool) -> None:
        _harness, call, bob = self.answered(plan, "P", stored)
        assert (call.variable("DIALSTATUS"), bob is not None) == (status, dials)
        call.far.hang_up()


class TestRetryDial:
    """RetryDial: attempts, pauses and the way out."""

    def test_it_tries_again(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.RetryDial('one', 5, 2, 'Fake/bob,3') channel.R = '1'", "one")
        harness.core.clock.advance(3)
        assert call.channel.application == "RetryDial"
        harness.core.switchboard.playbacks[-1].finish()
        harness.core.clock.advance(5)
        assert len(harness.core.fake.drivers["bob"]) == 2
        harness.core.clock.advance(3)
        harness.core.switchboard.playbacks[-1].finish()
        harness.core.clock.advance(5)
        assert (call.variable("R"), call.variable("DIALSTATUS")) == ("1", "NOANSWER")

    def test_a_digit_leads_out(self, plan: Plan) -> None:
        lua = "extensions.default['5'] = function() channel.R = '5' end"
        harness, call = begin(plan, "app.RetryDial('', 5, 0, 'None/x')", lua=lua)
        call.far.press("5")
        harness.core.clock.advance(0)
        assert call.variable("R") == "5"

    def test_a_digit_only_cuts_the_announcement_short(self, plan: Plan) -> None:
        lua = "extensions.default['5'] = function() channel.R = '5' end"
        harness, call = begin(plan, "app.RetryDial('one', 5, 0, 'None/x,,d')", "one", lua=lua)
        call.far.press("5")
        harness.core.clock.advance(0)
        assert call.variable("R") != "5"
        call.far.press("5")
        harness.core.clock.advance(0)
        assert call.variable("R") == "5"

    @pytest.mark.parametrize(("sleep", "seconds"), [("2.9x", 2), ("0", 10), ("-3", 10), ("soon", 10)])
    def test_numbers_are_read_as_far_as_they_go(self, plan: Plan, sleep: str, seconds: int) -> None:
        harness, call = begin(plan, f"app.RetryDial('', '{sleep}', '1x', 'None/x') channel.R = '1'")
        harness.core.clock.advance(seconds - 0.5)
        assert call.variable("R") != "1"
        harness.core.clock.advance(1)
        assert call.variable("R") == "1"

    def test_an_announcement_may_be_missing(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.RetryDial('gone', 5, 1, 'None/x') channel.R = '1'")
        harness.core.clock.advance(5)
        assert call.variable("R") == "1"
        assert harness.logged('Announce file "gone" specified in Retrydial does not exist')

    def test_it_needs_four_arguments(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.RetryDial('one', 5)")
        assert call.ended
        assert harness.logged("RetryDial requires a 4th argument")

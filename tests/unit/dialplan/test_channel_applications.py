"""Applications that act on other channels, or tell of the own: SoftHangup to StoreDTMF."""

from __future__ import annotations

import pytest

from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.core.messages import DigitEnded
from pbx.logs import verbosity
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions

WAITING = "app.Answer() app.Wait(60)"


def with_other(plan: Plan, body: str, other: str = WAITING) -> tuple[DialplanHarness, DialplanCall, DialplanCall]:
    """A waiting call at 100, and one at 200 that runs ``body`` with ``OTHER`` being the first one's name."""
    harness = plan(
        extensions(other)
        + "extensions.default['200'] = function() local OTHER = channel['GLOBAL(other)']:get() "
        + body
        + " end\nextensions.there = { ['7'] = function() channel.R = 'there' end }"
    )
    first = harness.call("100", resource="first")
    harness.core.channels.set_global("other", first.channel.name)
    return harness, first, harness.call("200", resource="second")


class TestSoftHangup:
    """SoftHangup."""

    def test_one_channel_by_its_name(self, plan: Plan) -> None:
        _harness, other, call = with_other(plan, "app.SoftHangup(OTHER) channel.R = '1'")
        assert (other.ended, call.variable("R")) == (True, "1")

    def test_a_device_needs_option_a(self, plan: Plan) -> None:
        harness, other, call = with_other(
            plan, "app.SoftHangup('Fake/first') app.Wait(1) app.SoftHangup('fake/FIRST', 'a') channel.R = '1'"
        )
        assert not other.ended
        harness.core.clock.advance(1)
        assert (other.ended, call.variable("R")) == (True, "1")

    def test_nobody_and_nothing(self, plan: Plan) -> None:
        harness, other, call = with_other(plan, "app.SoftHangup('Fake/none') app.SoftHangup() channel.R = '1'")
        assert (other.ended, call.variable("R")) == (False, "1")
        assert harness.logged("SoftHangup requires an argument")


class TestChannelRedirect:
    """ChannelRedirect."""

    def test_to_another_place(self, plan: Plan) -> None:
        _harness, other, call = with_other(
            plan, "app.ChannelRedirect(OTHER, 'there', '7', '1') channel.S = channel.CHANNELREDIRECT_STATUS:get()"
        )
        assert (other.variable("R"), call.variable("S")) == ("there", "SUCCESS")

    def test_a_channel_that_is_not(self, plan: Plan) -> None:
        _harness, _other, call = with_other(
            plan, "app.ChannelRedirect('Fake/no', '1') channel.S = channel.CHANNELREDIRECT_STATUS:get()"
        )
        assert call.variable("S") == "NOCHANNEL"

    @pytest.mark.parametrize("place", ["'there', '7', 'nolabel'", "'there', '7', '0'"])
    def test_a_place_that_is_not(self, plan: Plan, place: str) -> None:
        _harness, other, call = with_other(plan, f"app.ChannelRedirect(OTHER, {place}) channel.S = '1'")
        assert (call.ended, call.variable("S"), other.ended) == (True, None, False)

    @pytest.mark.parametrize("arguments", ["", "OTHER"])
    def test_too_few_arguments(self, plan: Plan, arguments: str) -> None:
        harness, _other, call = with_other(plan, f"app.ChannelRedirect({arguments})")
        assert call.ended
        assert harness.logged("ChannelRedirect requires an argument")

    def test_the_own_channel(self, plan: Plan) -> None:
        harness = plan(
            extensions("app.ChannelRedirect(channel.CHANNEL:get(), 'there', '7', '1')")
            + "extensions.there = { ['7'] = function() channel.R = 'there' end }"
        )
        assert harness.call("100").variable("R") == "there"


class TestChanIsAvail:
    """ChanIsAvail."""

    def ask(self, plan: Plan, arguments: str) -> tuple[DialplanHarness, list[str | None]]:
        harness, _other, call = with_other(plan, f"app.ChanIsAvail({arguments})")
        names = ("AVAILCHAN", "AVAILORIGCHAN", "AVAILSTATUS", "AVAILCAUSECODE")
        return harness, [call.variable(name) for name in names]

    def test_the_first_that_can_be_had(self, plan: Plan) -> None:
        harness, answers = self.ask(plan, "'Nope/x&Fake/a&Fake/b'")
        assert answers == ["Fake/a-00000002", "Fake/a", "0&0", "0"]
        assert harness.core.fake.drivers["a"][0].told == ["hangup 0"]
        assert len(harness.core.channels) == 1

    def test_all_of_them(self, plan: Plan) -> None:
        _harness, answers = self.ask(plan, "'Fake/a&junk&Fake/b', 'a'")
        assert answers == ["Fake/a-00000002&Fake/b-00000003", "Fake/a&Fake/b", "0&4&0", "0&0"]

    @pytest.mark.parametrize("option", ["s", "t"])
    def test_one_that_is_in_use(self, plan: Plan, option: str) -> None:
        _harness, answers = self.ask(plan, f"'Fake/first', '{option}'")
        assert answers == ["", "", "2", ""]

    def test_a_local_channel_leaves_nothing_behind(self, plan: Plan) -> None:
        harness, answers = self.ask(plan, "'Local/7@there'")
        assert (answers[1], len(harness.core.channels)) == ("Local/7@there", 1)


class TestOriginate:
    """Originate: outcomes and options."""

    def begin(self, plan: Plan, arguments: str) -> tuple[DialplanHarness, DialplanCall]:
        harness = plan(
            extensions(f"app.Originate({arguments}) channel.S = channel.ORIGINATE_STATUS:get()")
            + "extensions.there = { ['7'] = function() channel.R = 'there' app.Wait(9) end,"
            + " s = function() channel.R = 's' app.Wait(9) end }"
        )
        harness.core.fake.refused |= {"busy": Cause.USER_BUSY, "gone": Cause.NO_ROUTE_DESTINATION}
        return harness, harness.call("100")

    @pytest.mark.parametrize(("place", "where"), [("'there', '7', '1'", "there"), ("'there'", "s")])
    def test_an_extension(self, plan: Plan, place: str, where: str) -> None:
        harness, call = self.begin(plan, f"'Fake/a', 'exten', {place}")
        assert call.variable("S") is None
        far = harness.core.fake.drivers["a"][0]
        far.say(Control.ANSWER)
        assert call.variable("S") == "SUCCESS"
        assert far.channel.variables.get("R") == where

    def test_an_application(self, plan: Plan) -> None:
        harness, call = self.begin(plan, "'Fake/a', 'app', 'Wait', '7', nil, 5")
        far = harness.core.fake.drivers["a"][0]
        far.say(Control.ANSWER)
        assert (call.variable("S"), far.channel.application, far.channel.application_data) == ("SUCCESS", "Wait", "7")

    @pytest.mark.parametrize(
        ("control", "cause", "status"),
        [
            (Control.BUSY, 0, "BUSY"),
            (Control.CONGESTION, 0, "CONGESTION"),
            (None, Cause.CALL_REJECTED, "FAILED"),
            (None, Cause.NORMAL_CLEARING, "FAILED"),
        ],
    )
    def test_a_call_that_fails(self, plan: Plan, control: Control | None, cause: int, status: str) -> None:
        harness, call = self.begin(plan, "'Fake/a', 'exten', 'there', '7'")
        far = harness.core.fake.drivers["a"][0]
        if control is None:
            far.hang_up(cause)
        else:
            far.say(control)
        assert call.variable("S") == status

    def test_nobody_answers_in_time(self, plan: Plan) -> None:
        harness, call = self.begin(plan, "'Fake/a', 'exten', 'there', '7', 1, 5")
        harness.core.clock.advance(5)
        assert call.variable("S") == "RINGING"

    @pytest.mark.parametrize(("where", "status"), [("busy", "BUSY"), ("gone", "FAILED")])
    def test_a_channel_that_cannot_be_had(self, plan: Plan, where: str, status: str) -> None:
        _harness, call = self.begin(plan, f"'Fake/{where}', 'exten', 'there'")
        assert call.variable("S") == status

    def test_options(self, plan: Plan) -> None:
        harness, call = self.begin(
            plan, "'Fake/a', 'exten', 'there', '7', 1, 5, 'ac(77)n(Me)C(ulaw,alaw)v(A=1^B=2^__C=)'"
        )
        channel = harness.core.fake.drivers["a"][0].channel
        assert call.variable("S") == "SUCCESS"
        assert (channel.caller.id.number, channel.caller.id.name) == ("77", "Me")
        assert [channel.variables.get(name) for name in "ABC"] == ["1", "2", ""]

    def test_the_own_identity(self, plan: Plan) -> None:
        harness, _call = self.begin(plan, "'Fake/a', 'exten', 'there', '7', 1, 5, 'acn'")
        assert harness.core.fake.drivers["a"][0].channel.caller.id.number == "1000"

    @pytest.mark.parametrize(
        "arguments",
        [
            "",
            "'Fake/a', 'exten'",
            "'Fake', 'exten', 'there'",
            "'Fake/a', 'sub', 'there'",
            "'Fake/a', 'exten', 'there', '7', 'x'",
            "'Fake/a', 'exten', 'there', '7', 1, 5, 'C(nocodec)'",
        ],
    )
    def test_wrong_arguments_end_the_call(self, plan: Plan, arguments: str) -> None:
        _harness, call = self.begin(plan, arguments)
        assert (call.ended, call.variable("ORIGINATE_STATUS"), call.variable("S")) == (True, "FAILED", None)

    def test_a_caller_who_leaves_does_not_end_what_was_begun(self, plan: Plan) -> None:
        harness, call = self.begin(plan, "'Fake/a', 'exten', 'there', '7'")
        call.far.hang_up()
        far = harness.core.fake.drivers["a"][0]
        far.say(Control.ANSWER)
        assert far.channel.variables.get("R") == "there"


class TestStoreDtmf:
    """StoreDTMF."""

    def test_what_is_received(self, plan: Plan) -> None:
        harness, _other, call = with_other(plan, "app.StoreDTMF('RX', 'D', 3) app.Wait(9)")
        call.far.press("12345")
        assert call.variable("D") == "123"
        assert harness.server.modules.find("app_dtmfstore").instance.use_count == 0  # type: ignore[union-attr]

    def test_what_is_sent_into_a_function(self, plan: Plan) -> None:
        harness, _other, call = with_other(plan, "app.StoreDTMF('TX', 'GLOBAL(D)') app.Echo()")
        call.far.press("12")
        assert harness.core.channels.get_global("D") == "12"
        call.far.hang_up()
        assert not harness.core.bus.wanted(DigitEnded)

    def test_removing_and_setting_twice(self, plan: Plan) -> None:
        harness, _other, call = with_other(
            plan,
            "app.StoreDTMF('RX', 'D') app.StoreDTMF('RX', 'E') app.StoreDTMF('remove') app.Wait(1) "
            "app.StoreDTMF('remove') channel.R = '1'",
        )
        call.far.press("1")
        harness.core.clock.advance(1)
        assert (call.variable("D"), call.variable("R"), call.ended) == (None, None, True)
        assert harness.logged("StoreDTMF already set")
        assert harness.logged("StoreDTMF not currently enabled")

    @pytest.mark.parametrize("arguments", ["", "'XX', 'D'", "'RX', 'D', 'x'", "'RX', 'D', '-1'", "'RX'"])
    def test_wrong_arguments(self, plan: Plan, arguments: str) -> None:
        _harness, _other, call = with_other(plan, f"app.StoreDTMF({arguments}) app.Wait(9)")
        assert call.ended


def test_dump_chan(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbosity, "level", 2)
    harness, _other, call = with_other(plan, "channel.MINE = 'x y' app.DumpChan(2) app.DumpChan(3)")
    dumps = [line for line in harness.log if "Dumping Info" in line]
    assert len(dumps) == 1
    for line in (
        f"Name=               {call.channel.name}",
        "State=              Ring (4)",
        "CallerIDNum=        1000",
        "ElapsedTime=        0h0m0s",
        "MINE=x y",
    ):
        assert line in dumps[0].splitlines()


def test_reload(plan: Plan) -> None:
    harness, _other, call = with_other(
        plan,
        "app.Reload('res_statsd,res_statsd') channel.A = channel.RELOADSTATUS:get() "
        "app.Reload('nothing') channel.B = channel.RELOADSTATUS:get() "
        "app.Reload('res_statsd, app_echo') channel.C = channel.RELOADSTATUS:get()",
    )
    assert [call.variable(name) for name in "ABC"] == ["SUCCESS", "FAILURE", "FAILURE"]
    assert harness.logged("nothing is not loaded")

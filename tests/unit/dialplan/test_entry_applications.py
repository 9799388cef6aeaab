"""Applications that ask a caller for something: Authenticate, Read's tones, ReadExten, WaitDigit, PrivacyManager."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions

SOUNDS = ("agent-pass", "auth-incorrect", "auth-thankyou", "vm-goodbye", "menu")


def begin(plan: Plan, body: str, more: str = "") -> tuple[DialplanHarness, DialplanCall]:
    """A call to ``body``; sounds exist and end as soon as they begin."""
    harness = plan(extensions(body) + more)
    harness.core.switchboard.sounds.update({name: Path(f"/{name}.wav") for name in SOUNDS})
    # A tone that repeats would never end where every sound ends at once.
    harness.core.switchboard.instant = "'i'" not in body
    return harness, harness.call("100")


def played(harness: DialplanHarness) -> list[str]:
    return [each.path.stem for each in harness.core.switchboard.playbacks]


class TestAuthenticate:
    """Authenticate: each place a password can be in, and the caller's three attempts."""

    def test_the_right_password(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Authenticate('1234') channel.IN = '1'")
        call.far.press("1234#")
        assert call.variable("IN") == "1"
        assert played(harness) == ["agent-pass", "auth-thankyou"]
        assert call.far.told[0] == "answer"

    def test_three_wrong_ones_end_the_call(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Authenticate('1234') channel.IN = '1'")
        call.far.press("1#2#123#")
        assert (call.ended, call.variable("IN"), call.variable("H")) == (True, None, "yes")
        assert played(harness) == ["agent-pass", "auth-incorrect", "auth-incorrect", "vm-goodbye"]

    def test_a_right_one_after_a_wrong_one_and_a_digit_limit(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Authenticate('12', nil, 2, 'menu') channel.IN = '1'")
        call.far.press("1112")
        assert call.variable("IN") == "1"

    def test_an_entry_of_nothing_is_an_attempt_by_timeout(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Authenticate('12')")
        for _ in range(3):
            harness.core.clock.advance(10)
        assert call.ended

    @pytest.mark.parametrize(("options", "account"), [("", ""), ("a", "77")])
    def test_a_file_of_passwords(self, plan: Plan, tmp_path: Path, options: str, account: str) -> None:
        (tmp_path / "pins").write_text("12\n77\n")
        _harness, call = begin(plan, f"app.Authenticate('{tmp_path}/pins', '{options}') app.Wait(1)")
        call.far.press("77#")
        assert (call.channel.application, call.channel.accountcode) == ("Wait", account)

    def test_a_file_of_accounts_with_hashes(self, plan: Plan, tmp_path: Path) -> None:
        digest = hashlib.md5(b"77", usedforsecurity=False).hexdigest()
        (tmp_path / "pins").write_text(f"no colon\nsales:{digest}\n")
        _harness, call = begin(plan, f"app.Authenticate('{tmp_path}/pins', 'am') app.Wait(1)")
        call.far.press("77#")
        assert (call.channel.application, call.channel.accountcode) == ("Wait", "sales")

    def test_a_file_that_is_missing_lets_nobody_in(self, plan: Plan, tmp_path: Path) -> None:
        harness, call = begin(plan, f"app.Authenticate('{tmp_path}/none')")
        call.far.press("1#2#3#")
        assert call.ended
        assert harness.logged("Unable to open file")

    @pytest.mark.parametrize(("options", "left"), [("d", "x"), ("dr", None)])
    def test_keys_of_the_database(self, plan: Plan, options: str, left: str | None) -> None:
        harness = plan(extensions(f"app.Authenticate('/pins', '{options}') channel.IN = '1'"))
        harness.server.astdb.put("pins", "42", "x")
        call = harness.call("100")
        call.far.press("41#42#")
        assert call.variable("IN") == "1"
        assert harness.server.astdb.get("pins", "42") == left

    def test_without_a_password_and_by_a_caller_who_leaves(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Authenticate()")
        assert (call.ended, harness.logged("requires an argument(password)")) == (True, True)
        _harness, gone = begin(plan, "app.Authenticate('1') channel.IN = '1'")
        gone.far.hang_up()
        assert (gone.ended, gone.variable("IN")) == (True, None)


EXTENSIONS = "extensions.inside = { ['_12X'] = function() end, ['5'] = function() end, ['_55'] = function() end }"


class TestReadExten:
    """ReadExten: every status, and when an entry is over."""

    @pytest.mark.parametrize(
        ("arguments", "pressed", "seconds", "value", "status"),
        [
            ("'E', nil, 'inside'", "123", 0, "123", "OK"),
            ("'E', 'menu', 'inside'", "123", 0, "123", "OK"),
            ("'E', nil, 'inside'", "5", 5, "5", "OK"),
            ("'E', nil, 'inside'", "55", 0, "55", "OK"),
            ("'E', nil, 'inside', 'p'", "5#", 0, "5", "OK"),
            # The terminator makes it no extension; without it the entry is one.
            ("'E', nil, 'inside'", "5#", 0, "5", "OK"),
            ("'E', nil, 'inside'", "7", 0, "i", "INVALID"),
            ("'E', nil, 'inside'", "", 10, "t", "TIMEOUT"),
            ("'E', nil, 'inside', nil, 3", "", 3, "t", "TIMEOUT"),
            ("'E', 'dial', 'inside', 'i'", "123", 0, "123", "OK"),
            ("'E', '350+440', 'inside', 'i'", "123", 0, "123", "OK"),
            ("'E', 'none', 'inside'", "123", 0, "123", "OK"),
        ],
    )
    def test_entries(self, plan: Plan, arguments: str, pressed: str, seconds: float, value: str, status: str) -> None:
        harness, call = begin(plan, f"app.ReadExten({arguments})", EXTENSIONS)
        call.far.press(pressed)
        if seconds:
            harness.core.clock.advance(seconds)
        assert (call.variable("E"), call.variable("READEXTENSTATUS")) == (value, status)

    def test_what_was_invalid_is_told(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.ReadExten('E', nil, 'inside')", EXTENSIONS)
        call.far.press("7")
        assert call.variable("INVALID_EXTEN") == "7"

    def test_a_call_that_is_not_up_one_that_ends_and_one_without_a_variable(self, plan: Plan) -> None:
        _harness, skipped = begin(plan, "app.ReadExten('E', nil, nil, 's')")
        assert (skipped.variable("READEXTENSTATUS"), skipped.variable("E")) == ("SKIP", "")
        _harness, quiet = begin(plan, "app.ReadExten('E', nil, nil, 'n')")
        assert quiet.far.told == []
        quiet.far.hang_up()
        assert (quiet.variable("READEXTENSTATUS"), quiet.ended) == ("HANGUP", True)
        _harness, wrong = begin(plan, "app.ReadExten() channel.R = channel.READEXTENSTATUS:get()")
        assert wrong.variable("R") == "ERROR"


class TestRead:
    """What Read does beside reading digits."""

    def test_without_a_variable_the_call_goes_on(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Read() channel.R = channel.READSTATUS:get()")
        assert call.variable("R") == "ERROR"

    def test_a_tone_as_prompt(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Read('D', 'dial', 2, 'i')")
        assert [tone.alone for tone in harness.core.switchboard.playbacks] == [True]
        call.far.press("12")
        assert (call.variable("D"), call.variable("READSTATUS")) == ("12", "OK")
        harness, nothing = begin(plan, "app.Read('D', 'dial', 2, 'i', 1, 3)")
        harness.core.clock.advance(3)
        assert (nothing.variable("D"), nothing.variable("READSTATUS")) == ("", "TIMEOUT")

    def test_the_terminator_alone_uses_up_an_attempt(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Read('D', nil, 3, nil, 2)")
        call.far.press("#")
        assert not call.ended
        call.far.press("7#")
        assert call.variable("D") == "7"

    def test_all_of_the_terminators_are_kept(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Read('D', nil, 3, 'et(*#)')")
        call.far.press("#")
        assert call.variable("D") == "*#"


class TestWaitDigit:
    """WaitDigit."""

    @pytest.mark.parametrize(
        ("arguments", "pressed", "seconds", "status", "result"),
        [
            ("5", "7", 0, "DTMF", "7"),
            ("5, '12'", "72", 0, "DTMF", "2"),
            ("5, '12'", "7", 5, "TIMEOUT", None),
            ("'500ms'", "", 0.5, "TIMEOUT", None),
            ("'1m'", "", 60, "TIMEOUT", None),
            ("'-1'", "", 0, "ERROR", None),
            ("'x'", "", 0, "ERROR", None),
            ("", "", 0, "ERROR", None),
        ],
    )
    def test_each_status(
        self, plan: Plan, arguments: str, pressed: str, seconds: float, status: str, result: str | None
    ) -> None:
        harness, call = begin(plan, f"app.WaitDigit({arguments})")
        call.far.press(pressed)
        if seconds:
            harness.core.clock.advance(seconds)
        assert (call.variable("WAITDIGITSTATUS"), call.variable("WAITDIGITRESULT")) == (status, result)

    def test_a_caller_who_leaves(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.WaitDigit(5)")
        call.far.hang_up()
        assert (call.variable("WAITDIGITSTATUS"), call.ended) == ("CANCEL", True)


class TestPrivacyManager:
    """PrivacyManager."""

    def anonymous(self, plan: Plan, arguments: str) -> tuple[DialplanHarness, DialplanCall]:
        harness = plan(extensions(f"app.PrivacyManager({arguments})") + EXTENSIONS)
        call = harness.call("100", caller="")
        harness.core.clock.advance(1)
        return harness, call

    def test_a_known_caller_is_not_asked(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.PrivacyManager()")
        assert (call.variable("PRIVACYMGRSTATUS"), call.far.told) == (None, ["hangup 0"])

    def test_a_number_that_is_long_enough(self, plan: Plan) -> None:
        _harness, call = self.anonymous(plan, "")
        call.far.press("123#5551234567#")
        assert call.variable("PRIVACYMGRSTATUS") == "SUCCESS"
        assert (call.channel.caller.id.number, call.channel.caller.id.name) == ("5551234567", "Privacy Manager")

    def test_attempts_length_and_context(self, plan: Plan) -> None:
        _harness, call = self.anonymous(plan, "2, 3, nil, 'inside'")
        call.far.press("999#")
        assert not call.ended
        call.far.press("12#")
        assert call.variable("PRIVACYMGRSTATUS") == "FAILED"
        harness, good = self.anonymous(plan, "'x', 3, nil, 'inside'")
        good.far.press("999#123#")
        assert good.variable("PRIVACYMGRSTATUS") == "SUCCESS"
        assert harness.logged("Invalid max retries argument")

"""The dialplan that is shipped: every number in it, as a caller would hear it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core.frames import Control
from pbx.stasis.service import Stasis
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan
from pbx.testing.fake_technology import FakeTechnology
from pbx.testing.stasis import KeptEvents

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    made = plan((ROOT / "conf/extensions.lua").read_text(), lua_conf=(ROOT / "conf/lua.conf").read_text())
    sounds = ROOT / "sounds" / "en"
    for path in sounds.rglob("*.wav"):
        made.core.switchboard.sounds[str(path.relative_to(sounds).with_suffix(""))] = path
    made.core.switchboard.instant = True
    fake = FakeTechnology(made.core.channels)
    fake.name = "PJSIP"
    made.core.technologies.register(fake)
    made.core.fake = fake
    return made


def heard(harness: DialplanHarness) -> list[str]:
    return [playback.path.stem for playback in harness.core.switchboard.playbacks]


def test_every_prompt_exists(harness: DialplanHarness) -> None:
    for exten in ("601", "602", "603", "604", "555", "1001"):
        call = harness.call(exten, "internal")
        if exten == "1001":
            harness.core.clock.advance(30)
        else:
            harness.core.clock.pump([5] * 14)
        assert call.ended, exten
    harness.core.switchboard.playbacks.clear()
    missing = [line for line in harness.log if "does not exist" in line and "recordings/" not in line]
    assert not missing


def test_phones_call_each_other(harness: DialplanHarness) -> None:
    call = harness.call("1002", "internal", caller="1001")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    assert call.channel.bridge is not None
    bob.hang_up()
    assert call.ended


def test_a_busy_phone_is_said(harness: DialplanHarness) -> None:
    call = harness.call("1002", "internal")
    harness.core.fake.drivers["bob"][-1].say(Control.BUSY)
    assert heard(harness) == ["vm-extension", "1", "0", "0", "2", "is-curntly-busy"]
    assert call.ended


def test_the_menu_reaches_a_phone(harness: DialplanHarness) -> None:
    call = harness.call("602", "internal")
    call.far.press("1002")
    assert harness.core.fake.drivers["bob"]
    call.far.hang_up()


def test_digits_are_read_back(harness: DialplanHarness) -> None:
    call = harness.call("603", "internal")
    call.far.press("42#")
    assert heard(harness)[-3:] == ["you-entered", "4", "2"]
    assert call.ended


def test_hints_and_unknown_numbers(harness: DialplanHarness) -> None:
    assert harness.hint("internal", "1001") == "PJSIP/alice"
    call = harness.call("777", "internal")
    assert heard(harness) == ["pbx-invalid", "check-number-dial-again"]
    assert call.far.told[-1] == "hangup 1"


def test_a_carrier_reaches_nothing_but_the_phone(harness: DialplanHarness) -> None:
    assert not harness.engine.exists("from-carrier", "600")
    call = harness.call("s", "from-carrier")
    assert harness.core.fake.drivers["alice"]
    call.far.hang_up()
    assert result_of(start(harness.server.cli.run("dialplan show from-carrier"))).ok


def test_605_goes_to_the_program_or_says_that_there_is_none(harness: DialplanHarness) -> None:
    call = harness.call("605", "internal")
    assert heard(harness) == ["im-sorry", "is-curntly-unavail"]
    assert call.ended
    stasis = harness.server.require(Stasis)
    sink = KeptEvents()
    stasis.applications.register("hello", sink)
    call = harness.call("605", "internal")
    assert sink.types == ["StasisStart"]
    call.far.hang_up()
    assert sink.types == ["StasisStart", "StasisEnd"]

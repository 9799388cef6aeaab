"""DISA: passwords of each kind, what is dialled behind them, and the tones meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pbx.core.media import AudioLeg
from pbx.media.tones import PlayingTone, Tones
from pbx.mwi import Mailbox, Mailboxes
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan

PLAN = """[default]
exten => 100,1,{step}
 same => n,Set(NO=1)
exten => h,1,Set(H=${{HANGUPCAUSE}})
[disa]
ignorepat => 9
exten => 20,1,Set(WHERE=${{CONTEXT}}/${{EXTEN}}/${{CALLERID(num)}}/${{CALLERID(name)}}/${{CHANNEL(accountcode)}})
 same => n,Wait(99)
exten => _9XX,1,Goto(20,1)
[inner]
exten => 30,1,Set(WHERE=${{CONTEXT}}/${{EXTEN}}/${{CALLERID(num)}}/${{CALLERID(name)}}/${{CHANNEL(accountcode)}})
 same => n,Wait(99)
exten => i,1,Set(WHERE=${{CONTEXT}}/i/${{INVALID_EXTEN}})
 same => n,Wait(99)
[pound]
exten => #,1,Set(WHERE=pound)
 same => n,Wait(99)
exten => 7,1,Set(WHERE=seven)
 same => n,Wait(99)
exten => 77,1,Set(WHERE=seventy-seven)
 same => n,Wait(99)
"""


def begin(plan: Plan, arguments: str) -> tuple[DialplanHarness, DialplanCall]:
    harness = plan(extensions_conf=PLAN.format(step=f"DISA({arguments})"))
    return harness, harness.call("100")


def tones(harness: DialplanHarness) -> int:
    """How many tones are heard now."""
    return len([each for each in harness.core.switchboard.playbacks if not each.finished.called])


@pytest.mark.parametrize(
    ("arguments", "pressed", "where"),
    [
        ("no-password", "20", "disa/20/1000//"),
        ("NO-PASSWORD,inner", "30", "inner/30/1000//"),
        ("1234,inner", "1234#30", "inner/30/1000//1234"),
        ('1234,inner,"Eve" <55>', "1234#30", "inner/30/55/Eve/1234"),
        ("no-password,inner", "5", "inner/i/5"),
        ("no-password,inner", "#", "inner/i/"),
        ("no-password,pound", "#", "pound"),
        ("no-password,pound,,,p", "#", None),
        ("no-password,pound", "7#", "seven"),
        ("no-password,pound", "77", "seventy-seven"),
    ],
)
def test_what_is_dialled(plan: Plan, arguments: str, pressed: str, where: str | None) -> None:
    harness, call = begin(plan, arguments)
    assert (call.far.told, tones(harness)) == (["answer"], 1)
    call.far.press(pressed)
    assert call.variable("WHERE") == where
    if where is not None:
        assert (call.variable("NO"), tones(harness)) == (None, 0)
    call.far.hang_up()


def test_an_entry_ends_by_time(plan: Plan) -> None:
    harness, call = begin(plan, "no-password,pound")
    call.far.press("7")
    harness.core.clock.advance(4.9)
    assert call.variable("WHERE") is None
    harness.core.clock.advance(0.1)
    assert call.variable("WHERE") == "seven"
    call.far.hang_up()


@pytest.mark.parametrize("pressed", ["", "12", "99#", "1234#", "1234#5"])
def test_who_may_not_dial_hears_congestion_for_a_while(plan: Plan, pressed: str) -> None:
    harness, call = begin(plan, "1234")
    call.far.press(pressed)
    harness.core.clock.advance(10)
    assert call.far.told[1] == "congestion"
    assert (tones(harness), call.channel.state.name) == (0, "UP")
    harness.core.clock.advance(10)
    assert (call.ended, call.variable("NO"), call.variable("WHERE")) == (True, None, None)


def test_a_file_of_passwords(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "disa.passwords"
    path.write_text('; 1,disa\n#2\nword,disa\n\n55\n66,inner,"Eve" <9>\n')
    for pressed, where in (
        ("55#20", "disa/20/1000//55"),
        ("66#30", "inner/30/9/Eve/66"),
        ("2#20", None),
        ("#20", None),
    ):
        _harness, call = begin(plan, str(path))
        call.far.press(pressed)
        assert call.variable("WHERE") == where
        call.far.hang_up()


def test_a_file_that_is_not_there_ends_the_call(plan: Plan, tmp_path: Path) -> None:
    harness, call = begin(plan, str(tmp_path / "none"))
    call.far.press("1#")
    assert (call.ended, call.variable("NO")) == (True, None)
    assert harness.logged("DISA password file")


def test_the_password_that_was_wrong_is_not_logged(plan: Plan) -> None:
    harness, call = begin(plan, "1234")
    call.far.press("987654#")
    assert harness.logged("got bad password")
    assert not harness.logged("987654")
    call.far.hang_up()


def test_dial_tone_goes_on_behind_what_is_ignored(plan: Plan) -> None:
    harness, call = begin(plan, "no-password")
    call.far.press("9")
    assert tones(harness) == 1
    call.far.press("1")
    assert tones(harness) == 0
    call.far.press("2")
    assert call.variable("WHERE") == "disa/20/1000//"
    call.far.hang_up()


@pytest.mark.parametrize(("new", "tone"), [(1, "dialrecall"), (0, "dial")])
def test_another_tone_tells_of_messages(plan: Plan, monkeypatch: pytest.MonkeyPatch, new: int, tone: str) -> None:
    asked: list[str] = []
    play = Tones.play

    def watched(self: Tones, leg: AudioLeg, text: str, country: str = "") -> PlayingTone:
        asked.append(text)
        return play(self, leg, text, country)

    monkeypatch.setattr(Tones, "play", watched)
    harness = plan(extensions_conf=PLAN.format(step="Wait(1)\n same => n,DISA(no-password,,,box@home)"))
    kept = {"box@home": Mailbox(id="box@home", msgs_new=new)}
    harness.server.provide(Mailboxes, SimpleNamespace(find=kept.get))
    call = harness.call("100")
    harness.core.clock.advance(1)
    assert asked == [tone]
    call.far.hang_up()


def test_a_call_that_is_not_to_be_answered(plan: Plan) -> None:
    _harness, call = begin(plan, "no-password,inner,,,n")
    assert call.far.told == []
    call.far.press("30")
    assert call.variable("WHERE") == "inner/30/1000//"
    call.far.hang_up()


def test_a_hangup_in_the_middle(plan: Plan) -> None:
    harness, call = begin(plan, "1234")
    call.far.press("12")
    call.far.hang_up()
    assert (call.ended, tones(harness), call.variable("NO")) == (True, 0, None)


def test_nothing_opens_without_a_password(plan: Plan) -> None:
    harness, call = begin(plan, "")
    assert call.ended
    assert harness.logged("DISA requires an argument")

"""The harness for dialplans: what callers and telephones do, what is expected, and what is said when it fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pbx.errors import ObeliskError
from pbx.testing.plugin import DialplanFactory
from pbx.testing.scripted import ScriptedDialplan
from pbx.testing.scripted_call import ExpectationFailed

ROOT = Path(__file__).parents[3]


def lua(body: str, more: str = "") -> str:
    return (
        f'extensions = {{ default = {{\n["100"] = function(context, extension)\n{body}\nend,\n'
        f'h = function() channel.H = "yes" end,\n{more}\n}} }}\n'
    )


DIAL = lua('app.Dial("PJSIP/bob", 30)\nchannel.AFTER = channel.DIALSTATUS:get()\napp.Hangup()')


def test_an_hour_takes_milliseconds(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua('app.Wait(3600)\napp.Playback("done")\napp.Wait(7200)'))
    began = time.perf_counter()
    call = plan.call("100")
    call.wait(3599)
    assert call.sounds == []
    call.expect_sounds("done")
    call.expect_ended(within=8000)
    assert plan.now == pytest.approx(10801)
    assert time.perf_counter() - began < 5


def test_both_languages(dialplan: DialplanFactory) -> None:
    conf = "[default]\nexten => 100,1,Answer()\n same => n,Playback(a&b)\n same => n,Set(X=${CALLERID(name)})\n"
    for plan in (
        dialplan(extensions_conf=conf),
        dialplan(extensions_lua=lua('app.Answer() app.Playback("a&b") channel.X = channel.CALLERID("name"):get()')),
    ):
        call = plan.call("100", caller="55", name="Alice")
        call.expect_answered()
        call.expect_sounds("a", "b")
        call.expect_ended()
        call.expect_variable("X", "Alice")


def test_a_phone_that_answers(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=DIAL)
    bob = plan.phone("PJSIP/bob")
    bob.answers(after=4)
    call = plan.call("100")
    assert bob.ringing
    assert plan.now == 0
    call.expect_talking_to("PJSIP/bob")
    assert bob.talking
    assert plan.now == 4
    bob.hang_up()
    call.expect_ended(cause=16)
    call.expect_variable("H", "yes")


@pytest.mark.parametrize(
    ("tell", "status", "seconds"),
    [
        (lambda bob: bob.busy(), "BUSY", 0),
        (lambda bob: bob.busy(after=3), "BUSY", 3),
        (lambda bob: bob.congested(), "CONGESTION", 0),
        (lambda bob: bob.is_away(), "CHANUNAVAIL", 0),
        (lambda bob: bob.rings(), "NOANSWER", 30),
        (lambda bob: bob.rejects(21, after=1), "BUSY", 1),
    ],
)
def test_phones_that_do_not_answer(dialplan: DialplanFactory, tell: object, status: str, seconds: float) -> None:
    plan = dialplan(extensions_lua=DIAL)
    assert callable(tell)
    tell(plan.phone("PJSIP/bob"))
    call = plan.call("100")
    call.expect_ended()
    if status != "BUSY" or seconds != 1:
        call.expect_variable("AFTER", status)
    assert plan.now == pytest.approx(seconds)


def test_a_phone_is_told_while_it_rings(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=DIAL)
    call = plan.call("100")
    call.wait(5)
    plan.phone("PJSIP/bob").answers()
    call.expect_talking_to("PJSIP/bob")
    assert plan.now == 5
    call.hang_up()
    assert call.ended
    assert plan.phone("PJSIP/bob").leg is None


def test_digits_and_sounds_that_they_cut_short(dialplan: DialplanFactory) -> None:
    menu = 'app.BackGround("long")\napp.WaitExten(5)'
    plan = dialplan(extensions_lua=lua(menu, '["12"] = function() app.Playback("twelve") end,'))
    plan.sound("long", seconds=100)
    call = plan.call("100")
    call.wait(50)
    call.press("12", every=1)
    call.expect_sounds("long", "twelve")
    assert plan.now == pytest.approx(51)


def test_a_hangup_in_the_middle_of_an_application(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua('app.Playback("a&b")\nchannel.AFTER = "no"'))
    call = plan.call("100")
    call.expect_sounds("a")
    call.hang_up()
    call.expect_ended()
    call.expect_variable("H", "yes")
    call.expect_variable("AFTER", None)
    call.expect_silence()
    with pytest.raises(ExpectationFailed, match="cannot press a digit: the call has ended"):
        call.press("1")


def test_sounds_that_are_missing(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua('app.Playback("a")'))
    plan.sound("a", missing=True)
    call = plan.call("100")
    call.expect_ended()
    call.expect_variable("PLAYBACKSTATUS", "FAILED")
    assert call.sounds == []


def test_stubs(dialplan: DialplanFactory) -> None:
    body = 'app.Queue("sales")\nchannel.WHO = channel.PJSIP_DIAL_CONTACTS("bob"):get()\napp.NoOp(channel.QS:get())'
    plan = dialplan(extensions_lua=lua(body))
    plan.stub_application("Queue", seconds=20, variables={"QS": "TIMEOUT"})
    plan.stub_function("PJSIP_DIAL_CONTACTS(bob)", "PJSIP/bob/sip:b@x")
    call = plan.call("100")
    call.expect_app("Queue", "sales")
    call.expect_app("NoOp", "TIMEOUT")
    call.expect_variable("WHO", "PJSIP/bob/sip:b@x")
    assert plan.now == 20


def test_database_variables_functions_and_the_web(dialplan: DialplanFactory) -> None:
    body = 'channel.X = channel.DB("a/b"):get()\nchannel.Y = pbx.http("http://x/").body\nchannel["DB(a/c)"] = "2"'
    plan = dialplan(extensions_lua=lua(body))
    plan.set_db("a", "b", "1")
    plan.answer_web("http://x/", "page", after=2)
    plan.set_variable("G", "global")
    call = plan.call("100", variables={"V": "v"})
    assert call.evaluate("${V}${G}${LEN(abc)}") == "vglobal3"
    call.expect_variable("Y", "page")
    call.expect_ended()
    assert (call.variable("X"), plan.db("a", "c")) == ("1", "2")
    plan.write("DEVICE_STATE(Custom:door)", "INUSE")
    assert plan.evaluate("${DEVICE_STATE(Custom:door)}") == "INUSE"


def test_several_calls_at_once(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua('app.Wait(tonumber(channel.V:get()))\napp.Playback("x")'))
    slow = plan.call("100", variables={"V": "20"})
    fast = plan.call("100", variables={"V": "10"}, device="PJSIP/other")
    fast.expect_sounds("x")
    assert slow.sounds == []
    slow.expect_sounds("x")


def test_plans_do_not_share_anything(dialplan: DialplanFactory) -> None:
    for _ in range(2):
        plan = dialplan(extensions_lua=lua('channel.X = channel.DB("a/b"):get()\nchannel["DB(a/b)"] = "1"'))
        plan.call("100").expect_variable("X", "")


# Failures


def test_a_failure_tells_the_story(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua('app.Answer()\napp.Playback("a")\napp.Wait(1)\napp.Hangup(17)'))
    call = plan.call("100")
    with pytest.raises(ExpectationFailed) as failed:
        call.expect_sounds("a", "b")
    assert str(failed.value) == (
        "expected the sounds a, b; heard a\n"
        "    the call has ended with cause 17 at h@default:2 (extensions.lua:6), 2 s after the start\n"
        "           0.0 s  Answer() (extensions.lua:3)\n"
        "           0.0 s  Playback(a) (extensions.lua:4)\n"
        "           0.0 s  sound a\n"
        "           1.0 s  Wait(1) (extensions.lua:5)\n"
        "           2.0 s  Hangup(17) (extensions.lua:6)"
    )


def test_a_failure_of_a_call_that_goes_on(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_conf="[default]\nexten => 100,1,Wait(500)\n")
    call = plan.call("100")
    with pytest.raises(ExpectationFailed) as failed:
        call.expect_app("Dial", "PJSIP/bob", within=10)
    assert str(failed.value) == (
        "expected Dial(PJSIP/bob) to run within 10 s\n"
        "    the call goes on at 100@default:1 (extensions.conf:2), 10 s after the start\n"
        "           0.0 s  Wait(500) (extensions.conf:2)"
    )


def test_an_error_of_the_script_is_in_the_story(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=lua("local x = nil + 1"))
    call = plan.call("100")
    with pytest.raises(ExpectationFailed, match=r"extensions\.lua:3: attempt to perform arithmetic on a nil value"):
        call.expect_answered()


@pytest.mark.parametrize(
    "expect",
    [
        lambda call: call.expect_answered(within=1),
        lambda call: call.expect_ended(within=1),
        lambda call: call.expect_variable("X", "1", within=1),
        lambda call: call.expect_value("${X}", "1", within=1),
        lambda call: call.expect_at("default", "200", within=1),
        lambda call: call.expect_dialed("PJSIP/bob", within=1),
        lambda call: call.expect_talking_to("PJSIP/bob", within=1),
        lambda call: call.expect_sounds("x", within=1),
        lambda call: call.expect_no_app("wait"),
        lambda call: call.fall_silent(),
    ],
)
def test_what_does_not_happen(dialplan: DialplanFactory, expect: object) -> None:
    call = dialplan(extensions_lua=lua("app.Wait(100)")).call("100")
    assert callable(expect)
    with pytest.raises(AssertionError):
        expect(call)
    call.expect_running()
    call.expect_not_answered()
    call.expect_at("default", "100", 1)


def test_a_dialplan_that_runs_in_circles(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_conf="[default]\nexten => 100,1,Goto(1)\n")
    with pytest.raises(ExpectationFailed, match="in circles"):
        plan.call("100")


def test_a_configuration_that_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "extensions.lua").write_text("extensions = {")
    plan = ScriptedDialplan(tmp_path, tmp_path / "state")
    with pytest.raises(ObeliskError, match=r"extensions\.lua:1"):
        plan.start()
    plan.stop()


def test_the_directory_is_only_read(dialplan: DialplanFactory) -> None:
    before = sorted(ROOT.glob("conf/**/*"))
    dialplan(ROOT / "conf").call("601", context="internal").expect_ended()
    assert sorted(ROOT.glob("conf/**/*")) == before


def test_addresses_that_are_none(dialplan: DialplanFactory) -> None:
    plan = dialplan(extensions_lua=DIAL)
    with pytest.raises(ValueError, match="no address"):
        plan.phone("bob")
    with pytest.raises(AssertionError, match="has no call"):
        plan.phone("PJSIP/bob").hang_up()
    with pytest.raises(ValueError, match="not both"):
        dialplan(ROOT / "conf", extensions_lua="")

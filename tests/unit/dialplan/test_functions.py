"""Each function's values, its wrong uses, and the console commands that show all this."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pbx.core import messages
from pbx.core.channel import settle
from pbx.core.party import Dialed
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions
from tests.unit.dialplan.log_events import LogEvents


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    return plan(extensions("app.Answer() app.Wait(60)"))


@pytest.fixture
def call(harness: DialplanHarness) -> DialplanCall:
    return harness.call("100")


def read(call: DialplanCall, expression: str) -> object:
    return call.channel.channels.dialplan.read_function(call.channel, expression)  # type: ignore[union-attr]


def write(call: DialplanCall, expression: str, value: str) -> None:
    call.channel.channels.dialplan.write_function(call.channel, expression, value)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("key", "value", "back"),
    [
        ("all", '"Ann Other" <42>', '"Ann Other" <42>'),
        ("name", "Ann", "Ann"),
        ("num", "42", "42"),
        ("NUM", "42", "42"),
        ("name-valid", "no", "0"),
        ("num-valid", "0", "0"),
        ("name-pres", "prohib", "prohib"),
        ("num-pres", "prohib_passed_screen", "prohib_passed_screen"),
        ("pres", "prohib_not_screened", "prohib_not_screened"),
        ("num-plan", "16", "16"),
        ("tag", "t", "t"),
        ("subaddr", "s", "s"),
        ("ANI", "7", "7"),
        ("ANI-num", "7", "7"),
        ("ANI-name", "A", "A"),
        ("ANI2", "3", "3"),
        ("priv-num", "8", "8"),
        ("RDNIS", "9", "9"),
        ("DNID", "100", "100"),
        ("dnid-num-plan", "2", "2"),
        ("dnid-subaddr", "x", "x"),
    ],
)
def test_callerid_reads_what_was_written(call: DialplanCall, key: str, value: str, back: str) -> None:
    write(call, f"CALLERID({key})", value)
    assert read(call, f"CALLERID({key})") == back


def test_callerid_of_a_given_text(call: DialplanCall) -> None:
    assert read(call, 'CALLERID(num,"A" <12>)') == "12"
    assert read(call, "CALLERID(num)") == "1000"


@pytest.mark.parametrize("expression", ["CALLERID(nothing)", "CALLERID(ANI-nothing)", "CONNECTEDLINE(x)", "CHANNEL(x)"])
def test_unknown_keys_are_errors(call: DialplanCall, expression: str) -> None:
    with pytest.raises(Exception, match=r"(?i)unknown"):
        read(call, expression)


@pytest.mark.parametrize("write_to", ["CALLERID(pres)=x", "CALLERID(num-plan)=x"])
def test_wrong_values_are_errors(call: DialplanCall, write_to: str) -> None:
    expression, _, value = write_to.partition("=")
    with pytest.raises(Exception, match="'x' is not"):
        write(call, expression, value)


def test_connectedline_tells_the_far_end(call: DialplanCall) -> None:
    write(call, "CONNECTEDLINE(num,i)", "5")
    assert call.far.told == ["answer"]
    write(call, "CONNECTEDLINE(name)", "N")
    assert call.far.told == ["answer", "connected_line"]
    assert read(call, "CONNECTEDLINE(all)") == '"N" <5>'


def test_channel(call: DialplanCall) -> None:
    assert read(call, "CHANNEL(name)") == call.channel.name
    assert read(call, "CHANNEL(state)") == "Up"
    assert read(call, "CHANNEL(channeltype)") == "Fake"
    assert read(call, "CHANNEL(appname)") == "Wait"
    write(call, "CHANNEL(language)", "de")
    assert call.channel.language == "de"
    write(call, "CHANNEL(amaflags)", "billing")
    assert read(call, "CHANNEL(amaflags)") == "2"
    assert call.channel.name in str(read(call, "CHANNELS(^Fake/)"))
    assert read(call, "CHANNELS(^None)") == ""
    with pytest.raises(Exception, match="regular expression"):
        read(call, "CHANNELS(()")


def test_channel_asks_the_technology(call: DialplanCall) -> None:
    call.far.read_attribute = lambda item, rest: f"{item}:{','.join(rest)}"  # type: ignore[attr-defined]
    assert read(call, "CHANNEL(pjsip,call-id)") == "pjsip:call-id"


def test_database(call: DialplanCall) -> None:
    assert read(call, "DB(f/k)") == ""
    assert read(call, "DB_EXISTS(f/k)") == "0"
    write(call, "DB(f/k)", "v")
    write(call, "DB(f/sub/x)", "w")
    assert read(call, "DB(f/k)") == "v"
    assert call.variable("DB_RESULT") == "v"
    assert read(call, "DB_EXISTS(f/k)") == "1"
    assert read(call, "DB_KEYS(f)") == "k,sub"
    assert read(call, "DB_KEYS()") == "f"
    assert read(call, "DB_DELETE(f/k)") == "v"
    assert read(call, "DB_EXISTS(f/k)") == "0"
    for wrong in ("DB(x)", "DB_EXISTS()", "DB_DELETE(/x)"):
        with pytest.raises(Exception, match="requires an argument"):
            read(call, wrong)


def test_global(harness: DialplanHarness, call: DialplanCall) -> None:
    write(call, "GLOBAL(G)", "v")
    assert read(call, "GLOBAL(G)") == "v"
    assert call.channel.get_variable("G") == "v"
    assert read(call, "GLOBAL(NONE)") == ""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("LEN(abc)", "3"),
        ("LEN()", "0"),
        ("LEN(a,b)", "3"),
        ("LEN(ä)", "2"),
        ("TOUPPER(aB1)", "AB1"),
        ("TOLOWER(aB1)", "ab1"),
        ("FILTER(0-9,a1-2)", "12"),
        ("FILTER(a-c\\-,a-d)", "a-"),
        ("FILTER(\\x41,aA)", "A"),
        ("STRFTIME(0,UTC,%Y-%m-%d %H:%M:%S)", "1970-01-01 00:00:00"),
        ("STRFTIME(0.25,UTC,%S.%3q)", "00.250"),
        ("STRFTIME(0,Europe/Berlin,%H)", "01"),
        ("STRFTIME(,UTC,%s)", None),
    ],
)
def test_strings(call: DialplanCall, expression: str, value: str | None) -> None:
    got = read(call, expression)
    assert got == value if value is not None else got


@pytest.mark.parametrize("expression", ["STRFTIME(1e300,UTC)", "FILTER(x)"])
def test_strings_that_are_wrong(call: DialplanCall, expression: str) -> None:
    with pytest.raises(Exception, match=r"STRFTIME|FILTER"):
        read(call, expression)


def test_timeouts(harness: DialplanHarness, call: DialplanCall) -> None:
    assert read(call, "TIMEOUT(digit)") == "5.000"
    assert read(call, "TIMEOUT(response)") == "10.000"
    assert read(call, "TIMEOUT(absolute)") == "0"
    write(call, "TIMEOUT(digit)", "2.5")
    assert read(call, "TIMEOUT(digit)") == "2.500"
    write(call, "TIMEOUT(absolute)", "9")
    harness.core.clock.advance(1)
    assert read(call, "TIMEOUT(absolute)") == "8.000"
    write(call, "TIMEOUT(absolute)", "0")
    harness.core.clock.advance(20)
    assert not call.ended


@pytest.mark.parametrize("name", ["PJSIP_HEADER(read,X)", "SIP_HEADER(X)", "PJSIP_HEADERS(X)"])
def test_headers_need_a_sip_channel(call: DialplanCall, name: str) -> None:
    with pytest.raises(Exception, match="PJSIP channels only"):
        read(call, name)


def test_headers(call: DialplanCall) -> None:
    from pbx.pjsip.headers import EXTRA_KEY, HeaderStore

    call.channel.extra[EXTRA_KEY] = store = HeaderStore()
    write(call, "PJSIP_HEADER(add,X-One)", "1")
    write(call, "SIP_HEADER(add,X-Two)", "2")
    assert read(call, "SIP_HEADER(X-One)") == "1"
    assert read(call, "PJSIP_HEADERS(X-)") == "X-One,X-Two"
    write(call, "PJSIP_HEADER(update,X-Two)", "3")
    assert read(call, "PJSIP_HEADER(read,X-Two,1)") == "3"
    assert read(call, "PJSIP_HEADER(remove,X-*)") == "2"
    assert store.added == []
    write(call, "PJSIP_HEADER(add,X-One)", " 4 ")
    for number in ("1", "0", "-1", "y", ""):
        assert read(call, f"PJSIP_HEADER(read,X-One,{number})") == "4"
    for wrong in ("PJSIP_HEADER(steal,X)", "PJSIP_HEADER(read)", "PJSIP_HEADER(add,X)", "PJSIP_HEADER()"):
        with pytest.raises(Exception, match=r"action|requires a header name"):
            read(call, wrong)


def test_a_header_that_is_missing_is_nothing_to_tell(harness: DialplanHarness, call: DialplanCall) -> None:
    from pbx.pjsip.headers import EXTRA_KEY, HeaderStore

    call.channel.extra[EXTRA_KEY] = HeaderStore()
    with LogEvents() as log:
        text = "${PJSIP_HEADER(read,X-None)}${PJSIP_RESPONSE_HEADER(read,X-None)}"
        assert harness.engine.substitute(call.channel, text) == ""
    assert not log.events
    with LogEvents() as log:
        assert harness.engine.substitute(call.channel, "${PJSIP_HEADER(steal,X-None)}") == ""
    assert "unknown action 'steal'" in log.events[0]["problem"]


def test_what_can_only_be_written(call: DialplanCall) -> None:
    with pytest.raises(Exception, match="Function PJSIP_INHERITABLE_HEADER cannot be read"):
        read(call, "PJSIP_INHERITABLE_HEADER(read,X)")


def test_functions_without_a_channel(harness: DialplanHarness) -> None:
    assert harness.engine.read_function(None, "LEN(ab)") == "2"
    for expression in ("CALLERID(num)", "CHANNEL(name)", "TIMEOUT(digit)", "PJSIP_HEADER(read,X)"):
        with pytest.raises(Exception, match="channel"):
            harness.engine.read_function(None, expression)


@pytest.mark.parametrize(("expression", "why"), [("LEN", "not of the form"), ("LEN(x", "not of the form")])
def test_malformed_expressions(harness: DialplanHarness, expression: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        harness.engine.read_function(None, expression)
    with pytest.raises(Exception, match="cannot be written"):
        harness.engine.write_function(None, "LEN(x)", "1")


def test_dialled_number_survives(call: DialplanCall) -> None:
    call.channel.dialed = replace(Dialed(), number="555")
    assert read(call, "CALLERID(dnid)") == "555"


def console(harness: DialplanHarness, line: str) -> str:
    return result_of(start(harness.server.cli.run(line))).output


def test_console(harness: DialplanHarness, call: DialplanCall) -> None:
    assert "[ Context 'default' created by 'pbx_lua' ]" in console(harness, "dialplan show")
    assert "'Lua/'" in console(harness, "dialplan show default")
    assert "'Lua/'" in console(harness, "dialplan show 100@default")
    assert "no existence of 'none' context" in console(harness, "dialplan show none").lower()
    assert "no existence of 9@default extension" in console(harness, "dialplan show 9@default").lower()
    assert "Global variable 'A' set to 'b c'" in console(harness, "dialplan set global A 'b c'")
    assert "   A=b c" in console(harness, "dialplan show globals")
    console(harness, f"dialplan set chanvar {call.channel.name} V 1")
    assert "V=1" in console(harness, f"dialplan show chanvar {call.channel.name}")
    assert "Playback: Play files." in console(harness, "core show applications like play")
    assert "DIALSTATUS" in console(harness, "core show application dial")
    assert "not registered" in console(harness, "core show application nothing")
    assert "LEN(string)" in console(harness, "core show functions like LEN")
    assert "Caller*ID" in console(harness, "core show function callerid")
    assert "Lua" in console(harness, "core show switches")
    assert "Usage" in console(harness, "dialplan set global A")


def test_console_reload(harness: DialplanHarness) -> None:
    harness.write("extensions.lua", extensions("", "200"))
    assert "Dialplan reloaded" in console(harness, "dialplan reload")
    assert harness.engine.exists("default", "200")
    harness.write("extensions.lua", "x = = 1")
    assert "extensions.lua:1:" in console(harness, "dialplan reload")
    assert harness.engine.exists("default", "200")


def test_everything_registered_explains_itself(harness: DialplanHarness) -> None:
    for application in harness.engine.registry.applications():
        assert application.help.synopsis.strip()
        assert application.module
    for function in harness.engine.registry.functions():
        assert function.help.synopsis.strip()
        assert function.module


def test_a_module_in_use_is_not_unloaded(harness: DialplanHarness) -> None:
    harness.write("extensions.lua", extensions("app.Echo()"))
    console(harness, "dialplan reload")
    call = harness.call("100")
    with pytest.raises(Exception, match="in use"):
        result_of(start(harness.server.modules.unload("app_echo")))
    call.far.hang_up()
    result_of(start(harness.server.modules.unload("app_echo")))
    assert not harness.engine.has_application("Echo")
    harness.call("100")
    assert harness.logged("application 'Echo' not found")


def test_a_function_that_there_is_not_is_told_and_the_call_goes_on(
    harness: DialplanHarness, call: DialplanCall
) -> None:
    assert result_of(start(settle(read(call, "SET(NOSUCH(x)=1)")))) == "1"
    write(call, "ARRAY(NOSUCH(x),B)", "1,2")
    assert call.variable("B") == "2"
    assert read(call, "FIELDQTY(NOSUCH(x),-)") == "0"
    assert harness.logged("Function NOSUCH not registered")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", "5.000"),
        ("2.5", "2.500"),
        ("5x", "5.000"),
        ("1e2", "1.000"),
        ("-1", "0.000"),
        ("abc", "0.000"),
        ("", "0.000"),
    ],
)
def test_timeouts_are_read_as_c_reads_them(call: DialplanCall, value: str, seconds: str) -> None:
    write(call, "TIMEOUT(digit)", value)
    assert read(call, "TIMEOUT(d)") == seconds


def test_broken_utf8_is_told_as_such_and_kept_as_it_is(harness: DialplanHarness, call: DialplanCall) -> None:
    told: list[tuple[str, str]] = []
    harness.core.bus.subscribe(messages.VariableSet, lambda event: told.append((event.name, event.value)))
    call.channel.set_variable("X", "\udcc3(")
    assert told == [("X", "\ufffd(")]
    assert call.variable("X") == "\udcc3("


def test_deleted_variables_are_told(harness: DialplanHarness, call: DialplanCall) -> None:
    told: list[tuple[str, str]] = []
    harness.core.bus.subscribe(messages.VariableSet, lambda event: told.append((event.name, event.value)))
    write(call, "GLOBAL(G)", "1")
    write(call, "GLOBAL_DELETE(G)", "")
    write(call, "GLOBAL_DELETE(G)", "")
    call.channel.set_variable("_V", "1")
    write(call, "DELETE(_V)", "")
    assert told == [("G", "1"), ("G", ""), ("_V", "1"), ("_V", "")]
    assert call.variable("V") is None


@pytest.mark.parametrize(
    ("item", "value", "back"),
    [
        ("amaflags", "billing", "2"),
        ("amaflags", "no such", "0"),
        ("amaflags", "7", "7"),
        ("callgroup", "1-3,5", "1, 2, 3, 5"),
        ("callgroup", "62-70,x,3", "3, 62, 63"),
        ("namedcallgroup", "t,h,1", "h, 1, t"),
        ("dtmf_features", "XTQ", "TX"),
        ("max_forwards", "-1", "-1"),
        ("digitdetect", "yes", ""),
        ("tdd", "mate", ""),
    ],
)
def test_channel_items(call: DialplanCall, item: str, value: str, back: str) -> None:
    write(call, f"CHANNEL({item})", value)
    assert read(call, f"CHANNEL({item})") == back


def test_a_tone_zone_there_is_not(call: DialplanCall) -> None:
    with pytest.raises(Exception, match="Unknown country code 'atlantis'"):
        write(call, "CHANNEL(tonezone)", "atlantis")
    assert read(call, "CHANNEL(tonezone)") == ""


def test_groups_as_long_as_asterisk_keeps_them(call: DialplanCall) -> None:
    assert read(call, "GROUP_COUNT()") == "0"
    write(call, f"GROUP({'c' * 90})", "g" * 90)
    assert read(call, "GROUP_LIST()") == f"{'g' * 79}@{'c' * 79}"
    assert read(call, "GROUP_MATCH_COUNT(()") == "0"


def test_prompts_that_a_value_is_said_by(harness: DialplanHarness, call: DialplanCall) -> None:
    for name in ("letters/a", "letters/b", "digits/1", "digits/star", "digits/minus", "digits/0", "phonetic/a_p"):
        harness.core.switchboard.sounds[name] = Path(f"{name}.wav")
    assert read(call, "SAYFILES(aBc1)") == "letters/a&letters/b&digits/1"
    assert read(call, "SAYFILES(A-,phonetic)") == "phonetic/a_p"
    assert read(call, "SAYFILES(-1*x,digits)") == "digits/minus&digits/1&digits/star"
    assert read(call, "SAYFILES(0,number)") == "digits/0"
    assert read(call, "SAYFILES(0,money)") == "digits/0&cents"
    assert read(call, "SAYFILES()") == ""
    for wrong in ("a,number", "1.5,ordinal", "2147483648,number", "1,words"):
        with pytest.raises(Exception, match="Invalid"):
            read(call, f"SAYFILES({wrong})")

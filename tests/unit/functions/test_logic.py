"""Functions that decide, count and know: logic, dialplan, modules, groups, variables, system."""

from __future__ import annotations

import re

import pytest

from pbx.core.dialed_causes import MAX_CAUSES, causes_of, note_cause, set_dialer
from pbx.testing.deferreds import result_of, start
from tests.unit.functions.conftest import Functions

#: 14 November 2023, 22:13:20 UTC, a Tuesday: where the virtual clock begins.
TIME = "22:00-23:00"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("ISNULL()", "1"),
        ("ISNULL(a)", "0"),
        ("EXISTS()", "0"),
        ("EXISTS(a)", "1"),
        ("IF(1?yes:no)", "yes"),
        ("IF(0?yes:no)", "no"),
        ("IF(00?yes:no)", "no"),
        ("IF(text? yes :no)", "yes"),
        ("IF(0?yes)", ""),
        ("IF(1?:no)", ""),
        ("IF(1?a:b:c)", "a"),
        ('IF(0?a:"b:c")', '"b:c"'),
        (f"IFTIME({TIME},*,*,*,UTC?in:out)", "in"),
        ("IFTIME(*,wed,*,*,UTC?in:out)", "out"),
        ('IFTIME(*,tue,14,nov,UTC?"in":out)', "in"),
        ("IFMODULE(func_logic.so)", "1"),
        ("IFMODULE(func_nothing.so)", "0"),
        ("IFMODULE()", "0"),
        ("DIALPLAN_EXISTS(default)", "1"),
        ("DIALPLAN_EXISTS(nowhere)", "0"),
        ("DIALPLAN_EXISTS(default,100)", "1"),
        ("DIALPLAN_EXISTS(default,999)", "0"),
        ("DIALPLAN_EXISTS(default,100,1)", "1"),
        ("DIALPLAN_EXISTS(default,100,7)", "0"),
        ("DIALPLAN_EXISTS(default,100,label)", "0"),
        ("VALID_EXTEN(default,100)", "1"),
        ("VALID_EXTEN(,100)", "1"),
        ("VALID_EXTEN(,100,2)", "0"),
        ("VERSION()", "22.10.1"),
        ("VERSION(ASTERISK_VERSION_NUM)", "221001"),
        ("SYSINFO(numcalls)", "1"),
        ("CHANNEL_EXISTS(nobody)", "0"),
        ("BASENAME(/etc/asterisk/)", "asterisk"),
        ("BASENAME(/)", "/"),
        ("DIRNAME(/etc/asterisk/a.conf)", "/etc/asterisk"),
        ("DIRNAME(/etc)", "/"),
        ("DIRNAME(a)", "."),
        ("GROUP()", ""),
        ("GROUP_LIST()", ""),
        ("HANGUPCAUSE_KEYS()", ""),
        ("DB_KEYCOUNT(nothing)", "0"),
    ],
)
def test_values(functions: Functions, expression: str, value: str) -> None:
    assert functions.read(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("IF(x)", "Syntax IF"),
        ("IF(?a:b)", "Syntax IF"),
        ("IFTIME(x)", "Syntax IFTIME"),
        ("DIALPLAN_EXISTS()", "Invalid arguments"),
        ("VALID_EXTEN(default)", "missing argument"),
        ("SYSINFO()", "missing argument"),
        ("SYSINFO(x)", "Unknown sysinfo"),
        ("HANGUPCAUSE(a)", "2 parameters, not 1"),
        ("HANGUPCAUSE(a,tech)", "Unable to find information"),
        ("DELETE(x)", "cannot be read"),
        ("TESTTIME()", "cannot be read"),
        ("GLOBAL_DELETE(x)", "cannot be read"),
        ("SHARED()", "requires an argument"),
        ("SHARED(a,nobody)", "not found"),
        ("CHANNEL_EXISTS()", "required"),
        ("CHANNEL(nothing)", "Unknown or unavailable"),
    ],
)
def test_wrong_uses(functions: Functions, expression: str, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        functions.read(expression)


@pytest.mark.parametrize("word", ["loadavg", "uptime", "totalram", "freeram", "bufferram", "freeswap", "numprocs"])
def test_the_machine(functions: Functions, word: str) -> None:
    assert re.fullmatch(r"[0-9.]+", functions.read(f"SYSINFO({word})"))


def test_a_time_for_tests(functions: Functions) -> None:
    functions.write("TESTTIME()", "2024/02/29 08:30:00 UTC")
    assert functions.read("IFTIME(08:00-09:00,thu,29,feb,UTC?in:out)") == "in"
    assert dict(functions.channel.variables.inherited())["__TESTTIME"] == "1709195400"
    functions.write("TESTTIME()", "0")
    assert functions.variable("TESTTIME") is None
    with pytest.raises(Exception, match="is not YYYY"):
        functions.write("TESTTIME()", "tomorrow")


def test_variables_that_go(functions: Functions) -> None:
    functions.write("a", "1")
    assert functions.read("VARIABLE_EXISTS(a)") == "1"
    functions.write("DELETE(a)", "")
    assert functions.read("VARIABLE_EXISTS(a)") == "0"
    functions.write("GLOBAL(g)", "")
    assert functions.read("GLOBAL_EXISTS(g)") == "1"
    assert functions.read("VARIABLE_EXISTS(g)") == "1"
    functions.write("GLOBAL_DELETE(g)", "")
    assert functions.read("GLOBAL_EXISTS(g)") == "0"


def test_shared_variables(functions: Functions) -> None:
    other = functions.harness.call("100", resource="other").channel
    functions.write("SHARED(v)", "mine")
    functions.write(f"SHARED(v,{other.name})", "theirs")
    assert [functions.read("SHARED(v)"), functions.read("SHARED(v)", other)] == ["mine", "theirs"]
    assert functions.read("SHARED(v,Fake/other)") == "theirs"
    assert functions.read("SHARED(none)") == ""
    assert functions.variable("v") is None


def test_groups(functions: Functions) -> None:
    other = functions.harness.call("100", resource="other").channel
    functions.write("GROUP()", "sales")
    functions.write("GROUP(trunk)", "one")
    functions.write("GROUP(trunk)", "ONE", other)
    assert functions.read("GROUP()") == "sales"
    assert functions.read("GROUP(Trunk)") == "one"
    assert functions.read("GROUP_LIST()") == "sales one@trunk"
    assert functions.read("GROUP_COUNT()") == "1"
    assert functions.read("GROUP_COUNT(one@trunk)") == "2"
    assert functions.read("GROUP_COUNT(one)") == "2"
    assert functions.read("GROUP_COUNT(one@other)") == "0"
    assert functions.read("GROUP_MATCH_COUNT(^.n)") == "1"
    assert functions.read("GROUP_MATCH_COUNT([oO]@tr)") == "2"
    shown = result_of(start(functions.harness.server.cli.run("group show channels"))).output
    assert "3 active channels" in shown
    assert "(default)" in shown
    functions.write("GROUP(trunk)", "two", other)
    assert functions.read("GROUP_COUNT(one@trunk)") == "1"
    functions.write("GROUP(trunk)", "", other)
    assert functions.read("GROUP_COUNT(two@trunk)") == "0"
    functions.write("GROUP()", "sales", other)
    other.hangup()
    functions.harness.core.clock.advance(0)
    assert functions.read("GROUP_COUNT(sales)") == "1"


def test_causes_of_dialled_channels(functions: Functions) -> None:
    peer = functions.harness.core.fake.incoming("peer").channel
    set_dialer(peer, functions.channel)
    note_cause(peer, 0, "SIP 180 Ringing")
    note_cause(peer, 17, "SIP 486 Busy Here")
    peer.hangup()
    assert functions.read("HANGUPCAUSE_KEYS()") == peer.name
    assert functions.read(f"HANGUPCAUSE({peer.name},tech)") == "SIP 486 Busy Here"
    assert functions.read(f"HANGUPCAUSE({peer.name},ast)") == "User busy"
    with pytest.raises(Exception, match="not recognized"):
        functions.read(f"HANGUPCAUSE({peer.name},x)")
    result_of(start(functions.harness.engine.execute(functions.channel, "HangupCauseClear", "")))
    assert functions.read("HANGUPCAUSE_KEYS()") == ""
    for _ in range(MAX_CAUSES + 5):
        each = functions.harness.core.fake.incoming("x").channel
        set_dialer(each, functions.channel)
        note_cause(each, 16, "x")
        each.hangup()
    assert len(causes_of(functions.channel)) == MAX_CAUSES


@pytest.mark.parametrize(
    ("item", "value", "back"),
    [
        ("language", "de", "de"),
        ("amaflags", "BILLING", "2"),
        ("peeraccount", "p", "p"),
        ("callgroup", "1,3-5", "1, 3, 4, 5"),
        ("pickupgroup", "", ""),
        ("namedcallgroup", "b, a", "a, b"),
        ("max_forwards", "7", "7"),
        ("transfercapability", "video", "VIDEO"),
        ("secure_bridge_media", "yes", "1"),
        ("secure_bridge_signaling", "no", ""),
        ("parkinglot", "lot", "lot"),
    ],
)
def test_items_of_a_channel(functions: Functions, item: str, value: str, back: str) -> None:
    functions.write(f"CHANNEL({item})", value)
    assert functions.read(f"CHANNEL({item})") == back


def test_formats_and_the_call_s_number(functions: Functions) -> None:
    functions.channel.formats = ()
    items = ("audionativeformat", "audioreadformat", "audiowriteformat", "videonativeformat")
    assert [functions.read(f"CHANNEL({item})") for item in items] == ["(slin)", "slin", "slin", "(nothing)"]
    functions.channel.formats = ("ulaw", "alaw")
    assert [functions.read(f"CHANNEL({item})") for item in items[:2]] == ["(ulaw|alaw)", "ulaw"]
    functions.channel.linkedid = "1.26"
    assert functions.read("CHANNEL(callid)") == "[C-0000001a]"


def test_items_nobody_set(functions: Functions) -> None:
    name = functions.channel.name
    assert functions.read("CHANNEL(max_forwards)") == "20"
    assert functions.read("CHANNEL(transfercapability)") == "SPEECH"
    assert functions.read("CHANNEL(device_name)") == "Fake/phone"
    assert functions.read("CHANNEL(peer)") == ""
    assert functions.read("CHANNELS(FAKE/PHONE)") == name
    assert functions.read("CHANNELS(^x)") == ""
    assert functions.read(f"CHANNEL_EXISTS({name})") == "1"
    for item in ("max_forwards", "transfercapability"):
        with pytest.raises(Exception, match=r"max forwards|transfer capability"):
            functions.write(f"CHANNEL({item})", "x")
    functions.write("CHANNEL(callgroup)", "a,99")
    assert functions.read("CHANNEL(callgroup)") == ""

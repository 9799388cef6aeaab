"""What a manager client is told of the dialplan, and what it changes there."""

from __future__ import annotations

import pytest

from pbx.testing.ami import AmiMessage
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair, Connect

CONF = """
[office]
include => day
ignorepat => 9
switch => Lua/
exten => 100,1(start),Answer()
 same => n(end),Hangup(16)
exten => 100,hint,PJSIP/a
exten => _X.,1,NoOp()
[day]
exten => 101,1,NoOp(day)
"""


@pytest.fixture
def office(admin: AmiPair, harness: DialplanHarness) -> AmiPair:
    harness.write("extensions.conf", CONF)
    result_of(start(harness.server.modules.load("pbx_config")))
    admin.receive()
    return admin


def rows(found: list[AmiMessage]) -> list[dict[str, str]]:
    return [{k: v for k, v in each.headers if k not in ("Event", "ActionID")} for each in found if each.is_event]


async def test_show_a_context(office: AmiPair) -> None:
    head, *events = office.ask("ShowDialPlan", Context="office", ActionID="7")
    assert (head["Message"], head["EventList"], head["ActionID"]) == ("DialPlan list will follow", "start", "7")
    assert {each["ActionID"] for each in events} == {"7"}
    common = {"Context": "office", "Registrar": "pbx_config"}
    first = {**common, "Extension": "100"}
    *items, end = rows(events)
    assert items == [
        {**first, "Priority": "hint", "Application": "PJSIP/a"},
        {**first, "Priority": "1", "ExtensionLabel": "start", "Application": "Answer", "AppData": ""},
        {**first, "Priority": "2", "ExtensionLabel": "end", "Application": "Hangup", "AppData": "16"},
        {**common, "Extension": "_X.", "Priority": "1", "Application": "NoOp", "AppData": ""},
        {**common, "IncludeContext": "day"},
        {**common, "IgnorePattern": "9"},
        {**common, "Switch": "Lua/"},
    ]
    assert end == {
        "EventList": "Complete",
        "ListItems": "7",
        "ListExtensions": "2",
        "ListPriorities": "4",
        "ListContexts": "1",
    }


async def test_show_an_extension(office: AmiPair) -> None:
    _start, *events = office.ask("ShowDialPlan", Context="office", Extension="101")
    assert [(each.get("Context"), each.get("Extension")) for each in rows(events)[:-1]] == [
        ("office", "_X."),
        ("office", None),
        ("day", "101"),
    ]


async def test_what_is_not_there(office: AmiPair) -> None:
    for fields, text in (
        ({"Context": "none"}, "Did not find context none"),
        ({"Context": "day", "Extension": "7"}, "Did not find extension 7@day"),
        ({"Extension": "i"}, "Did not find extension i in any context"),
    ):
        reply = office.reply("ShowDialPlan", **fields)
        assert (reply["Response"], reply["Message"]) == ("Error", text)


async def test_add_and_remove(office: AmiPair, harness: DialplanHarness) -> None:
    new = {"Context": "made", "Extension": "5/77", "Priority": "1", "Application": "Set"}
    assert office.reply("DialplanExtensionAdd", **new, ApplicationData="A=1")["Message"] == "Added requested extension"
    assert harness.call("5", "made", caller="77").variable("A") == "1"
    reply = office.reply("DialplanExtensionAdd", **new)
    assert (reply["Response"], reply["Message"]) == (
        "Error",
        "That extension and priority already exist at that context",
    )
    office.reply("DialplanExtensionAdd", **new, ApplicationData="A=2", Replace="yes")
    assert harness.call("5", "made", caller="77").variable("A") == "2"
    for priority in ("x", "0", "-3"):
        reply = office.reply("DialplanExtensionAdd", **{**new, "Priority": priority})
        assert reply["Message"] == "The priority specified was invalid."
    assert office.reply("DialplanExtensionAdd", **{**new, "Extension": "/5"})["Message"] == "Failed to add extension"
    assert office.reply("DialplanExtensionAdd", Context="x")["Message"].startswith("Context, Extension, Priority, and")
    where = {"Context": "made", "Extension": "5/77"}
    reply = office.reply("DialplanExtensionRemove", **where, Priority="1")
    assert reply["Message"] == "Removed the requested priority from the extension"
    reply = office.reply("DialplanExtensionRemove", **where)
    assert (reply["Response"], reply["Message"]) == ("Error", "Failed to remove requested extension")
    reply = office.reply("DialplanExtensionRemove", Context="office", Extension="100")
    assert reply["Message"] == "Removed the requested extension"
    assert harness.hint("office", "100") is None


async def test_without_the_module_there_is_nothing_to_add_by(admin: AmiPair) -> None:
    reply = admin.reply("DialplanExtensionAdd", Context="a", Extension="1", Priority="1", Application="NoOp")
    assert reply["Response"] == "Error"
    assert admin.reply("ShowDialPlan")["Message"] == "DialPlan list will follow"


SUBROUTINE = """
[before]
exten => s,1,Set(WHO=${ARG1}:${CHANNEL(name)})
 same => n,Return
exten => gone,1,Hangup
"""


@pytest.mark.parametrize(("place", "who"), [("before,s,1(me)", "me:"), ("before,gone,1", None), ("nowhere,s,1", None)])
def test_originate_runs_a_subroutine_before_the_call(
    admin: AmiPair, harness: DialplanHarness, place: str, who: str | None
) -> None:
    harness.write("extensions.conf", SUBROUTINE)
    result_of(start(harness.server.modules.load("pbx_config")))
    admin.receive()
    admin.ask("Originate", Channel="Fake/pre", Application="Wait", Data="9", Async="1", PreDialGoSub=place)
    called = harness.core.fake.drivers["pre"][-1]
    assert called.channel.variables.get("WHO") == (who and who + called.channel.name)
    assert called.told == (["call", "hangup 16"] if "gone,1" in place else ["call"])


def test_a_reload_of_lua_tells_the_generation(admin: AmiPair) -> None:
    reply = admin.reply("Reload", Module="pbx_lua.so")
    assert (reply["Response"], reply["Message"]) == ("Success", "Module Reloaded")
    assert reply["Report"].startswith("extensions.lua: generation 2 with ")


def test_originate_may_not_hide_a_function_in_a_subroutine(connect: Connect) -> None:
    caller = connect()
    caller.login("caller", "x3")
    caller.receive()
    reply = caller.reply("Originate", Channel="Fake/pre", Application="Wait", PreDialGoSub="before,s,1(${SHELL(id)})")
    assert reply["Message"] == "Originate Access Forbidden: app or data blacklisted"


def test_hangup_handlers_are_told(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.write("extensions.conf", SUBROUTINE)
    result_of(start(harness.server.modules.load("pbx_config")))
    call = harness.call("100")
    admin.receive()
    for item in ("push", "pop", "push"):
        value = "" if item == "pop" else "before,s,1(bye)"
        admin.ask("Setvar", Channel=call.channel.name, Variable=f"CHANNEL(hangup_handler_{item})", Value=value)
    call.far.hang_up()
    found = [each for each in admin.receive() if each.get("Event", "").startswith("HangupHandler")]
    assert [each["Event"] for each in found] == ["HangupHandlerRun"]
    assert (found[0]["Handler"], found[0]["Channel"]) == ("before,s,1(bye)", call.channel.name)
    assert call.variable("WHO") == f"bye:{call.channel.name}"

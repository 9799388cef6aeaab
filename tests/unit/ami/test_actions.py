"""Actions on calls, as a client sees them."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from ami.actions import ACTIONS
from ami.codec import encode_message
from pbx.core.channel import Channel
from pbx.core.frames import Control
from pbx.core.transfer import TransferResult, attended_transfer
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair, Connect


def phone(harness: DialplanHarness, exten: str = "100") -> Channel:
    """A call from a phone that the dialplan has answered."""
    return harness.call(exten).channel


def test_ping(admin: AmiPair) -> None:
    reply = admin.reply("Ping", ActionID="x")
    assert reply.names == ["Response", "ActionID", "Ping", "Timestamp"]
    assert reply["Timestamp"] == "1700000000.000000"


def test_list_commands(admin: AmiPair) -> None:
    commands = dict(admin.reply("ListCommands").headers)
    assert commands["Hangup"] == "Hangup channel. (Priv: system,call,all)"
    assert commands["Ping"].endswith("(Priv: <none>)")
    # Modules that do not run bring no actions.
    assert "PJSIPShowEndpoints" not in commands
    assert "PJSIPShowEndpoints" in {each.name for each in ACTIONS}
    assert "unknown command" in admin.reply("PJSIPShowEndpoints")["Message"]


def test_command(admin: AmiPair) -> None:
    reply = admin.reply("Command", Command="dialplan show 100@default", ActionID="1")
    assert reply.names[:3] == ["Response", "ActionID", "Message"]
    assert reply["Message"] == "Command output follows"
    assert reply.get_all("Output")
    wrong = admin.reply("Command", Command="no such thing")
    assert wrong["Response"] == "Error"
    assert "No such command" in wrong["Output"]


@pytest.mark.parametrize("command", ["module load x", "MODULE  UNLOAD x", "restart gracefully"])
def test_refused_commands(admin: AmiPair, command: str) -> None:
    assert admin.reply("Command", Command=command)["Message"] == "Command blacklisted"


def test_a_command_cut_short_is_refused_too(admin: AmiPair, harness: DialplanHarness) -> None:
    from pbx.cli.registry import Command

    harness.server.cli.register(Command("module load", "module load x", "", lambda _words: "loaded"))
    assert admin.reply("Command", Command="mod lo app_x")["Message"] == "Command blacklisted"
    assert admin.reply("Command", Command="'module' load app_x")["Message"] == "Command blacklisted"


def test_core_show_channels(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    harness.core.clock.advance(3)
    found = [each for each in admin.ask("CoreShowChannels", ActionID="1") if each.get("ActionID") == "1"]
    start, item, end = found
    assert start.headers == [
        ("Response", "Success"),
        ("ActionID", "1"),
        ("EventList", "start"),
        ("Message", "Channels will follow"),
    ]
    assert item.names == [
        "Event",
        "ActionID",
        "Channel",
        "ChannelState",
        "ChannelStateDesc",
        "CallerIDNum",
        "CallerIDName",
        "ConnectedLineNum",
        "ConnectedLineName",
        "Language",
        "AccountCode",
        "Context",
        "Exten",
        "Priority",
        "Uniqueid",
        "Linkedid",
        "Application",
        "ApplicationData",
        "Duration",
        "BridgeId",
    ]
    assert (item["Channel"], item["CallerIDNum"], item["CallerIDName"]) == (channel.name, "1000", "<unknown>")
    assert (item["Application"], item["ApplicationData"], item["Duration"]) == ("Wait", "60", "00:00:03")
    assert end.headers == [
        ("Event", "CoreShowChannelsComplete"),
        ("ActionID", "1"),
        ("EventList", "Complete"),
        ("ListItems", "1"),
    ]


def test_status(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    channel.set_variable("COLOUR", "red")
    fields = {"ActionID": "1", "Channel": channel.name, "Variables": "COLOUR,CALLERID(num)", "AllVariables": "yes"}
    _, item, end = [each for each in admin.ask("Status", **fields) if each.get("ActionID") == "1"]
    assert item.names[:2] == ["Event", "Privilege"]
    assert item.names[-1] == "ActionID"
    assert (item["Privilege"], item["Type"], item["Application"], item["Seconds"]) == ("Call", "Fake", "Wait", "0")
    assert item.get_all("Variable")[:2] == ["COLOUR=red", "CALLERID(num)=1000"]
    assert end["Items"] == end["ListItems"] == "1"
    assert admin.reply("Status", Channel="nobody")["Message"] == "No such channel"


def test_variables(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    assert admin.reply("Setvar", Channel=channel.name, Variable="A", Value="1")["Message"] == "Variable Set"
    assert channel.variables.get("A") == "1"
    assert admin.reply("Getvar", Channel=channel.uniqueid, Variable="A")["Value"] == "1"
    reply = admin.reply("Getvar", Variable="A", ActionID="1")
    assert reply.headers == [("Response", "Success"), ("ActionID", "1"), ("Variable", "A"), ("Value", "")]
    admin.reply("Setvar", Variable="G", Value="2")
    assert admin.reply("Getvar", Channel=channel.name, Variable="G")["Value"] == "2"
    assert admin.reply("Getvar", Channel="nobody", Variable="A")["Message"] == "No such channel"
    assert admin.reply("Getvar")["Message"] == "No variable specified"


def test_functions(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    assert admin.reply("Getvar", Channel=channel.name, Variable="CALLERID(num)")["Value"] == "1000"
    assert admin.reply("Setvar", Channel=channel.name, Variable="CALLERID(name)", Value="Ann")["Response"] == "Success"
    assert channel.caller.id.name == "Ann"
    assert admin.reply("Getvar", Variable="NOSUCH(x)")["Value"] == ""
    assert admin.reply("Setvar", Variable="NOSUCH(x)", Value="1")["Message"] == "Variable not set"


def test_dangerous_functions_need_system(connect: Connect, harness: DialplanHarness, admin: AmiPair) -> None:
    channel = phone(harness)
    caller = connect()
    caller.login("caller", "x3")
    for name in ("DB(a/b)", "SHELL(id)", "LEN(${EVAL(x)})", "CALLERID(${DB(a/b)})"):
        for action in ("Getvar", "Setvar"):
            reply = caller.reply(action, Channel=channel.name, Variable=name)
            assert reply["Response"] == "Error", (action, name)
            assert "Forbidden" in reply["Message"]
        assert "Forbidden" in caller.reply("Status", Variables=name)["Message"]
    assert caller.reply("Getvar", Channel=channel.name, Variable="CALLERID(num)")["Value"] == "1000"
    assert admin.reply("Getvar", Variable="DB(a/b)")["Response"] == "Success"


def test_hangup(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    reply, *events = admin.ask("Hangup", Channel=channel.name.upper(), Cause="17")[-20:]
    while reply.is_event:
        reply, *events = events
    assert reply["Message"] == "Channel Hungup"
    names = [each["Event"] for each in events]
    assert names.index("SoftHangupRequest") < names.index("Hangup")
    assert events[names.index("Hangup")]["Cause"] == "17"
    assert not channel.alive
    assert admin.reply("Hangup", Channel=channel.name)["Message"] == "No such channel"
    assert admin.reply("Hangup")["Message"] == "No channel specified"


def test_hangup_by_expression(admin: AmiPair, harness: DialplanHarness) -> None:
    channels = [phone(harness) for _ in range(3)]
    admin.receive()
    found = [each for each in admin.ask("Hangup", Channel="/^Fake\\/phone-/", ActionID="1") if "ActionID" in each]
    assert found[0]["Message"] == "Channels hung up will follow"
    assert [each["Channel"] for each in found[1:-1]] == [each.name for each in channels]
    assert (found[-1]["Event"], found[-1]["ListItems"]) == ("ChannelsHungupListComplete", "3")
    assert not any(each.alive for each in channels)
    assert "Regex compile failed" in admin.reply("Hangup", Channel="/(/")["Message"]
    assert "Regex format invalid" in admin.reply("Hangup", Channel="/x")["Message"]


def test_redirect(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    fields = {"Channel": channel.name, "Context": "default", "Exten": "200", "Priority": "1"}
    assert admin.reply("Redirect", **fields)["Message"] == "Redirect successful"
    harness.core.clock.advance(0)
    assert (channel.exten, channel.application, channel.alive) == ("200", "Wait", True)
    assert admin.reply("Redirect", **{**fields, "Priority": "none"})["Message"] == "Priority is invalid"
    assert admin.reply("Redirect", **{**fields, "Exten": ""})["Message"] == "Exten not specified"
    missing = {**fields, "Channel": "nobody"}
    assert admin.reply("Redirect", **missing)["Message"] == "Channel does not exist: nobody"


TALK = """
extensions = {
    default = {
        ["1"] = function() app.Dial("Fake/callee") app.Wait(60) end,
        ["200"] = function() app.Wait(60) end,
        ["300"] = function() app.Wait(60) end,
    },
}
"""


async def talking(harness: DialplanHarness) -> tuple[Channel, Channel]:
    """A call of two that talk: caller and callee."""
    harness.write("extensions.lua", TALK)
    await harness.server.modules.reload("pbx_lua")
    call = harness.call("1")
    callee = harness.core.fake.drivers["callee"][-1]
    callee.say(Control.ANSWER)
    assert call.channel.bridge is not None
    return call.channel, callee.channel


@pytest.mark.parametrize("swapped", [False, True])
async def test_both_parties_of_a_call_are_redirected(admin: AmiPair, harness: DialplanHarness, swapped: bool) -> None:
    caller, callee = await talking(harness)
    one, two = (callee, caller) if swapped else (caller, callee)
    fields = {"Channel": one.name, "ExtraChannel": two.name, "Context": "default", "Exten": "200", "Priority": "1"}
    fields |= {"ExtraContext": "default", "ExtraExten": "300", "ExtraPriority": "1"}
    admin.receive()
    reply, *events = admin.ask("Redirect", **fields)
    assert reply["Message"] == "Dual Redirect successful"
    harness.core.clock.advance(0)
    events += admin.events()
    assert (one.alive, one.exten, one.application) == (True, "200", "Wait")
    assert (two.alive, two.exten, two.application) == (True, "300", "Wait")
    # Each began once at its new place, and none went on where it was.
    assert sorted(each["Exten"] for each in events if each["Event"] == "Newexten") == ["200", "300"]


@pytest.mark.parametrize("transferer", ["caller", "callee"])
async def test_blind_transfer(admin: AmiPair, harness: DialplanHarness, transferer: str) -> None:
    caller, callee = await talking(harness)
    gone, stays = (caller, callee) if transferer == "caller" else (callee, caller)
    assert admin.reply("BlindTransfer", Channel=gone.name, Exten="9", Context="default")["Message"] == "Transfer failed"
    reply = admin.reply("BlindTransfer", Channel=gone.name, Exten="200", Context="default")
    assert reply["Message"] == "Transfer succeeded"
    harness.core.clock.advance(0)
    assert (gone.alive, stays.alive, stays.exten, stays.application) == (False, True, "200", "Wait")
    assert stays.variables.get("BLINDTRANSFER") == gone.name
    assert admin.reply("BlindTransfer", Channel=stays.name, Exten="300")["Message"] == "Transfer invalid"
    assert admin.reply("BlindTransfer", Channel="x", Exten="1")["Message"] == "Channel specified does not exist"


async def test_attended_transfer_is_told(admin: AmiPair, harness: DialplanHarness) -> None:
    (one, two), (three, four) = await talking(harness), await talking(harness)
    first_bridge, second_bridge = one.bridge, three.bridge
    assert first_bridge is not None
    assert second_bridge is not None
    admin.receive()
    transfer = Deferred.fromCoroutine(attended_transfer(two, three))
    harness.core.clock.advance(0)
    assert await transfer is TransferResult.SUCCESS
    joined = one.bridge
    assert joined is not None
    assert four.bridge is joined
    harness.core.clock.advance(0)
    assert [each.alive for each in (one, two, three, four)] == [True, False, False, True]
    events = admin.events()
    (event,) = [each for each in events if each["Event"] == "AttendedTransfer"]
    named = {name: event[name] for name in event.names if name.endswith(("Channel", "BridgeUniqueid"))}
    assert named == {
        "OrigTransfererChannel": two.name,
        "OrigBridgeUniqueid": first_bridge.id,
        "SecondTransfererChannel": three.name,
        "SecondBridgeUniqueid": second_bridge.id,
        "TransfereeChannel": one.name,
        "TransferTargetChannel": four.name,
        "DestBridgeUniqueid": joined.id,
    }
    assert (event["Result"], event["IsExternal"], event["DestType"]) == ("Success", "Yes", "Bridge")
    assert one.variables.get("ATTENDEDTRANSFER") == two.name
    for pair in ((one, one), (one, four), (two, three)):
        result = await Deferred.fromCoroutine(attended_transfer(*pair))
        assert result in (TransferResult.INVALID, TransferResult.FAIL)
    failed = [each for each in admin.events() if each["Event"] == "AttendedTransfer"]
    assert [each["DestType"] for each in failed] == ["Fail"] * 3
    assert one.bridge is four.bridge is joined


async def test_bridges(admin: AmiPair, harness: DialplanHarness) -> None:
    caller, callee = await talking(harness)
    _, item, end = [each for each in admin.ask("BridgeList", ActionID="1") if each.get("ActionID") == "1"]
    assert (item["Event"], item["BridgeNumChannels"], end["Event"]) == ("BridgeListItem", "2", "BridgeListComplete")
    found = admin.ask("BridgeInfo", BridgeUniqueid=item["BridgeUniqueid"], ActionID="2")
    assert [each.get("Channel") for each in found][1:3] == [callee.name, caller.name]
    assert found[-1]["BridgeTechnology"] == "simple_bridge"
    assert admin.reply("BridgeInfo", BridgeUniqueid="x")["Message"] == "Specified BridgeUniqueid not found"
    assert admin.reply("BridgeKick", Channel=callee.name)["Message"] == "Channel has been kicked"
    assert not callee.alive
    assert admin.reply("BridgeKick", Channel=phone(harness, "200").name)["Message"] == "Channel is not in a bridge"


async def test_a_bridge_is_destroyed_with_its_calls(admin: AmiPair, harness: DialplanHarness) -> None:
    caller, callee = await talking(harness)
    assert caller.bridge is not None
    reply = admin.reply("BridgeDestroy", BridgeUniqueid=caller.bridge.id)
    assert reply["Message"] == "Bridge has been destroyed"
    assert (caller.alive, callee.alive) == (False, False)


def test_local_channels_may_be_optimized(admin: AmiPair, harness: DialplanHarness) -> None:
    admin.reply("Originate", Channel="Local/100@default/n", Application="Wait", Data="9", Async="1")
    one = next(each for each in harness.server.channels if each.technology == "Local")
    assert admin.reply("LocalOptimizeAway", Channel=one.name)["Message"] == "Queued channel to be optimized away"
    assert admin.reply("LocalOptimizeAway", Channel=phone(harness).name)["Message"] == "Unable to find channel"


async def test_channel_map(admin: AmiPair, harness: DialplanHarness) -> None:
    caller, callee = await talking(harness)
    found = admin.ask("CoreShowChannelMap", Channel=caller.name, ActionID="1")
    connected = [each["ConnectedChannel"] for each in found if each.get("Event") == "CoreShowChannelMap"]
    assert connected == [callee.name]


def test_database(admin: AmiPair) -> None:
    assert admin.reply("DBGet", Family="cidname", Key="1")["Message"] == "Database entry not found"
    assert admin.reply("DBPut", Family="cidname", Key="1", Val="Ann")["Message"] == "Updated database successfully"
    _, item, _ = admin.ask("DBGet", Family="cidname", Key="1", ActionID="1")
    assert (item["Event"], item["Val"], item.names[-1]) == ("DBGetResponse", "Ann", "ActionID")
    _, item, end = admin.ask("DBGetTree", Family="cidname", ActionID="2")
    assert (item["Key"], end["ListItems"]) == ("/cidname/1", "1")
    assert admin.reply("DBDel", Family="cidname", Key="1")["Message"] == "Key deleted successfully"
    assert admin.reply("DBDelTree", Family="cidname")["Message"] == "Database entry not found"
    assert admin.reply("DBPut", Family="cidname")["Message"] == "No key specified"


def test_user_event(admin: AmiPair) -> None:
    data = encode_message(
        [("Action", "UserEvent"), ("ActionID", "1"), ("UserEvent", "Coffee"), ("Cups", "2"), ("Cups", "3")]
    )
    reply, event = admin.send(data)
    assert reply["Message"] == "Event Sent"
    assert event.headers == [
        ("Event", "UserEvent"),
        ("Privilege", "user,all"),
        ("UserEvent", "Coffee"),
        ("ActionID", "1"),
        ("Cups", "2"),
        ("Cups", "3"),
    ]


def test_extension_state(admin: AmiPair, harness: DialplanHarness) -> None:
    reply = admin.reply("ExtensionState", Exten="100", Context="default")
    assert (reply["Hint"], reply["Status"], reply["StatusText"]) == ("Fake/phone", "0", "Idle")
    phone(harness)
    assert admin.reply("ExtensionState", Exten="100")["StatusText"] == "InUse"
    none = admin.reply("ExtensionState", Exten="200")
    assert (none["Status"], none["Hint"]) == ("-1", "")


def test_modules(admin: AmiPair, harness: DialplanHarness) -> None:
    assert admin.reply("ModuleCheck", Module="app_dial.so")["Response"] == "Success"
    assert admin.reply("ModuleCheck", Module="app_nothing")["Message"] == "Module not loaded"
    assert admin.reply("ModuleLoad", Module="app_echo", LoadType="unload")["Message"] == "Module unloaded."
    assert admin.reply("ModuleCheck", Module="app_echo")["Response"] == "Error"
    assert admin.reply("ModuleLoad", Module="app_echo", LoadType="load")["Message"] == "Module loaded."
    assert admin.reply("ModuleLoad", Module="../x", LoadType="load")["Response"] == "Error"
    assert admin.reply("ModuleLoad", Module="x", LoadType="load")["Message"] == "Module not found."
    assert admin.reply("ModuleLoad", Module="pbx_lua", LoadType="reload")["Message"] == "Module reloaded."
    assert admin.reply("Reload", Module="nothing")["Message"] == "No such module"
    assert admin.reply("Reload")["Message"] == "Module Reloaded"


def test_texts_and_digits(admin: AmiPair, harness: DialplanHarness) -> None:
    call = harness.call("100")
    assert admin.reply("SendText", Channel=call.channel.name, Message="hello")["Message"] == "Success"
    assert admin.reply("PlayDTMF", Channel=call.channel.name, Digit="5")["Message"] == "DTMF successfully queued"
    assert call.far.told[-2:] == ["text hello", "digit 5"]
    json = {"Channel": call.channel.name, "Message": "{}", "Content-Type": "application/x-it+json"}
    assert admin.reply("SendText", **json)["Message"] == "Success"
    assert call.far.told[-1] == "text application/x-it+json {}"
    assert admin.reply("SendText", **{**json, "Content-Type": "a/b\x01"})["Message"] == "Failure"
    assert admin.reply("PlayDTMF", Channel=call.channel.name, Digit="x")["Response"] == "Error"


def test_absolute_timeout(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = phone(harness)
    assert admin.reply("AbsoluteTimeout", Channel=channel.name, Timeout="5")["Message"] == "Timeout Set"
    harness.core.clock.advance(5)
    assert not channel.alive


def test_filters_of_a_session(admin: AmiPair, harness: DialplanHarness) -> None:
    assert admin.reply("Filter", Operation="Add", Filter="!Event: VarSet")["Message"] == "Success"
    assert admin.reply("Filter", Operation="Add", MatchCriteria="name(X)", Filter="y")["Response"] == "Error"
    assert admin.reply("Filter", Operation="Drop", Filter="x")["Message"] == "Unknown operation"
    admin.receive()
    channel = harness.core.fake.incoming("phone").channel
    channel.set_variable("A", "1")
    assert [each["Event"] for each in admin.events()] == ["Newchannel", "Newexten"][:1]

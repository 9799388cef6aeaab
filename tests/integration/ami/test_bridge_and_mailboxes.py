"""Bridge brings two calls together and lets them go on; mailboxes are set, read and forgotten."""

from __future__ import annotations

from tests.integration.ami.conftest import Connect


async def test_bridge_pulls_two_calls_together_and_they_go_on_afterwards(connect: Connect) -> None:
    client = await connect()
    ends = []
    for number in ("1", "2"):
        fields = {"Channel": "Local/100@internal", "Context": "plan", "Exten": "102", "Priority": "1"}
        await client.action("Originate", ActionID=number, Async="true", ChannelId=f"end-{number}", **fields)
        ends.append(await client.event("OriginateResponse", ActionID=number))
    one, two = (end["Channel"] for end in ends)
    reply = await client.action("Bridge", Channel1=one, Channel2=two)
    assert (reply["Response"], reply["Message"]) == ("Success", "Channels have been bridged")
    for end in ends:
        entered = await client.event("BridgeEnter", Uniqueid=end["Uniqueid"])
        assert entered["BridgeType"] == "basic"
    await client.action("Hangup", Channel=one)
    await client.event("Hangup", Uniqueid="end-1")
    # The other goes on behind the Wait it was in.
    seen = await client.event("UserEvent", UserEvent="After")
    assert seen["Uniqueid"] == "end-2"
    await client.action("Hangup", Channel=two)
    await client.event("Hangup", Uniqueid="end-2")


async def test_bridge_needs_two_channels_that_are_there(connect: Connect) -> None:
    client = await connect()
    reply = await client.action("Bridge", Channel1="Local/none")
    assert reply["Message"] == "Missing channel parameter in request"
    reply = await client.action("Bridge", Channel1="Local/none", Channel2="Local/other")
    assert reply["Message"] == "Channel1 does not exist: Local/none"


async def test_mailboxes_are_set_counted_and_forgotten(connect: Connect) -> None:
    client = await connect()
    assert (await client.action("MailboxCount", Mailbox="100@box"))["NewMessages"] == "0"
    assert (await client.action("MWIUpdate", Mailbox="100@box", NewMessages="2", OldMessages="3"))[
        "Response"
    ] == "Success"
    told = await client.event("MessageWaiting", Mailbox="100@box")
    assert (told["Waiting"], told["New"], told["Old"]) == ("1", "2", "3")
    await client.action("MWIUpdate", Mailbox="101@box", NewMessages="1")
    count = await client.action("MailboxCount", Mailbox="100@box,101@box")
    assert (count["Message"], count["NewMessages"], count["OldMessages"]) == ("Mailbox Message Count", "3", "3")
    assert (await client.action("MailboxStatus", Mailbox="100@box"))["Waiting"] == "1"
    listed = await client.list("MWIGet", Mailbox="/^10.@box$/")
    assert [(each["Mailbox"], each["NewMessages"]) for each in listed] == [("100@box", "2"), ("101@box", "1")]
    assert (await client.action("MWIUpdate", Mailbox="100@box", NewMessages="many"))["Response"] == "Error"
    assert (await client.action("MWIUpdate", Mailbox="a/b"))["Response"] == "Error"
    assert (await client.action("MWIGet", Mailbox="/(/"))["Response"] == "Error"
    await client.action("MWIDelete", Mailbox="/@box$/")
    assert await client.list("MWIGet", Mailbox="100@box") == []

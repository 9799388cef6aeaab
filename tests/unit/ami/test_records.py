"""Events of what is recorded of calls."""

from __future__ import annotations

from pbx.cdr.backends import CdrLogged
from pbx.cdr.record import Cdr, Disposition
from pbx.cel import CelEvent, CelType
from pbx.cel.backends import CelLogged
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair


def test_a_call_detail_record(admin: AmiPair, harness: DialplanHarness) -> None:
    record = Cdr(
        clid='"A" <1>',
        src="1",
        dst="2",
        dcontext="default",
        channel="Fake/1",
        dstchannel="Fake/2",
        lastapp="Dial",
        lastdata="Fake/2",
        start=1_700_000_000_000_000,
        answer=0,
        end=1_700_000_003_000_000,
        duration=3,
        billsec=0,
        disposition=Disposition.BUSY,
        amaflags=3,
        accountcode="acc",
        peeraccount="",
        uniqueid="1.1",
        linkedid="1.1",
        userfield="u",
        sequence=0,
    )
    harness.core.bus.publish(CdrLogged(record, (("Colour", "red"),)))
    (event,) = admin.events()
    assert [name for name, _ in event.headers][2:] == [
        "AccountCode",
        "Source",
        "Destination",
        "DestinationContext",
        "CallerID",
        "Channel",
        "DestinationChannel",
        "LastApplication",
        "LastData",
        "StartTime",
        "AnswerTime",
        "EndTime",
        "Duration",
        "BillableSeconds",
        "Disposition",
        "AMAFlags",
        "UniqueID",
        "UserField",
        "Colour",
    ]
    assert (event["Privilege"], event["Disposition"], event["AnswerTime"]) == ("cdr,all", "BUSY", "")


def test_a_channel_event(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = harness.core.fake.incoming("phone").channel
    admin.receive()
    for shows in (True, False):
        event = CelEvent(CelType.USER_DEFINED, 1_700_000_000_000_000, channel.snapshot(), "mine", "", "{}")
        harness.core.bus.publish(CelLogged(event, shows))
    shown, plain = admin.events()
    assert [name for name, _ in shown.headers][2:] == [
        "EventName",
        "AccountCode",
        "CallerIDnum",
        "CallerIDname",
        "CallerIDani",
        "CallerIDrdnis",
        "CallerIDdnid",
        "Exten",
        "Context",
        "Channel",
        "Application",
        "AppData",
        "EventTime",
        "AMAFlags",
        "UniqueID",
        "LinkedID",
        "Userfield",
        "Peer",
        "PeerAccount",
        "UserDefType",
        "Extra",
    ]
    assert (shown["EventName"], shown["UserDefType"], plain["EventName"]) == ("USER_DEFINED", "mine", "mine")

"""Events of what is recorded of calls: Cdr and CEL."""

from __future__ import annotations

from ami.classes import CALL, CDR
from ami.encoding import headers_text
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker
from pbx.cdr.backends import CdrLogged
from pbx.cdr.record import DATE_FORMAT, amaflags_text, date_text
from pbx.cel.backends import CelLogged
from pbx.cel.event import FIELDS, CelType, amaflags_word

TABLE = EncoderTable()
encodes = TABLE.encodes


@encodes(CdrLogged, CDR, events=("Cdr",))
def cdr(make: EventMaker, message: CdrLogged) -> Event | None:
    record = message.record
    headers = (
        ("AccountCode", record.accountcode),
        ("Source", record.src),
        ("Destination", record.dst),
        ("DestinationContext", record.dcontext),
        ("CallerID", record.clid),
        ("Channel", record.channel),
        ("DestinationChannel", record.dstchannel),
        ("LastApplication", record.lastapp),
        ("LastData", record.lastdata),
        ("StartTime", date_text(record.start)),
        ("AnswerTime", date_text(record.answer)),
        ("EndTime", date_text(record.end)),
        ("Duration", str(record.duration)),
        ("BillableSeconds", str(record.billsec)),
        ("Disposition", record.disposition.text),
        ("AMAFlags", amaflags_text(record.amaflags)),
        ("UniqueID", record.uniqueid),
        ("UserField", record.userfield),
        *message.fields,
    )
    return make.event("Cdr", CDR, headers_text(headers), record.linkedid)


#: Headers of CEL and the fields they show, up to the time and behind it.
_BEFORE = (
    ("AccountCode", "accountcode"),
    ("CallerIDnum", "num"),
    ("CallerIDname", "name"),
    ("CallerIDani", "ani"),
    ("CallerIDrdnis", "rdnis"),
    ("CallerIDdnid", "dnid"),
    ("Exten", "exten"),
    ("Context", "context"),
    ("Channel", "channame"),
    ("Application", "appname"),
    ("AppData", "appdata"),
)


@encodes(CelLogged, CALL, events=("CEL",))
def cel(make: EventMaker, message: CelLogged) -> Event | None:
    event, channel = message.event, message.event.channel
    shows = message.show_user_defined and event.kind is CelType.USER_DEFINED
    headers = [("EventName", event.kind.value if shows else event.event_name)]
    headers += [(header, FIELDS[field](event)) for header, field in _BEFORE]
    headers += [
        ("EventTime", event.time_text(DATE_FORMAT)),
        ("AMAFlags", amaflags_word(event)),
        ("UniqueID", channel.uniqueid),
        ("LinkedID", channel.linkedid),
    ]
    if channel.tenantid:
        headers.append(("TenantID", channel.tenantid))
    headers += [("Userfield", channel.userfield), ("Peer", event.peer), ("PeerAccount", channel.peeraccount)]
    if shows:
        headers.append(("UserDefType", event.name))
    headers.append(("Extra", event.extra))
    return make.event("CEL", CALL, headers_text(headers), channel.linkedid)

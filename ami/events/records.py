"""Events of what is recorded of calls: Cdr."""

from __future__ import annotations

from ami.classes import CDR
from ami.encoding import headers_text
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker
from pbx.cdr.backends import CdrLogged
from pbx.cdr.record import amaflags_text, date_text

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

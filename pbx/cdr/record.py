"""A finished call detail record, and its fields as Asterisk writes them. Times are microseconds since the epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum

#: How times are written unless a file says otherwise.
DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
SECOND = 1_000_000

AMAFLAGS = {1: "OMIT", 2: "BILLING", 3: "DOCUMENTATION"}


class Disposition(IntEnum):
    """How a call ended, with Asterisk's numbers."""

    NOANSWER = 0
    NULL = 1
    FAILED = 2
    BUSY = 4
    ANSWERED = 8
    CONGESTION = 16
    CANCEL = 32

    @property
    def text(self) -> str:
        """The word in files and events."""
        return _TEXTS.get(self, self.name)


_TEXTS = {Disposition.NOANSWER: "NO ANSWER", Disposition.NULL: "NO ANSWER"}


def amaflags_text(flags: int) -> str:
    """``BILLING``, ``OMIT``, ``DOCUMENTATION``."""
    return AMAFLAGS.get(flags, "Unknown")


def date_text(when: int, form: str = DATE_FORMAT, *, gmt: bool = False) -> str:
    """A time as text in the local zone or in GMT; empty for 0."""
    if not when:
        return ""
    seconds = when // SECOND
    return time.strftime(form, time.gmtime(seconds) if gmt else time.localtime(seconds))


def raw_time(when: int) -> str:
    """``seconds.microseconds``."""
    return f"{when // SECOND}.{when % SECOND:06d}"


def clid_text(name: str, number: str) -> str:
    """``"name" <number>``, also where one of them is empty (ast_callerid_merge)."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{number}>'


@dataclass(frozen=True, slots=True)
class Cdr:
    """One record. ``duration`` and ``billsec`` are whole seconds; ``variables`` are those of CDR()."""

    clid: str
    src: str
    dst: str
    dcontext: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: int
    answer: int
    end: int
    duration: int
    billsec: int
    disposition: Disposition
    amaflags: int
    accountcode: str
    peeraccount: str
    uniqueid: str
    linkedid: str
    userfield: str
    sequence: int
    tenantid: str = ""
    peertenantid: str = ""
    disabled: bool = False
    #: Names compare without regard to case; keys are in lower case, values the name and the text.
    variables: dict[str, tuple[str, str]] = field(default_factory=dict)

    def text(self, name: str, *, raw: bool = False) -> str:
        """A field or variable as backends write it; empty for one that is not there (ast_cdr_format_var)."""
        key = name.lower()
        if key in ("start", "answer", "end"):
            when: int = getattr(self, key)
            return raw_time(when) if raw else date_text(when)
        if key == "disposition":
            return str(int(self.disposition)) if raw else self.disposition.text
        if key == "amaflags":
            return str(self.amaflags) if raw else amaflags_text(self.amaflags)
        if key in FIELDS:
            return str(getattr(self, key))
        return self.variables.get(key, ("", ""))[1]


#: The fields of a record that CDR() reads and nobody can set as a variable.
FIELDS = frozenset(
    (
        "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
        "duration", "billsec", "disposition", "amaflags", "accountcode", "peeraccount", "uniqueid", "linkedid",
        "tenantid", "peertenantid", "userfield", "sequence",
    )
)  # fmt: skip

"""One record in the making: its parties and times, and how they become a `Cdr`. Times are microseconds, 0 for none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pbx.cdr.record import Cdr, Disposition, clid_text
from pbx.core.causes import Cause
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.cdr.settings import CdrSettings
    from pbx.core.snapshot import ChannelSnapshot

Variables = dict[str, tuple[str, str]]

#: Milliseconds from which `initiatedseconds` rounds up.
_HALF_SECOND_MS = 500


class State(Enum):
    """Where a record is; the values are Asterisk's names."""

    SINGLE = "Single"
    DIAL = "Dial"
    DIALED_PENDING = "DialedPending"
    BRIDGED = "Bridged"
    FINALIZED = "Finalized"


@dataclass(slots=True)
class Party:
    """A side of a record. ``preferred`` is CDR_PROP(party_a)."""

    snapshot: ChannelSnapshot
    userfield: str = ""
    preferred: bool = False
    variables: Variables = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.snapshot.uniqueid

    def copy(self) -> Party:
        """The same, free to change."""
        return Party(self.snapshot, self.userfield, self.preferred, dict(self.variables))

    def swap(self, snapshot: ChannelSnapshot) -> None:
        """The channel as it is now."""
        if snapshot.dialed_number != self.snapshot.dialed_number:
            self.set("dnid", snapshot.dialed_number)
        self.snapshot = snapshot

    def set(self, name: str, value: str) -> None:
        """Set a variable of CDR()."""
        self.variables[name.lower()] = (name, value)


def is_dialed(snapshot: ChannelSnapshot) -> bool:
    """Whether a channel was made by a dial for somebody, not by an origination."""
    return snapshot.outgoing and not snapshot.originated


def pick_party_a(left: Party, right: Party) -> Party:
    """Which of two parties a record about both belongs to.

    Who was not dialled comes before who was, then who CDR_PROP prefers, then who was there first.
    """
    dialed = is_dialed(left.snapshot), is_dialed(right.snapshot)
    if dialed[0] != dialed[1]:
        return right if dialed[0] else left
    if left.preferred != right.preferred:
        return left if left.preferred else right
    return right if left.snapshot.created > right.snapshot.created else left


def disposition_of_status(status: str, settings: CdrSettings) -> Disposition:
    """What the end of a dial makes of a record."""
    match status:
        case "ANSWER":
            return Disposition.ANSWERED
        case "BUSY":
            return Disposition.BUSY
        case "CANCEL":
            return Disposition.CANCEL if settings.canceldispositionenabled else Disposition.NOANSWER
        case "NOANSWER":
            return Disposition.NOANSWER
        case "CONGESTION":
            return Disposition.CONGESTION if settings.congestion else Disposition.FAILED
        case _:
            return Disposition.FAILED


def disposition_of_cause(cause: int, settings: CdrSettings) -> Disposition | None:
    """What a cause makes of a record that nothing else has decided; None: nothing."""
    match cause:
        case Cause.USER_BUSY:
            return Disposition.BUSY
        case Cause.NORMAL_CIRCUIT_CONGESTION:
            return Disposition.CONGESTION if settings.congestion else Disposition.FAILED
        case Cause.NO_ROUTE_DESTINATION | Cause.SUBSCRIBER_ABSENT:
            return Disposition.FAILED
        case Cause.NORMAL_CLEARING | Cause.NO_ANSWER:
            return Disposition.NOANSWER
        case _:
            return None


class Entry:
    """A record in the making. Whoever changes `party_b` tells the ledger's index."""

    __slots__ = (
        "answer",
        "appl",
        "bridge",
        "context",
        "data",
        "disabled",
        "disposition",
        "end",
        "exten",
        "last",
        "linkedid",
        "lock_app",
        "party_a",
        "party_b",
        "sequence",
        "settings",
        "start",
        "state",
    )

    def __init__(self, settings: CdrSettings, party_a: Party, sequence: int, now: int) -> None:
        self.settings = settings
        self.party_a = party_a
        self.party_b: Party | None = None
        self.sequence = sequence
        self.state = State.SINGLE
        self.disposition = Disposition.NULL
        self.last = self.start = now
        self.answer = self.end = 0
        self.appl = self.data = self.context = self.exten = self.bridge = ""
        self.linkedid = party_a.snapshot.linkedid
        self.lock_app = False
        self.disabled = False
        self.check_answer()

    @property
    def finalized(self) -> bool:
        return self.state is State.FINALIZED

    def check_answer(self) -> None:
        """Party A may be up now."""
        if self.party_a.snapshot.state is ChannelState.UP and not self.answer:
            self.answer = self.last

    def finalize(self) -> None:
        """Set the end and the disposition, if there is no end yet; the record may still be taken up again."""
        if self.end:
            return
        self.end = self.last
        if self.disposition is not Disposition.NULL:
            return
        if self.answer:
            self.disposition = Disposition.ANSWERED
            return
        cause = self.party_a.snapshot.hangup_cause
        if not cause and self.party_b is not None:
            cause = self.party_b.snapshot.hangup_cause
        if cause:
            self.disposition = disposition_of_cause(cause, self.settings) or self.disposition
        else:
            self.disposition = Disposition.FAILED

    def conclude(self) -> None:
        """Finalize for good."""
        self.state = State.FINALIZED
        self.finalize()

    def ended_before_h(self, snapshot: ChannelSnapshot) -> bool:
        """Whether what runs after the end of a call is none of the record's business, and does."""
        return snapshot.in_hangup and self.settings.endbeforehexten

    def take_party_a(self, snapshot: ChannelSnapshot) -> None:
        """The channel of party A as it is now."""
        if snapshot.in_hangup and self.settings.endbeforehexten:
            self.finalize()
            return
        if not snapshot.in_subroutine or snapshot.in_hangup:
            self.context, self.exten = snapshot.context, snapshot.exten
        self.party_a.swap(snapshot)
        self._take_application(snapshot)
        self.linkedid = snapshot.linkedid
        if not self.answer:
            self.check_answer()
        if not snapshot.alive and not self.finalized:
            self.conclude()

    def _take_application(self, snapshot: ChannelSnapshot) -> None:
        """Dial counts over what runs during it, and an outgoing call's AppDial over nothing."""
        name = snapshot.application
        if self.lock_app or not name or (self.appl and name[:7].lower() == "appdial"):
            return
        self.appl, self.data = name, snapshot.application_data
        if name == "Dial":
            self.lock_app = True

    def duration_ms(self, now: int, since: int) -> int:
        """Milliseconds from ``since`` to the end, or to ``now`` while there is none."""
        return ((self.end or now) - since) // 1000

    def duration(self, now: int) -> int:
        """Seconds from the start."""
        return self.duration_ms(now, self.start) // 1000

    def billsec(self, now: int) -> int:
        """Seconds from the answer."""
        if not self.answer:
            return 0
        seconds, rest = divmod(self.duration_ms(now, self.answer), 1000)
        return seconds + (rest >= _HALF_SECOND_MS and self.settings.initiatedseconds)

    def record(self, now: int) -> Cdr | None:
        """The record as backends get it; None for one of a dialled channel that nobody talked to."""
        a, b = self.party_a.snapshot, self.party_b
        if is_dialed(a) and b is None:
            return None
        userfield = self.party_a.userfield
        if b is not None and b.userfield:
            userfield = f"{userfield};{b.userfield}"
        return Cdr(
            clid=clid_text(a.caller.id.name, a.caller.id.number),
            src=a.caller.id.number,
            dst=self.exten,
            dcontext=self.context,
            channel=a.name,
            dstchannel="" if b is None else b.snapshot.name,
            lastapp=self.appl,
            lastdata=self.data,
            start=self.start,
            answer=self.answer,
            end=self.end,
            duration=self.duration(now),
            billsec=self.billsec(now),
            disposition=self.disposition,
            amaflags=a.amaflags,
            accountcode=a.accountcode,
            peeraccount="" if b is None else b.snapshot.accountcode,
            uniqueid=a.uniqueid,
            linkedid=self.linkedid,
            userfield=userfield,
            sequence=self.sequence,
            tenantid=a.tenantid,
            peertenantid="" if b is None else b.snapshot.tenantid,
            disabled=self.disabled,
            variables={} if b is None and not self.party_a.variables else self._variables(),
        )

    def _variables(self) -> Variables:
        return ({} if self.party_b is None else self.party_b.variables) | self.party_a.variables

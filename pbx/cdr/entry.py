"""One record in the making: its parties and times, and how they become a `Cdr`. Times are microseconds, 0 for none.

A party is the channel itself until the record is closed for it, then what of the channel at that time it needs.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pbx.cdr.record import Cdr, Disposition, clid_text
from pbx.core.causes import Cause
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.cdr.settings import CdrSettings
    from pbx.core.channel_record import ChannelRecord
    from pbx.core.party import Caller, Dialed

Variables = dict[str, tuple[str, str]]

_NO_VARIABLES: Variables = {}

#: Milliseconds from which `initiatedseconds` rounds up.
_HALF_SECOND_MS = 500


class State(Enum):
    """Where a record is; the values are Asterisk's names."""

    SINGLE = "Single"
    DIAL = "Dial"
    DIALED_PENDING = "DialedPending"
    BRIDGED = "Bridged"
    FINALIZED = "Finalized"


class Remains(NamedTuple):
    """What a record needs of a channel, by the channel's own names."""

    name: str
    uniqueid: str
    linkedid: str
    created: float
    outgoing: bool
    originated: bool
    state: ChannelState
    caller: Caller
    dialed: Dialed
    accountcode: str
    tenantid: str
    amaflags: int
    hangup_cause: int


class Party:
    """A side of a record. ``preferred`` is CDR_PROP(party_a)."""

    __slots__ = ("_dialed_number", "_variables", "channel", "preferred", "userfield")

    def __init__(self, channel: ChannelRecord | Remains, dialed_number: str = "") -> None:
        #: The channel, or what it was when the record was closed.
        self.channel = channel
        self._dialed_number = dialed_number
        self._variables = _NO_VARIABLES
        self.userfield = ""
        self.preferred = False

    @property
    def id(self) -> str:
        return self.channel.uniqueid

    def copy(self) -> Party:
        """The same, free to change."""
        made = Party(self.channel, self._dialed_number)
        made.userfield, made.preferred = self.userfield, self.preferred
        if self._variables:
            made._variables = dict(self._variables)
        return made

    def freeze(self, *, free: bool = False) -> None:
        """Keep what the channel is now, whatever becomes of it: nothing more, if it has ended.

        ``free``: also let go of one that has ended.
        """
        channel = self.channel
        if not isinstance(channel, Remains) and (free or channel.alive):
            self.channel = Remains(
                channel.name,
                channel.uniqueid,
                channel.linkedid,
                channel.created,
                channel.outgoing,
                channel.originated,
                channel.state,
                channel.caller,
                channel.dialed,
                channel.accountcode,
                channel.tenantid,
                channel.amaflags,
                channel.hangup_cause,
            )

    @property
    def variables(self) -> Variables:
        """Those of CDR(), by their names in lower case; not to be changed. ``dnid`` is the number that was dialled."""
        number = self.channel.dialed.number
        if number != self._dialed_number:
            self._dialed_number = number
            self.set("dnid", number)
        return self._variables

    def set(self, name: str, value: str) -> None:
        """Set a variable of CDR()."""
        if self._variables is _NO_VARIABLES:
            self._variables = {}
        self._variables[name.lower()] = (name, value)

    def forget_variables(self) -> None:
        """Have none from now on."""
        if self.variables:  # which takes note of a number
            self._variables = _NO_VARIABLES


def is_dialed(channel: ChannelRecord | Remains) -> bool:
    """Whether a channel was made by a dial for somebody, not by an origination."""
    return channel.outgoing and not channel.originated


def pick_party_a(left: Party, right: Party) -> Party:
    """Which of two parties a record about both belongs to.

    Who was not dialled comes before who was, then who CDR_PROP prefers, then who was there first.
    """
    dialed = is_dialed(left.channel), is_dialed(right.channel)
    if dialed[0] != dialed[1]:
        return right if dialed[0] else left
    if left.preferred != right.preferred:
        return left if left.preferred else right
    return right if left.channel.created > right.channel.created else left


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
        self.linkedid = party_a.channel.linkedid
        self.lock_app = False
        self.disabled = False
        self.check_answer()

    @property
    def finalized(self) -> bool:
        return self.state is State.FINALIZED

    def check_answer(self) -> None:
        """Party A may be up now."""
        if self.party_a.channel.state is ChannelState.UP and not self.answer:
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
        cause = self.party_a.channel.hangup_cause
        if not cause and self.party_b is not None:
            cause = self.party_b.channel.hangup_cause
        if cause:
            self.disposition = disposition_of_cause(cause, self.settings) or self.disposition
        else:
            self.disposition = Disposition.FAILED

    def conclude(self) -> None:
        """Finalize for good."""
        self.state = State.FINALIZED
        self.finalize()
        self.freeze()

    def freeze(self) -> None:
        """See `Party.freeze`."""
        self.party_a.freeze()
        if self.party_b is not None:
            self.party_b.freeze()

    def ended_before_h(self, channel: ChannelRecord) -> bool:
        """Whether what runs after the end of a call is none of the record's business, and does."""
        return channel.in_hangup and self.settings.endbeforehexten

    def take_party_a(self, channel: ChannelRecord, now: int) -> None:
        """The channel of party A is no longer what it was."""
        if channel.in_hangup and self.settings.endbeforehexten:
            self.last = now
            self.finalize()
            self.party_a.freeze()
            return
        self.note(channel)
        if not self.answer and channel.state is ChannelState.UP:
            self.answer = now
        if not channel.alive and self.state is not State.FINALIZED:
            self.last = now
            self.conclude()

    def note(self, channel: ChannelRecord) -> None:
        """Where party A is and what it runs. Each step of a dialplan comes by here."""
        if channel.in_hangup or not channel.in_subroutine:
            self.context, self.exten = channel.context, channel.exten
        name = channel.application
        # Dial counts over what runs during it, and an outgoing call's AppDial over nothing.
        if name and not self.lock_app and not (self.appl and name[:7].lower() == "appdial"):
            self.appl, self.data = name, channel.application_data
            self.lock_app = name == "Dial"
        self.linkedid = channel.linkedid

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
        a, b = self.party_a.channel, self.party_b
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
            dstchannel="" if b is None else b.channel.name,
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
            peeraccount="" if b is None else b.channel.accountcode,
            uniqueid=a.uniqueid,
            linkedid=self.linkedid,
            userfield=userfield,
            sequence=self.sequence,
            tenantid=a.tenantid,
            peertenantid="" if b is None else b.channel.tenantid,
            disabled=self.disabled,
            variables=(_NO_VARIABLES if b is None else b.variables) | self.party_a.variables,
        )

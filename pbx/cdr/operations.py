"""What the dialplan does to the records of its channel: CDR(), CDR_PROP(), ForkCDR, ResetCDR (ast_cdr_fork, ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.cdr.entry import Entry, State
from pbx.cdr.record import FIELDS, SECOND, amaflags_text, clid_text, date_text, raw_time
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pbx.cdr.account import Account
    from pbx.cdr.ledger import Ledger

#: Variables one record may have, and the longest value.
MAX_VARIABLES = 256
MAX_VALUE = 4096


def _open(chain: list[Entry]) -> Iterator[Entry]:
    """Records that still change: all but closed ones before the last."""
    for entry in chain:
        if not entry.finalized or entry is chain[-1]:
            yield entry


def read_field(account: Account, name: str, now: int, *, raw: bool = False, exact: bool = False) -> str:
    """A field or variable of a channel's last record in the making, as CDR(name) gives it.

    ``raw``: dates, dispositions and flags as numbers. ``exact``: durations with fractions.
    """
    entry = account.entries[-1]
    a, b = entry.party_a.channel, entry.party_b
    match key := name.lower():
        case "clid":
            return clid_text(a.caller.id.name, a.caller.id.number)
        case "src":
            return a.caller.id.number
        case "dst":
            return account.exten
        case "dcontext":
            return account.context
        case "channel":
            return a.name
        case "dstchannel":
            return "" if b is None else b.channel.name
        case "lastapp":
            return account.application
        case "lastdata":
            return account.data
        case "start" | "answer" | "end":
            when: int = getattr(entry, key)
            return raw_time(when) if raw else date_text(when)
        case "duration" | "billsec":
            if exact:
                since = entry.start if key == "duration" else entry.answer
                return f"{((entry.end or now) - since) / SECOND if since else 0.0:f}"
            return str(entry.duration(now) if key == "duration" else entry.billsec(now))
        case "disposition":
            return str(int(entry.disposition)) if raw else entry.disposition.text
        case "amaflags":
            return str(a.amaflags) if raw else amaflags_text(a.amaflags)
        case "accountcode":
            return a.accountcode
        case "peeraccount":
            return "" if b is None else b.channel.accountcode
        case "uniqueid":
            return a.uniqueid
        case "linkedid":
            return entry.linkedid
        case "tenantid":
            return a.tenantid
        case "peertenantid":
            return "" if b is None else b.channel.tenantid
        case "userfield":
            return entry.party_a.userfield
        case "sequence":
            return str(entry.sequence)
        case _:
            return entry.party_a.variables.get(key, ("", ""))[1]


def set_variable(ledger: Ledger, uniqueid: str, name: str, value: str) -> None:
    """Set a variable of every open record that has the channel as either party.

    Raises ValueError for a field that cannot be set, or for too much.
    """
    if name.lower() in FIELDS:
        raise ValueError(f"Attempt to set the '{name}' read-only variable!")
    if len(value) > MAX_VALUE:
        raise ValueError(f"a value of more than {MAX_VALUE} characters")
    own = [entry.party_a for entry in _open(ledger.chain(uniqueid))]
    others = [e.party_b for e in ledger.about(uniqueid) if e.party_b is not None and not e.finalized]
    for party in (*own, *others):
        if len(party.variables) >= MAX_VARIABLES and name.lower() not in party.variables:
            raise ValueError(f"more than {MAX_VARIABLES} variables")
        party.set(name, value)


def set_userfield(ledger: Ledger, uniqueid: str, value: str) -> None:
    """Set the userfield of the channel's side in every open record."""
    for entry in _open(ledger.chain(uniqueid)):
        entry.party_a.userfield = value[:MAX_VALUE]
    for entry in ledger.about(uniqueid):
        if entry.party_b is not None and not entry.finalized:
            entry.party_b.userfield = value[:MAX_VALUE]


def set_disabled(ledger: Ledger, uniqueid: str, *, disabled: bool) -> None:
    """CDR_PROP(disable)."""
    for entry in ledger.chain(uniqueid):
        if not entry.finalized:
            entry.disabled = disabled


def set_preferred(ledger: Ledger, uniqueid: str, *, preferred: bool) -> None:
    """CDR_PROP(party_a)."""
    for entry in ledger.chain(uniqueid):
        if not entry.finalized and preferred:
            entry.party_a.preferred = True


def reset(ledger: Ledger, uniqueid: str, now: int, *, keep_variables: bool) -> bool:
    """ResetCDR: every record of a channel begins now; whether there are any."""
    chain = ledger.chain(uniqueid)
    for entry in chain:
        if not keep_variables:
            entry.party_a.forget_variables()
            if entry.party_b is not None:
                entry.party_b.forget_variables()
        entry.end = entry.answer = 0
        entry.start = entry.last = now
        entry.check_answer()
    return bool(chain)


def fork(ledger: Ledger, uniqueid: str, now: int, options: str) -> bool:
    """ForkCDR: one more record beside the last; False when there is none that is open.

    Options: a sets the answer to now if the channel is up, e closes the records there are, r resets both times, v keeps
    the variables.
    """
    chain = ledger.chain(uniqueid)
    if not chain or chain[-1].finalized:
        return False
    first, last = chain[0], chain[-1]
    made = ledger.append(chain, now)
    made.state, made.bridge, made.disabled = last.state, first.bridge, first.disabled
    made.appl, made.data, made.context, made.exten = first.appl, first.data, first.context, first.exten
    if last.party_b is not None:
        party = last.party_b.copy()
        if "v" not in options:
            party.forget_variables()
        ledger.pair(made, party)
    made.start, made.answer, made.last = last.start, last.answer, now
    if "a" in options and made.party_a.channel.state is ChannelState.UP:
        made.answer = now
    if "r" in options:
        made.start = made.answer = now
    if "v" not in options:
        made.party_a.forget_variables()
    if "e" in options:
        for entry in chain[:-1]:
            if entry.state is not State.FINALIZED:
                entry.last = now
                entry.conclude()
    return True

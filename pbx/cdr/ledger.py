"""The records of the calls there are: a fold over facts about channels, dials and bridges. Pure but for its order.

Each channel has a chain of records, the first made with it. A record about two parties belongs to one of them
(`pick_party_a`): every pair in a bridge gets one. When a channel ends, what it has is given out at once, as Asterisk's
CDR engine does; times are those of the facts.

The ledger accompanies the channels themselves (`pbx.core.observer`): what a step of a dialplan changes is noted without
a snapshot of the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pbx.cdr.account import Account
from pbx.cdr.entry import Entry, Party, State, disposition_of_status, pick_party_a
from pbx.cdr.record import SECOND

if TYPE_CHECKING:
    from pbx.cdr.record import Cdr
    from pbx.cdr.settings import CdrSettings
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channel_record import ChannelRecord

#: Channels that have no calls of their own.
INTERNAL = frozenset(("Announcer", "Recorder", "Surrogate"))
#: Dial states that are not its end.
PROGRESS = frozenset(("RINGING", "PROCEEDING", "PROGRESS"))


class Ledger:
    """All records in the making. ``time`` gives seconds since the epoch; ``wanted``, whether anybody reads them."""

    def __init__(
        self,
        settings: CdrSettings,
        time: Callable[[], float],
        wanted: Callable[[], bool],
        give_out: Callable[[list[Cdr]], object],
    ) -> None:
        self.settings = settings
        self._time = time
        self._wanted = wanted
        self._give_out = give_out
        self._accounts: dict[str, Account] = {}
        self._sequence = 0

    def now(self) -> int:
        """Microseconds since the epoch."""
        return round(self._time() * SECOND)

    # Looking

    def account(self, uniqueid: str) -> Account | None:
        """A channel's; None where it has none."""
        return self._accounts.get(uniqueid)

    def chain(self, uniqueid: str) -> list[Entry]:
        """A channel's records, the newest last; empty for a channel that has none."""
        account = self._accounts.get(uniqueid)
        return [] if account is None else account.entries

    def chains(self) -> Iterator[list[Entry]]:
        """Those of every channel."""
        return iter([account.entries for account in self._accounts.values()])

    def about(self, uniqueid: str) -> tuple[Entry, ...]:
        """The records that have a channel as party B."""
        account = self._accounts.get(uniqueid)
        return () if account is None else account.about

    # Making

    def _new(self, party_a: Party, now: int) -> Entry:
        made = Entry(self.settings, party_a, self._sequence, now)
        self._sequence += 1
        return made

    def append(self, chain: list[Entry], now: int) -> Entry:
        """One more record for a channel, that begins as the last one stands."""
        last = chain[-1]
        party_a = last.party_a.copy()
        account = self._accounts.get(party_a.id)
        if account is not None:
            # The last one may be closed, and keep what the channel was then.
            party_a.channel = account.channel
        made = self._new(party_a, now)
        made.linkedid = last.linkedid
        made.appl, made.data, made.context, made.exten = last.appl, last.data, last.context, last.exten
        made.disabled = last.disabled
        chain.append(made)
        return made

    def pair(self, entry: Entry, party_b: Party) -> None:
        """Give a record its party B."""
        if entry.party_b is not None:
            self._unpair(entry)
        entry.party_b = party_b
        account = self._accounts.get(party_b.id)
        if account is not None:
            account.about = (*account.about, entry)

    def _unpair(self, entry: Entry) -> None:
        party = entry.party_b
        account = None if party is None else self._accounts.get(party.id)
        if account is not None:
            account.about = tuple(other for other in account.about if other is not entry)

    # Channels

    def created(self, channel: ChannelRecord) -> Account | None:
        """A channel exists now; those that have no calls of their own have no account."""
        if channel.technology in INTERNAL:
            return None
        now = self.now()
        entry = self._new(Party(channel), now)
        entry.disabled = not self.settings.channeldefaultenabled
        account = self._accounts[channel.uniqueid] = Account(self, channel, entry)
        entry.note(channel)
        return account

    def exchanged(self, one: ChannelRecord, other: ChannelRecord) -> None:
        """Two channels have changed their ids: what there is about an id goes on with who has it now."""
        now, seen = {id(one): other, id(other): one}, set[int]()
        for channel in (one, other):
            account = self._accounts.get(channel.uniqueid)
            if account is None:
                continue
            account.channel = channel
            for entry in (*account.entries, *account.about):
                for party in (entry.party_a, entry.party_b):
                    if party is not None and id(party) not in seen:
                        seen.add(id(party))
                        party.channel = now.get(id(party.channel), party.channel)

    def destroyed(self, account: Account) -> None:
        """A channel has ended: what there is about it is finished, and what is its own is given out."""
        now, chain = self.now(), account.entries
        self._accounts.pop(account.channel.uniqueid, None)
        for entry in chain:
            entry.last = now
            account.take(entry, now)
            entry.finalize()
            self._unpair(entry)
        self._dispatch(chain, now)
        account.conclude_about()
        for entry in account.about:
            entry.finalize()
            if entry.party_b is not None:
                entry.party_b.freeze(free=True)
        account.about = ()

    def _dispatch(self, chain: Iterable[Entry], now: int) -> None:
        if not self._wanted():
            return
        records = [record for entry in chain if (record := entry.record(now)) is not None]
        if records:
            self._give_out(records)

    def finish(self) -> None:
        """The exchange ends: give out everything."""
        now = self.now()
        accounts, self._accounts = self._accounts, {}
        for account in accounts.values():
            for entry in account.entries:
                entry.last = now
                entry.finalize()
            self._dispatch(account.entries, now)

    # Dials

    def dial_began(self, caller: ChannelRecord | None, peer: ChannelRecord) -> None:
        """A dial to ``peer`` has begun; without a caller it is an origination."""
        chain = self.chain((caller or peer).uniqueid)
        if not chain or self.settings.ignoredialchanges:
            return
        now, taken = self.now(), False
        for entry in chain:
            entry.last = now
            if entry.state is State.SINGLE:
                self._begin_dial(entry, caller, peer, now)
                taken = True
            elif entry.state is State.DIALED_PENDING:
                entry.conclude()
        if not taken:
            self._begin_dial(self.append(chain, now), caller, peer, now)

    def _begin_dial(self, entry: Entry, caller: ChannelRecord | None, peer: ChannelRecord, now: int) -> None:
        if caller is not None:
            entry.take_party_a(caller, now)
            self.pair(entry, Party(peer, peer.dialed.number))
            # What a subroutine runs in mid-call is not what this call is about.
            entry.lock_app = True
        else:
            entry.take_party_a(peer, now)
        entry.state = State.DIAL

    def dial_ended(self, caller: ChannelRecord | None, peer: ChannelRecord, status: str) -> None:
        """A dial came to its end."""
        chain = self.chain((caller or peer).uniqueid)
        if not chain or status in PROGRESS:
            return
        now = self.now()
        disposition = disposition_of_status(status, self.settings)
        for entry in chain:
            entry.last = now
            if self.settings.ignoredialchanges:
                entry.disposition = disposition
            elif entry.state is State.DIAL:
                if entry.party_b is not None and entry.party_b.id != peer.uniqueid:
                    continue
                entry.disposition = disposition
                if status == "ANSWER":
                    entry.state = State.DIALED_PENDING
                else:
                    entry.conclude()

    # Bridges

    def bridge_entered(self, bridge: Bridge, channel: ChannelRecord) -> None:
        """A channel entered a bridge, whose members are those with it."""
        account = self._accounts.get(channel.uniqueid)
        if account is None or self.settings.ignorestatechanges or bridge.technology == "holding_bridge":
            return
        now, chain = self.now(), account.entries
        members = [member.uniqueid for member in bridge.channels]
        handled = self._enter(account, bridge.id, members, now)
        if handled is None:
            self.append(chain, now)
            handled = self._enter(account, bridge.id, members, now)
        if handled is None:
            return
        for member in members:
            self._pair_in_bridge(handled, chain, self.chain(member))

    def _enter(self, account: Account, bridge: str, members: list[str], now: int) -> Entry | None:
        """Let each record that can enter do so; the first of them."""
        handled: Entry | None = None
        for entry in account.entries:
            entry.last = now
            account.take(entry, now)
            if entry.state not in (State.SINGLE, State.DIAL, State.DIALED_PENDING):
                continue
            entry.bridge = bridge
            dialled = entry.state is not State.SINGLE
            entry.state = State.BRIDGED
            handled = handled or entry
            if len(members) > 1 and not self._find_party_b(entry, members, dialled=dialled):
                # Nobody here is its party B. Whoever comes may be, and takes the record up again.
                account.entries[0].finalize()
        return handled

    def _find_party_b(self, entry: Entry, members: list[str], *, dialled: bool) -> bool:
        """The party B of a record among who is in the bridge: whom it dialled, or anybody it comes before."""
        if dialled and entry.party_b is None:
            return False
        for member in members:
            for other in self.chain(member):
                if other.state is not State.BRIDGED or other.bridge != entry.bridge or other is entry:
                    continue
                if self._is_party_b(entry, other, dialled=dialled):
                    return True
        return False

    def _is_party_b(self, entry: Entry, other: Entry, *, dialled: bool) -> bool:
        own = entry.party_a
        if dialled:
            if entry.party_b is None or entry.party_b.id != other.party_a.id:
                return False
        elif own.id == other.party_a.id:
            return False
        if dialled or pick_party_a(own, other.party_a) is own:
            self.pair(entry, other.party_a.copy())
            if other.party_b is None:
                # It has no call of its own, as it seems now.
                other.finalize()
            return True
        theirs = other.party_b
        if theirs is None or theirs.id == own.id or pick_party_a(own, theirs) is not own:
            return False
        self.pair(entry, theirs.copy())
        return True

    def _pair_in_bridge(self, entry: Entry, chain: list[Entry], others: list[Entry]) -> None:
        """Make sure that there is a record about who entered and one who is there."""
        own = entry.party_a
        for other in others:
            if other.bridge != entry.bridge:
                continue
            theirs = other.party_a
            if theirs.id == own.id or (entry.party_b is not None and entry.party_b.id == theirs.id):
                return
            if pick_party_a(own, theirs) is own:
                self._add_pair(chain, entry, theirs)
            elif other.party_b is not None and other.party_b.id != own.id:
                self._add_pair(others, other, own)
            else:
                self.pair(other, own.copy())
                # It may have been closed because nobody was its party B.
                other.end = 0
            return

    def _add_pair(self, chain: list[Entry], entry: Entry, party_b: Party) -> None:
        made = self.append(chain, entry.last)
        self.pair(made, party_b.copy())
        made.check_answer()
        made.bridge = entry.bridge
        made.state = State.BRIDGED

    def bridge_left(self, bridge: Bridge, channel: ChannelRecord) -> None:
        """A channel left a bridge."""
        account = self._accounts.get(channel.uniqueid)
        if account is None or self.settings.ignorestatechanges or bridge.technology == "holding_bridge":
            return
        now, was_in = self.now(), False
        for entry in account.entries:
            entry.last = now
            if entry.state is State.BRIDGED and entry.bridge == bridge.id:
                entry.conclude()
                entry.bridge = ""
                was_in = True
        if not was_in:
            return
        for entry in account.about:
            if entry.state is State.BRIDGED and entry.bridge == bridge.id:
                entry.last = now
                entry.finalize()

"""The records of the calls there are: a fold over facts about channels, dials and bridges. Pure but for its order.

Each channel has a chain of records, the first made with it. A record about two parties belongs to one of them
(`pick_party_a`): every pair in a bridge gets one. When a channel ends, what it has is given out at once, as Asterisk's
CDR engine does; times are those of the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pbx.cdr.entry import Entry, Party, State, disposition_of_status, pick_party_a

if TYPE_CHECKING:
    from pbx.cdr.record import Cdr
    from pbx.cdr.settings import CdrSettings
    from pbx.core.bridge.bridge import BridgeSnapshot
    from pbx.core.snapshot import ChannelSnapshot

#: Channels that have no calls of their own.
INTERNAL = frozenset(("Announcer", "Recorder", "Surrogate"))
#: Dial states that are not its end.
PROGRESS = frozenset(("RINGING", "PROCEEDING", "PROGRESS"))


def _moved_on(old: ChannelSnapshot, new: ChannelSnapshot) -> bool:
    """Whether a channel runs another application than it did, at another place of the dialplan."""
    name = new.application
    if not name or name == old.application or name.lower().startswith("appdial"):
        return False
    return (new.context, new.exten, new.priority) != (old.context, old.exten, old.priority)


class Ledger:
    """All records in the making."""

    def __init__(self, settings: CdrSettings, give_out: Callable[[list[Cdr]], object]) -> None:
        self.settings = settings
        self._give_out = give_out
        self._chains: dict[str, list[Entry]] = {}
        #: The records that have a channel as their party B.
        self._by_party_b: dict[str, list[Entry]] = {}
        #: Each channel as it was when it last ran something.
        self._places: dict[str, ChannelSnapshot] = {}
        self._sequence = 0

    # Looking

    def chain(self, uniqueid: str) -> list[Entry]:
        """A channel's records, the newest last; empty for a channel that has none."""
        return self._chains.get(uniqueid, [])

    def chains(self) -> Iterator[list[Entry]]:
        """Those of every channel."""
        return iter(list(self._chains.values()))

    def about(self, uniqueid: str) -> list[Entry]:
        """The records that have a channel as party B."""
        return list(self._by_party_b.get(uniqueid, ()))

    # Making

    def _new(self, party_a: Party, now: int) -> Entry:
        made = Entry(self.settings, party_a, self._sequence, now)
        self._sequence += 1
        return made

    def append(self, chain: list[Entry], now: int) -> Entry:
        """One more record for a channel, that begins as the last one stands."""
        last = chain[-1]
        made = self._new(last.party_a.copy(), now)
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
        self._by_party_b.setdefault(party_b.id, []).append(entry)

    def _unpair(self, entry: Entry) -> None:
        party = entry.party_b
        entries = None if party is None else self._by_party_b.get(party.id)
        if party is None or entries is None:
            return
        if entry in entries:
            entries.remove(entry)
        if not entries:
            del self._by_party_b[party.id]

    # Channels

    def created(self, channel: ChannelSnapshot, now: int) -> None:
        """A channel exists now."""
        if channel.technology in INTERNAL:
            return
        entry = self._new(Party(channel), now)
        entry.disabled = not self.settings.channeldefaultenabled
        if channel.dialed_number:
            entry.party_a.set("dnid", channel.dialed_number)
        self._chains[channel.uniqueid] = [entry]
        self._places[channel.uniqueid] = channel
        entry.take_party_a(channel)

    def changed(self, channel: ChannelSnapshot, now: int) -> None:
        """A channel is no longer what it was."""
        uniqueid = channel.uniqueid
        chain = self._chains.get(uniqueid)
        if chain is not None:
            entry = chain[0]
            if len(chain) == 1 and entry.state is State.SINGLE:
                # Each step of a dialplan comes by here.
                entry.last = now
                entry.take_party_a(channel)
            else:
                self._party_a_changed(chain, channel, now)
            if channel.application:
                self._places[uniqueid] = channel
        if uniqueid in self._by_party_b:
            for entry in self.about(uniqueid):
                self._party_b_changed(entry, channel)

    def _party_a_changed(self, chain: list[Entry], channel: ChannelSnapshot, now: int) -> None:
        rejected = True
        for entry in chain:
            entry.last = now
            rejected &= self._take(entry, channel)
        if rejected and self._moved(channel):
            self.append(chain, now).take_party_a(channel)

    def _moved(self, channel: ChannelSnapshot) -> bool:
        """Whether a channel runs something new, and not merely what follows the end of its call."""
        if channel.in_hangup and self.settings.endbeforehexten:
            return False
        return _moved_on(self._places[channel.uniqueid], channel)

    def _take(self, entry: Entry, channel: ChannelSnapshot) -> bool:
        """Let a record see its party A; True when it is closed and another one may have to take over."""
        if entry.state is State.FINALIZED:
            return not entry.ended_before_h(channel)
        if entry.state is State.DIALED_PENDING and self._moved(channel):
            if entry.party_b is not None:
                entry.conclude()
                return True
            # The start stays that of the dial.
            entry.state = State.SINGLE
        entry.take_party_a(channel)
        return False

    @staticmethod
    def _party_b_changed(entry: Entry, channel: ChannelSnapshot) -> None:
        if entry.party_b is not None and entry.state in (State.DIAL, State.BRIDGED):
            entry.party_b.swap(channel)
            if not channel.alive:
                entry.conclude()

    def destroyed(self, channel: ChannelSnapshot, now: int) -> None:
        """A channel has ended: what there is about it is finished, and what is its own is given out."""
        chain = self._chains.get(channel.uniqueid)
        if chain is not None:
            for entry in chain:
                entry.last = now
                self._take(entry, channel)
            del self._chains[channel.uniqueid], self._places[channel.uniqueid]
            for entry in chain:
                entry.finalize()
                self._unpair(entry)
            self._dispatch(chain, now)
        for entry in self.about(channel.uniqueid):
            self._party_b_changed(entry, channel)
            entry.finalize()
            self._unpair(entry)

    def _dispatch(self, chain: Iterable[Entry], now: int) -> None:
        records = [record for entry in chain if (record := entry.record(now)) is not None]
        if records:
            self._give_out(records)

    def finish(self, now: int) -> None:
        """The exchange ends: give out everything."""
        chains, self._chains = self._chains, {}
        self._by_party_b.clear()
        self._places.clear()
        for chain in chains.values():
            for entry in chain:
                entry.last = now
                entry.finalize()
            self._dispatch(chain, now)

    # Dials

    def dial_began(self, caller: ChannelSnapshot | None, peer: ChannelSnapshot, now: int) -> None:
        """A dial to ``peer`` has begun; without a caller it is an origination."""
        chain = self._chains.get(peer.uniqueid if caller is None else caller.uniqueid)
        if chain is None or self.settings.ignoredialchanges:
            return
        taken = False
        for entry in chain:
            entry.last = now
            if entry.state is State.SINGLE:
                self._begin_dial(entry, caller, peer)
                taken = True
            elif entry.state is State.DIALED_PENDING:
                entry.conclude()
        if not taken:
            self._begin_dial(self.append(chain, now), caller, peer)

    def _begin_dial(self, entry: Entry, caller: ChannelSnapshot | None, peer: ChannelSnapshot) -> None:
        if caller is not None:
            entry.take_party_a(caller)
            self.pair(entry, Party(peer))
            # What a subroutine runs in mid-call is not what this call is about.
            entry.lock_app = True
        else:
            entry.take_party_a(peer)
        entry.state = State.DIAL

    def dial_ended(self, caller: ChannelSnapshot | None, peer: ChannelSnapshot, status: str, now: int) -> None:
        """A dial came to its end."""
        chain = self._chains.get(peer.uniqueid if caller is None else caller.uniqueid)
        if chain is None or status in PROGRESS:
            return
        disposition = disposition_of_status(status, self.settings)
        for entry in chain:
            entry.last = now
            if self.settings.ignoredialchanges:
                entry.disposition = disposition
            elif entry.state is State.DIAL:
                entry.party_a.swap(peer if caller is None else caller)
                if entry.party_b is not None:
                    if entry.party_b.id != peer.uniqueid:
                        continue
                    entry.party_b.swap(peer)
                entry.disposition = disposition
                if status == "ANSWER":
                    entry.state = State.DIALED_PENDING
                else:
                    entry.conclude()

    # Bridges

    def entered(self, bridge: BridgeSnapshot, channel: ChannelSnapshot, now: int) -> None:
        """A channel entered a bridge, whose members are those with it."""
        chain = self._chains.get(channel.uniqueid)
        if chain is None or bridge.technology == "holding_bridge":
            return
        handled = self._enter(chain, bridge, channel, now)
        if handled is None:
            self.append(chain, now)
            handled = self._enter(chain, bridge, channel, now)
        if handled is None:
            return
        for member in bridge.members:
            other = self._chains.get(member)
            if other is not None:
                self._pair_in_bridge(handled, chain, other)

    def _enter(self, chain: list[Entry], bridge: BridgeSnapshot, channel: ChannelSnapshot, now: int) -> Entry | None:
        """Let each record that can enter do so; the first of them."""
        handled: Entry | None = None
        for entry in chain:
            entry.last = now
            self._take(entry, channel)
            if entry.state not in (State.SINGLE, State.DIAL, State.DIALED_PENDING):
                continue
            entry.bridge = bridge.id
            dialled = entry.state is not State.SINGLE
            entry.state = State.BRIDGED
            handled = handled or entry
            if len(bridge.members) > 1 and not self._find_party_b(entry, bridge, dialled=dialled):
                # Nobody here is its party B. Whoever comes may be, and takes the record up again.
                chain[0].finalize()
        return handled

    def _find_party_b(self, entry: Entry, bridge: BridgeSnapshot, *, dialled: bool) -> bool:
        """The party B of a record among who is in the bridge: whom it dialled, or anybody it comes before."""
        if dialled and entry.party_b is None:
            return False
        for member in bridge.members:
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

    def left(self, bridge: BridgeSnapshot, channel: ChannelSnapshot, now: int) -> None:
        """A channel left a bridge."""
        chain = self._chains.get(channel.uniqueid)
        if chain is None or bridge.technology == "holding_bridge":
            return
        was_in = False
        for entry in chain:
            entry.last = now
            if entry.state is State.BRIDGED and entry.bridge == bridge.id:
                entry.conclude()
                entry.bridge = ""
                was_in = True
        if not was_in:
            return
        for entry in self.about(channel.uniqueid):
            if entry.state is State.BRIDGED and entry.bridge == bridge.id:
                entry.last = now
                entry.finalize()

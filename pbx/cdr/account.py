"""The records of one channel: what the ledger keeps of it while it goes along (`pbx.core.observer`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.cdr.entry import Entry, State
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.cdr.ledger import Ledger
    from pbx.core.channel_record import ChannelRecord


class Account:
    """The records of one channel, the newest last, and what it ran when it last ran something."""

    __slots__ = ("_ledger", "about", "application", "channel", "context", "data", "entries", "exten", "priority")

    def __init__(self, ledger: Ledger, channel: ChannelRecord, first: Entry) -> None:
        self._ledger = ledger
        self.channel = channel
        self.entries = [first]
        #: The records that have the channel as their party B.
        self.about: tuple[Entry, ...] = ()
        self.application = self.data = ""
        self.context, self.exten, self.priority = channel.context, channel.exten, channel.priority

    def changed(self) -> None:
        """See `pbx.core.observer.ChannelObserver`."""
        channel, entry = self.channel, self.entries[0]
        if (
            entry.state is State.SINGLE
            and len(self.entries) == 1
            and (entry.answer or channel.state is not ChannelState.UP)
            and channel.alive
            and not channel.in_hangup
        ):
            # What each step of a dialplan comes by.
            entry.note(channel)
        else:
            self._changed()
            if channel.in_hangup and self._ledger.settings.endbeforehexten:
                return
        name = channel.application
        if name:
            self.application, self.data = name, channel.application_data
            self.context, self.exten, self.priority = channel.context, channel.exten, channel.priority

    def destroyed(self) -> None:
        """See `pbx.core.observer.ChannelObserver`."""
        self._ledger.destroyed(self)

    def _changed(self) -> None:
        now, rejected = self._ledger.now(), True
        for entry in self.entries:
            entry.last = now
            rejected &= self.take(entry, now)
        if rejected and self._moved():
            self._ledger.append(self.entries, now).take_party_a(self.channel, now)
        if self.about and not self.channel.alive:
            self.conclude_about()

    def _moved(self) -> bool:
        """Whether the channel runs another application than it did, at another place of the dialplan.

        What follows the end of its call is none of it.
        """
        channel = self.channel
        if channel.in_hangup and self._ledger.settings.endbeforehexten:
            return False
        name = channel.application
        if not name or name == self.application or name.lower().startswith("appdial"):
            return False
        return (channel.context, channel.exten, channel.priority) != (self.context, self.exten, self.priority)

    def take(self, entry: Entry, now: int) -> bool:
        """Let a record see its party A; True when it is closed and another one may have to take over."""
        if entry.state is State.FINALIZED:
            return not entry.ended_before_h(self.channel)
        if entry.state is State.DIALED_PENDING and self._moved():
            if entry.party_b is not None:
                entry.conclude()
                return True
            # The start stays that of the dial.
            entry.state = State.SINGLE
        entry.take_party_a(self.channel, now)
        return False

    def conclude_about(self) -> None:
        """The channel is no more: calls that have it as party B are over."""
        for entry in self.about:
            if entry.state in (State.DIAL, State.BRIDGED):
                entry.conclude()

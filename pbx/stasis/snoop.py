"""Snoop channels: one hears what a call says or hears, and whispers into it (Asterisk: res_stasis_snoop.c).

A hidden leg sits beside the channel spied on; it and the Snoop channel's own are the ends of a pipe. What the hidden
leg is given comes out of the Snoop channel, and what is said to the Snoop channel comes out of the hidden leg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.core import messages
from pbx.core.frames import Control
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.core.channel import Channel

TECHNOLOGY = "Snoop"
#: Directions: ``in`` is what the far end says, ``out`` what it hears.
DIRECTIONS = ("none", "both", "out", "in")


class Snoop:
    """The driver of a Snoop channel."""

    def __init__(self, channel: Channel, spied: Channel, spy: str, whisper: str) -> None:
        self._channel = channel
        self._spied = spied
        self._over = False
        switchboard = channel.channels.switchboard
        beside = self._beside = switchboard.create_leg(f"{channel.name};spied")
        switchboard.pipe(channel.audio, beside)
        if spy in {"in", "both"}:
            switchboard.connect(spied.audio, beside)
        if spy in {"out", "both"}:
            switchboard.tap(spied.audio, beside)
        if whisper in {"out", "both"}:
            switchboard.connect(beside, spied.audio)
        if whisper in {"in", "both"}:
            switchboard.add_voice(beside, spied.audio)
        spied.on_end.append(self._spied_ended)

    def _spied_ended(self, _spied: Channel) -> None:
        if not self._over:
            self._let_go()
            self._channel.remote_hangup(0)

    def _let_go(self) -> None:
        if self._over:
            return
        self._over = True
        self._beside.close()
        if self._spied_ended in self._spied.on_end:
            self._spied.on_end.remove(self._spied_ended)
        bus = self._channel.channels.bus
        if bus.wanted(messages.SpyStopped):
            bus.publish(messages.SpyStopped(self._channel.snapshot(), self._spied.snapshot()))

    # What the core asks of a driver

    def call(self) -> None:
        """It is up from the beginning."""

    def answer(self) -> None:
        """It is up from the beginning."""

    def indicate(self, kind: Control, data: object) -> bool:
        return False

    def hangup(self) -> None:
        self._let_go()

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody is there to hear it."""

    def send_text(self, text: str, content_type: str = "") -> bool:
        return False

    def transfer(self, target: str) -> bool:
        return False

    def fixup(self, old: Channel, new: Channel) -> None:
        self._channel = new


def snoop_on(spied: Channel, spy: str, whisper: str, snoop_id: str = "") -> Channel:
    """A Snoop channel on ``spied``, up and owned by nobody yet. Raises DuplicateChannel."""
    channels = spied.channels

    def prepare(channel: Channel) -> None:
        channel.language = spied.language
        channel.formats = ("slin",)

    name = f"{TECHNOLOGY}/{spied.uniqueid}-{channels.next_number(TECHNOLOGY):08x}"
    channel = channels.create(TECHNOLOGY, name, uniqueid=snoop_id or None, state=ChannelState.UP, prepare=prepare)
    channel.attach(Snoop(channel, spied, spy, whisper))
    if channels.bus.wanted(messages.SpyStarted):
        channels.bus.publish(messages.SpyStarted(channel.snapshot(), spied.snapshot()))
    return channel

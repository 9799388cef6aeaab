"""Control of one channel inside Stasis(): what an application may do to it while its dialplan waits there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.clock import cancel_timer
from pbx.core.bridge import Bridge, LeaveReason
from pbx.core.bridge.pull import TAKEN
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Place, prepare_outgoing
from pbx.core.dial import status_of_cause
from pbx.core.frames import DIGITS, Control, ControlFrame, DigitBegin, DigitEnd, Frame
from pbx.core.observer import tell_dial_began, tell_dial_ended, tell_dial_progress
from pbx.core.states import ChannelState
from pbx.stasis.errors import WrongState
from pbx.stasis.target import MediaTarget

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.media.tones import PlayingTone
    from pbx.stasis.service import Stasis

#: States in which most operations make no sense.
UNSUITABLE = frozenset((ChannelState.DOWN, ChannelState.RESERVED, ChannelState.RINGING))
#: Digits one order may send, and the longest of its times in ms.
MAX_DIGITS = 1024
MAX_DIGIT_MS = 60_000
#: Statuses of a dial by what the far end says.
_ENDS = {Control.BUSY: ("BUSY", Cause.USER_BUSY), Control.CONGESTION: ("CONGESTION", Cause.NORMAL_CIRCUIT_CONGESTION)}


@dataclass(frozen=True, slots=True)
class Move:
    """Go on in another application."""

    application: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DigitOrder:
    """Digits to send, with the pauses in ms before, between and after them."""

    digits: str
    before: int = 0
    between: int = 100
    duration: int = 100
    after: int = 0


class ChannelControl:
    """One channel's. Made by `Stasis.enter`, gone when the channel leaves."""

    def __init__(self, stasis: Stasis, channel: Channel, application: str) -> None:
        self._stasis = stasis
        self.channel = channel
        self.application = application
        self.target = MediaTarget(f"channel:{channel.uniqueid}", channel.audio, lambda: channel.language)
        self.target.before_play = self._before_play
        #: Whether the channel is leaving: no more orders are taken.
        self.over = False
        self._outcome: Deferred[Move | None] = Deferred()
        self._muted: dict[str, tuple[bool, bool]] = {}
        self._dial_timer: IDelayedCall | None = None
        self._dialling: Channel | bool | None = False
        self._tone: PlayingTone | None = None
        channel.set_reader(self._heard)

    # The wait

    async def wait(self) -> Move | None:
        """Wait until the channel is to leave (None) or to move. Raises ChannelInterrupted."""
        self._outcome = Deferred()
        return await self.channel.wait_for(self._outcome)

    def _finish(self, outcome: Move | None) -> None:
        if not self._outcome.called:
            self._outcome.callback(outcome)

    async def close(self) -> None:
        """Stop what runs and leave the bridge: the application's control is over."""
        self.over = True
        cancel_timer(self._dial_timer)
        self.hear_no_tone()
        channel = self.channel
        stopped = self.target.close()
        if channel.bridge is not None:
            channel.bridge.remove(channel)
        if channel.alive:
            channel.set_reader(None)
            self._muted.clear()
            self._apply_mute()
        await stopped

    # What the far end does

    def _heard(self, frame: Frame) -> None:
        if isinstance(frame, DigitEnd):
            self.target.digit(frame.digit)
        elif isinstance(frame, ControlFrame) and self._dialling:
            self._dial_progress(frame)

    # Orders, at once

    def require_state(self) -> None:
        """Raises WrongState while the channel is down, reserved or ringing."""
        if self.channel.state in UNSUITABLE:
            raise WrongState("Channel in invalid state")

    def answer(self) -> None:
        self.channel.answer()

    def ring(self) -> None:
        """Ringing to the far end: signalled where the call is still to be answered, else a tone."""
        if not self.channel.indicate(Control.RINGING):
            self.hear_no_tone()
            self._tone = self._stasis.tones.play(self.channel.audio, "ring")

    def hear_no_tone(self) -> None:
        """End the tone of `ring`."""
        tone, self._tone = self._tone, None
        if tone is not None:
            tone.stop()

    def _before_play(self) -> None:
        self.hear_no_tone()
        self.stop_music()

    def hold(self) -> None:
        """Put the far end on hold: it hears music."""
        self.channel.indicate(Control.HOLD)

    def unhold(self) -> None:
        """Undo `hold`."""
        self.channel.indicate(Control.UNHOLD)

    def start_music(self, music_class: str) -> None:
        """Play music on hold; of the channel's own class, or of this one."""
        self.hear_no_tone()
        music = self.channel.channels.music
        if music is not None:
            music.start(self.channel, music_class)

    def stop_music(self) -> None:
        """End the music."""
        music = self.channel.channels.music
        if music is not None:
            music.stop(self.channel)

    def start_silence(self) -> None:
        """Let the far end hear nothing but what is played to it, instead of music or a tone."""
        self.hear_no_tone()
        self.stop_music()
        self.mute("out", "silence")

    def stop_silence(self) -> None:
        """Undo `start_silence`."""
        self.unmute("out", "silence")

    def progress(self) -> None:
        """Early media to the far end, where it is still to be answered."""
        self.channel.indicate(Control.PROGRESS)

    def mute(self, direction: str, reason: str = "") -> None:
        """Silence ``in`` (what comes from the far end), ``out`` or ``both``, for one ``reason`` among several."""
        inbound, outbound = self._muted.get(reason, (False, False))
        self._muted[reason] = (inbound or direction in {"in", "both"}, outbound or direction in {"out", "both"})
        self._apply_mute()

    def unmute(self, direction: str, reason: str = "") -> None:
        """Undo `mute`."""
        inbound, outbound = self._muted.get(reason, (False, False))
        self._muted[reason] = (inbound and direction == "out", outbound and direction == "in")
        self._apply_mute()

    def _apply_mute(self) -> None:
        values = self._muted.values()
        self.channel.audio.set_muted(inbound=any(i for i, _ in values), outbound=any(o for _, o in values))

    # Orders that wait for their turn

    def send_digits(self, order: DigitOrder) -> None:
        """Send digits. Raises ValueError for what is no digit or takes too long."""
        digits = order.digits.upper()
        times = (order.before, order.between, order.duration, order.after)
        if len(digits) > MAX_DIGITS or not set(digits) <= DIGITS:
            raise ValueError(f"DTMF is up to {MAX_DIGITS} of 0-9, *, # and A-D")
        if any(not 0 <= each <= MAX_DIGIT_MS for each in times):
            raise ValueError(f"a time of DTMF is 0 to {MAX_DIGIT_MS} ms")
        self.target.queue.put(lambda: self._send_digits(digits, order))

    async def _send_digits(self, digits: str, order: DigitOrder) -> None:
        await self._pause(order.before)
        for number, digit in enumerate(digits):
            if self.over:
                return
            if number:
                await self._pause(order.between)
            self.channel.send_digit(digit, order.duration)
            await self._pause(order.duration)
        await self._pause(order.after)

    async def _pause(self, milliseconds: int) -> None:
        if not milliseconds or self.over:
            return
        waiting = self._stasis.clock.sleep(milliseconds / 1000)
        waiting.addErrback(lambda _failure: None)
        self.target.stoppers.append(waiting.cancel)
        try:
            await waiting
        finally:
            self.target.stoppers.remove(waiting.cancel)

    def leave(self, place: Place | None) -> None:
        """Go on in the dialplan: at ``place``, or at the next priority."""
        self.target.queue.put(lambda: self._leave(place))

    async def _leave(self, place: Place | None) -> None:
        if place is not None:
            self.channel.redirect(*place)
        else:
            self._finish(None)

    def move(self, application: str, args: tuple[str, ...]) -> None:
        """Go on in another application."""

        async def move() -> None:
            self._finish(Move(application, args))

        self.target.queue.put(move)

    # Bridges

    def enter_bridge(
        self,
        bridge: Bridge,
        *,
        role: str = "",
        absorb_digits: bool = False,
        mute: bool = False,
        introduce: bool = True,
    ) -> None:
        """Join a bridge, leaving the present one first. Raises WrongState while the channel is recorded.

        ``introduce``: where it makes two, each is told as its connected line who the other is.
        """
        if self.target.recordings:
            raise WrongState(f"Channel {self.channel.uniqueid} currently recording")

        def intercept(frame: Frame) -> bool:
            self._heard(frame)
            return absorb_digits and isinstance(frame, DigitBegin | DigitEnd)

        self.hear_no_tone()
        source = f"bridge:{bridge.id}"
        application = self.application
        self._stasis.applications.hold(application, source)
        if mute:
            self.mute("in", "bridge")
        left = bridge.enter(self.channel, intercept, role=role)

        def has_left(reason: LeaveReason) -> None:
            # Whose channel has hung up there, or was taken from there, still hears of the bridge's end, as in Asterisk.
            if reason is not LeaveReason.HANGUP and TAKEN not in self.channel.extra:
                self._stasis.applications.release(application, source)
            self.unmute("both", "bridge")
            if not self.over and self.channel.alive:
                self.channel.set_reader(self._heard)

        left.addCallback(has_left)
        if introduce:
            bridge.introduce(self.channel)

    # Dialling a channel that was created inside

    def dial(self, caller: Channel | None, timeout: float) -> None:
        """Place the call of a channel that is down; ``timeout`` is seconds, 0 for no limit. Raises WrongState."""
        channel = self.channel
        if channel.state not in {ChannelState.DOWN, ChannelState.RESERVED} or self._dialling:
            raise WrongState("Channel is not in the 'Down' state")
        if caller is not None:
            prepare_outgoing(channel, caller, "")
            channel.changed()
        self._dialling, self._caller = True, caller
        address = channel.device.partition("/")[2]
        tell_dial_began(channel.channels, caller, channel, address)
        if timeout > 0:
            self._dial_timer = self._stasis.clock.call_later(timeout, self._dial_ends, "NOANSWER", Cause.NO_ANSWER)
        channel.on_end.append(self._hung_up)
        channel.call()

    def _dial_progress(self, frame: ControlFrame) -> None:
        if frame.kind is Control.ANSWER:
            self._dial_ended("ANSWER")
        elif frame.kind in {Control.RINGING, Control.PROGRESS, Control.PROCEEDING}:
            tell_dial_progress(self.channel.channels, self._caller, self.channel, frame.kind.name)
        elif frame.kind in _ENDS:
            self._dial_ends(*_ENDS[frame.kind])
        elif frame.kind is Control.HANGUP:
            self._hung_up(self.channel)

    def _dial_ends(self, status: str, cause: Cause) -> None:
        self._dial_ended(status)
        self.channel.request_hangup(cause)

    def _hung_up(self, channel: Channel) -> None:
        status = status_of_cause(channel.hangup_cause)
        self._dial_ended("CANCEL" if channel.hangup_cause == Cause.NORMAL_CLEARING else status)

    def _dial_ended(self, status: str) -> None:
        if not self._dialling:
            return
        cancel_timer(self._dial_timer)
        tell_dial_ended(self.channel.channels, self._caller, self.channel, status)
        self._dialling, self._caller = False, None

    def hangup(self, cause: int) -> None:
        """End the call."""
        self.channel.request_hangup(cause)

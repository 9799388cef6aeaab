"""One dial in progress (Asterisk: app_dial's wait_for_answer)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.causes import Cause
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.channels import Channels
from pbx.core.dial.destinations import Destination
from pbx.core.dial.leg import Leg, forward_destination, forwarded_from, prepare_leg
from pbx.core.dial.options import DialOptions, DialResult, Entertainment
from pbx.core.dial.status import ANSWER, BUSY, CANCEL, CHANUNAVAIL, NOANSWER, Tally, status_of_cause
from pbx.core.frames import Control, ControlFrame, DigitEnd, Frame, TextFrame
from pbx.core.observer import tell_dial_began, tell_dial_ended, tell_dial_progress
from pbx.core.party import Connected
from pbx.core.states import ChannelState
from pbx.core.technology import ChannelRequest, RequestFailed, Technologies

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

log = Logger()

#: With these the caller hears nothing of the destinations.
_ENTERTAINED = frozenset((Entertainment.RINGING, Entertainment.TONE, Entertainment.MUSIC))
_RINGBACK = frozenset((Entertainment.RINGING, Entertainment.TONE))
#: What the caller signals that goes to every destination, and those that are held back with the connected line.
_FROM_CALLER = frozenset((Control.HOLD, Control.UNHOLD, Control.CONNECTED_LINE, Control.REDIRECTING))
_PARTIES = frozenset((Control.CONNECTED_LINE, Control.REDIRECTING))


def set_duration(channel: Channel, name: str, seconds: float) -> None:
    """Set ``name`` to whole seconds and ``name_MS`` to milliseconds."""
    milliseconds = max(0, round(seconds * 1000))
    channel.set_variable(name, str(milliseconds // 1000))
    channel.set_variable(f"{name}_MS", str(milliseconds))


class Dial:
    """One dial in progress."""

    def __init__(
        self,
        channels: Channels,
        technologies: Technologies,
        caller: Channel | None,
        destinations: Sequence[Destination],
        options: DialOptions,
    ) -> None:
        self._channels = channels
        self._technologies = technologies
        self._caller = caller
        self._destinations = destinations
        self._options = options
        self._legs: dict[Channel, Leg] = {}
        self._tally = Tally()
        self._cause = 0
        self._rang = False
        self._single = False
        self._entertained = options.entertainment in _ENTERTAINED
        self._ring_time_set = self._progress_time_set = False
        self._timer: IDelayedCall | None = None
        self._progress_timer: IDelayedCall | None = None
        self._status = CHANUNAVAIL
        self._winner: Leg | None = None
        self._done: Deferred[DialResult] = Deferred()

    async def run(self) -> DialResult:
        """Dial until somebody answers, all have failed, time is up, or the caller is gone (CANCEL)."""
        caller = self._caller
        if caller is not None and caller.interrupted:
            return DialResult(CANCEL)
        try:
            await self._begin()
            result = await (self._done if caller is None else caller.wait_for(self._done))
        except ChannelInterrupted:
            result = DialResult(CANCEL, cause=self._cause)
        finally:
            self._stop_timers()
            if caller is not None and caller.alive:
                caller.set_reader(None)
        self._drop_losers(result)
        return result

    def cancel(self) -> None:
        """End the dial from outside, as by the caller's wish."""
        self._finish(DialResult(CANCEL, cause=self._cause))

    def publish_end(self, status: str) -> None:
        """Tell how it ended with the one who answered; once, when that is decided."""
        if self._winner is not None:
            self._tell_end(self._winner, status)

    # The beginning

    async def _begin(self) -> None:
        options, caller = self._options, self._caller
        for destination in self._destinations:
            self._request(destination)
        self._tally.lines = self._tally.counted
        if options.before_call is not None and self._legs:
            await options.before_call([leg.channel for leg in self._legs.values()])
        if caller is not None:
            caller.check()
        self._call_all()
        clock = self._channels.clock
        if options.timeout is not None:
            self._timer = clock.call_later(options.timeout, self._time_is_up, NOANSWER)
        if options.progress_timeout is not None:
            self._progress_timer = clock.call_later(options.progress_timeout, self._time_is_up, CHANUNAVAIL)
        self._entertain()
        self._single = len(self._legs) == 1
        if self._single:
            self._connect_to(next(iter(self._legs.values())))
        if caller is not None:
            caller.set_reader(self._caller_frame)
        self._finish_if_all_failed()

    def _request(self, destination: Destination) -> Leg | None:
        caller = self._caller
        request = ChannelRequest(
            destination.address, requestor=caller, linkedid=None if caller is None else caller.linkedid
        )
        try:
            channel = self._technologies.request(destination.technology, request)
        except RequestFailed as failure:
            log.warn("Unable to create channel for {where}: {why}", where=str(destination), why=str(failure))
            self._failed(failure.cause)
            self._tally.count(failure.cause)
            return None
        leg = Leg(channel, destination, quiet=self._options.ignore_connected_line)
        prepare_leg(leg, caller, self._options)
        self._legs[channel] = leg
        return leg

    def _call_all(self) -> None:
        for leg in list(self._legs.values()):
            self._call(leg)
            self._tally.lines += leg.begun
            if leg.channel.state is ChannelState.UP:
                break
        if self._legs:
            self._status = NOANSWER

    def _call(self, leg: Leg) -> None:
        leg.channel.set_reader(partial(self._leg_frame, leg))
        if leg.channel.hangup_requested or leg.channel.yanked:
            self._leg_failed(leg, leg.channel.hangup_cause)
            return
        leg.channel.call()
        if not leg.channel.hangup_requested:
            leg.begun = True
            tell_dial_began(self._channels, self._caller, leg.channel, leg.destination.address)

    def _entertain(self) -> None:
        caller, kind = self._caller, self._options.entertainment
        if caller is None or not self._legs:
            return
        if kind in (Entertainment.RINGING, Entertainment.RING_UNTIL_MEDIA):
            self._ring()
        elif kind in (Entertainment.MUSIC, Entertainment.TONE):
            caller.indicate(Control.PROGRESS)

    # The end

    def _stop_timers(self) -> None:
        cancel_timer(self._timer)
        cancel_timer(self._progress_timer)
        self._timer = self._progress_timer = None

    def _failed(self, cause: int) -> None:
        """The caller's HANGUPCAUSE is that of the last who failed; it is not final."""
        if cause:
            self._cause = int(cause)
        caller = self._caller
        if caller is not None and cause and caller.alive and not caller.hangup_requested:
            caller.hangup_cause = int(cause)
            caller.changed()

    def _finish(self, result: DialResult) -> None:
        if not self._done.called:
            self._done.callback(result)

    def _finish_if_all_failed(self) -> None:
        if not self._legs and not self._done.called:
            self._finish(DialResult(self._tally.status(self._status), cause=self._cause))

    def _time_is_up(self, status: str) -> None:
        self._finish(DialResult(status, cause=self._cause))

    def _drop_losers(self, result: DialResult) -> None:
        cause = self._losers_cause(result)
        status = CANCEL if result.status == ANSWER else result.status
        for leg in list(self._legs.values()):
            channel = leg.channel
            self._stop_early_media(leg)
            if channel is result.peer or channel.yanked:
                continue
            self._tell_end(leg, status)
            channel.hangup(cause)
        self._legs.clear()

    def _losers_cause(self, result: DialResult) -> int:
        options, caller = self._options, self._caller
        if result.status == ANSWER:
            return Cause.ANSWERED_ELSEWHERE if options.losers_cause is None else options.losers_cause
        if options.cancelled_elsewhere or (caller is not None and caller.hangup_cause == Cause.ANSWERED_ELSEWHERE):
            return Cause.ANSWERED_ELSEWHERE
        if result.status == CANCEL:
            return (0 if caller is None else caller.hangup_cause) or Cause.NORMAL_CLEARING
        return Cause.NOT_DEFINED

    def _tell_end(self, leg: Leg, status: str) -> None:
        tell_dial_ended(self._channels, self._caller, leg.channel, status)

    def _tell_progress(self, leg: Leg, status: str) -> None:
        tell_dial_progress(self._channels, self._caller, leg.channel, status)

    # What the caller does

    def _caller_frame(self, frame: Frame) -> None:
        if self._done.called:
            return
        if isinstance(frame, DigitEnd):
            if self._options.on_digit is not None and self._options.on_digit(frame.digit):
                self._finish(DialResult(CANCEL, cause=self._cause, by_digit=True))
                return
            for leg in list(self._legs.values()):
                leg.channel.relay_digit(frame)
        elif isinstance(frame, TextFrame):
            for leg in list(self._legs.values()):
                leg.channel.send_text(frame.text, frame.content_type)
        elif isinstance(frame, ControlFrame) and frame.kind in _FROM_CALLER:
            for leg in list(self._legs.values()):
                if not (leg.quiet and frame.kind in _PARTIES):
                    leg.channel.indicate(frame.kind, frame.data)

    # What the destinations do

    def _leg_frame(self, leg: Leg, frame: Frame) -> None:
        if leg.channel not in self._legs or self._done.called:
            return
        if not isinstance(frame, ControlFrame):
            self._leg_text(frame)
            return
        match frame.kind:
            case Control.ANSWER:
                self._answered(leg)
            case Control.RINGING:
                self._ringing(leg)
            case Control.PROGRESS:
                self._progress(leg)
            case Control.PROCEEDING:
                if self._caller is not None and self._options.entertainment not in _RINGBACK:
                    self._caller.indicate(Control.PROCEEDING)
                self._tell_progress(leg, "PROCEEDING")
            case Control.BUSY:
                self._leg_failed(leg, Cause.USER_BUSY, BUSY)
            case Control.CONGESTION:
                self._leg_failed(leg, Cause.NORMAL_CIRCUIT_CONGESTION, "CONGESTION")
            case Control.HANGUP if leg.channel.call_forward:
                self._forward(leg)
            case Control.HANGUP:
                self._leg_failed(leg, leg.channel.hangup_cause)
            case Control.CONNECTED_LINE | Control.REDIRECTING:
                self._party_changed(leg, frame)
            case Control.HOLD | Control.UNHOLD:
                if self._caller is not None:
                    self._caller.indicate(frame.kind, frame.data)
            case _:
                pass

    def _leg_text(self, frame: Frame) -> None:
        if self._caller is None or not self._single:
            return
        if isinstance(frame, TextFrame):
            self._caller.send_text(frame.text, frame.content_type)
        elif isinstance(frame, DigitEnd) and not self._entertained:
            self._caller.relay_digit(frame)

    def _sounds(self) -> None:
        """Something was heard of a destination in time."""
        cancel_timer(self._progress_timer)
        self._progress_timer = None

    def _ring(self) -> None:
        if not self._rang and self._caller is not None:
            self._rang = True
            self._caller.indicate(Control.RINGING)

    def _ringing(self, leg: Leg) -> None:
        self._sounds()
        if self._options.entertainment not in (Entertainment.MUSIC, Entertainment.TONE):
            self._ring()
        if not self._ring_time_set and self._caller is not None:
            self._ring_time_set = True
            set_duration(self._caller, "RINGTIME", self._channels.clock.now() - leg.channel.created)
        self._tell_progress(leg, "RINGING")

    def _progress(self, leg: Leg) -> None:
        """Early media is for one destination only: of several, nobody could say whose the caller should hear."""
        self._sounds()
        caller = self._caller
        if caller is not None:
            if self._options.entertainment not in _RINGBACK and (self._single or not self._rang):
                caller.indicate(Control.PROGRESS)
            if self._single and not self._entertained and not leg.early_media:
                leg.early_media = True
                self._channels.switchboard.join(caller.audio, leg.channel.audio)
            if not self._progress_time_set:
                self._progress_time_set = True
                set_duration(caller, "PROGRESSTIME", self._channels.clock.now() - leg.channel.created)
                if self._options.on_progress is not None:
                    self._options.on_progress(leg.channel)
        self._tell_progress(leg, "PROGRESS")

    def _stop_early_media(self, leg: Leg) -> None:
        if leg.early_media and self._caller is not None:
            leg.early_media = False
            self._channels.switchboard.part(self._caller.audio, leg.channel.audio)

    def _party_changed(self, leg: Leg, frame: ControlFrame) -> None:
        if leg.quiet or self._caller is None:
            return
        if frame.kind is Control.REDIRECTING:
            if self._single:
                self._rang = False
                self._caller.indicate(frame.kind, frame.data)
        elif isinstance(frame.data, Connected):
            if self._single:
                self._connect(frame.data)
            else:
                leg.pending = frame.data

    def _connect_to(self, leg: Leg) -> None:
        """Tell the caller whom it calls, where the called party has an identity of its own."""
        if not leg.quiet and not leg.anonymous:
            self._connect(Connected(id=leg.channel.caller.id, ani=leg.channel.caller.ani))

    def _connect(self, connected: Connected) -> None:
        caller = self._caller
        if caller is not None:
            caller.connected = connected
            caller.changed()
            caller.indicate(Control.CONNECTED_LINE, connected)

    def _answered(self, leg: Leg) -> None:
        leg.channel.set_reader(None)
        self._stop_early_media(leg)
        if not self._single and not leg.quiet:
            if leg.pending is not None:
                self._connect(leg.pending)
            else:
                self._connect_to(leg)
        leg.channel.exten = ""
        leg.channel.changed()
        self._winner = leg
        self._finish(DialResult(ANSWER, leg.channel))

    def _leg_failed(self, leg: Leg, cause: int, status: str = "") -> None:
        """``status`` is busy or congestion, said without a cause: the caller's is what the leg knows by now."""
        channel = leg.channel
        del self._legs[channel]
        self._stop_early_media(leg)
        if not status:
            channel.set_hangup_cause(cause)
        if not channel.yanked:
            self._failed(channel.hangup_cause)
            if leg.begun:
                self._tally.count(cause if status else channel.hangup_cause)
                self._tell_end(leg, status or status_of_cause(channel.hangup_cause))
            elif channel.hangup_cause or leg.forwarded:
                self._tally.lines += not leg.forwarded
                self._tally.count(channel.hangup_cause)
            channel.hangup(0 if status else cause)
        self._finish_if_all_failed()

    # Forwarding

    def _forward(self, leg: Leg) -> None:
        """A destination sends the call elsewhere (Asterisk: do_forward)."""
        original, options, caller = leg.channel, self._options, self._caller
        target = original.call_forward
        destination = forward_destination(original)
        del self._legs[original]
        self._stop_early_media(leg)
        self._rang = False
        new: Leg | None = None
        if options.ignore_forwarding:
            log.info("Forwarding by {who} to {where} prevented", who=original.name, where=str(destination))
            self._tally.count(Cause.USER_BUSY)
        else:
            new = self._request(destination)
        forwarded = None if new is None else new.channel
        tell_dial_ended(self._channels, caller, original, CANCEL, target, forwarded)
        if new is not None:
            new.forwarded = True
            forwarded_from(new, original, caller, options)
            if options.forwarding_ends_timeout:
                cancel_timer(self._timer)
                self._timer = None
            if self._single:
                self._redirect_caller(new)
            original.hangup()
            self._call(new)
            return
        original.hangup()
        self._finish_if_all_failed()

    def _redirect_caller(self, new: Leg) -> None:
        if self._caller is not None and not new.quiet:
            self._caller.redirecting = new.channel.redirecting
            self._caller.indicate(Control.REDIRECTING, new.channel.redirecting)
            self._connect_to(new)

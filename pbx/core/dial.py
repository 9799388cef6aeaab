"""Dialling: one caller, several destinations at once, the first that answers wins.

The outcome follows Asterisk's app_dial: DIALSTATUS is ANSWER, BUSY, CONGESTION, CHANUNAVAIL, NOANSWER or CANCEL by what
the destinations said, counted as it counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.channels import Channels, prepare_outgoing
from pbx.core.frames import Control, ControlFrame, DigitEnd, Frame
from pbx.core.party import Connected, PartyId
from pbx.core.technology import ChannelRequest, RequestFailed, Technologies

log = Logger()

#: Destinations one dial may ring at once: a bound on what a single call can set in motion.
MAX_DESTINATIONS = 256

ANSWER = "ANSWER"
BUSY = "BUSY"
CANCEL = "CANCEL"
CHANUNAVAIL = "CHANUNAVAIL"
CONGESTION = "CONGESTION"
INVALIDARGS = "INVALIDARGS"
NOANSWER = "NOANSWER"

_STATUS_OF_CAUSE = {
    Cause.USER_BUSY: BUSY,
    Cause.NORMAL_CIRCUIT_CONGESTION: CONGESTION,
    Cause.NO_ROUTE_DESTINATION: CHANUNAVAIL,
    Cause.SUBSCRIBER_ABSENT: CHANUNAVAIL,
}
#: Causes that count for nothing when all have failed: the dial then ends NOANSWER.
_UNCOUNTED = frozenset((Cause.NO_ANSWER, Cause.NORMAL_CLEARING))


def status_of_cause(cause: int) -> str:
    """A single destination's dial status by the cause it ended with."""
    return next((status for known, status in _STATUS_OF_CAUSE.items() if known == cause), NOANSWER)


@dataclass(frozen=True, slots=True)
class Destination:
    """``technology/address`` of a dial string."""

    technology: str
    address: str

    def __str__(self) -> str:
        return f"{self.technology}/{self.address}"


def parse_destinations(text: str) -> list[Destination]:
    """The destinations of ``PJSIP/a&Local/b@c``; raises ValueError naming one that is malformed."""
    found: list[Destination] = []
    for part in text.split("&"):
        part = part.strip()
        if not part:
            continue
        technology, slash, address = part.partition("/")
        if not slash or not technology or not address:
            raise ValueError(f"'{part}' is not of the form Technology/resource")
        found.append(Destination(technology, address))
    if not found:
        raise ValueError("there is nothing to dial")
    if len(found) > MAX_DESTINATIONS:
        raise ValueError(f"{len(found)} destinations; at most {MAX_DESTINATIONS} are dialled at once")
    return found


@dataclass(slots=True)
class DialOptions:
    """How to dial. ``timeout`` is seconds, None for no limit.

    ``prepare`` sees each outgoing channel before it is called; ``on_digit`` sees the caller's digits and ends the dial
    by returning True; ``identity`` replaces the caller's identity towards the destinations.
    """

    timeout: float | None = None
    indicate_ringing: bool = False
    ignore_connected_line: bool = False
    identity: PartyId | None = None
    dialled: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Channel], object] | None = None
    on_digit: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class DialResult:
    """The outcome: ``peer`` is the answered channel, up and with no reader, when ``status`` is ANSWER."""

    status: str
    peer: Channel | None = None
    cause: int = 0


@dataclass(slots=True)
class _Leg:
    channel: Channel
    destination: Destination
    early_media: bool = False


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
        self._legs: dict[str, _Leg] = {}
        self._counts = {BUSY: 0, CONGESTION: 0, CHANUNAVAIL: 0}
        self._failed = 0
        self._cause = 0
        self._rang = False
        self._done: Deferred[DialResult] = Deferred()

    async def run(self) -> DialResult:
        """Dial until somebody answers, all have failed, time is up, or the caller is gone (CANCEL)."""
        caller = self._caller
        if caller is not None and caller.interrupted:
            return DialResult(CANCEL)
        self._request_all()
        timer = None
        if self._options.timeout is not None:
            timer = self._channels.clock.call_later(self._options.timeout, self._time_is_up)
        if caller is not None:
            caller.set_reader(self._caller_frame)
        try:
            self._call_all()
            self._finish_if_all_failed()
            result = await (self._done if caller is None else caller.wait_for(self._done))
        except ChannelInterrupted:
            result = DialResult(CANCEL, cause=self._cause)
        finally:
            cancel_timer(timer)
            if caller is not None and caller.alive:
                caller.set_reader(None)
        self._drop_losers(result)
        return result

    def cancel(self) -> None:
        """End the dial from outside, as by the caller's wish."""
        self._finish(DialResult(CANCEL))

    def _request_all(self) -> None:
        caller = self._caller
        for destination in self._destinations:
            request = ChannelRequest(
                destination.address, requestor=caller, linkedid=None if caller is None else caller.linkedid
            )
            try:
                channel = self._technologies.request(destination.technology, request)
            except RequestFailed as failure:
                log.warn("Unable to create channel for {where}: {why}", where=str(destination), why=str(failure))
                self._count(failure.cause)
                continue
            channel.owner = "dial"
            prepare_outgoing(channel, caller, self._options.dialled)
            if self._options.identity is not None:
                channel.connected = replace(channel.connected, id=self._options.identity)
            for name, value in self._options.variables.items():
                channel.set_variable(name, value)
            if self._options.prepare is not None:
                self._options.prepare(channel)
            self._legs[channel.uniqueid] = _Leg(channel, destination)

    def _call_all(self) -> None:
        for leg in list(self._legs.values()):
            if self._done.called:
                return
            self._publish(messages.DialBegan, leg, str(leg.destination.address))
            leg.channel.set_reader(partial(self._leg_frame, leg))
            leg.channel.call()
        if self._options.indicate_ringing and self._caller is not None and self._legs:
            self._ring()

    def _publish(self, kind: type, leg: _Leg, detail: str) -> None:
        if self._channels.bus.wanted(kind):
            caller = None if self._caller is None else self._caller.snapshot()
            self._channels.bus.publish(kind(caller, leg.channel.snapshot(), detail))

    def _count(self, cause: int) -> None:
        self._failed += 1
        if cause:
            self._cause = int(cause)
        status = next((s for known, s in _STATUS_OF_CAUSE.items() if known == cause), None)
        if status is None and cause not in _UNCOUNTED:
            status = CHANUNAVAIL
        if status is not None:
            self._counts[status] += 1

    def _finish(self, result: DialResult) -> None:
        if not self._done.called:
            self._done.callback(result)

    def _finish_if_all_failed(self) -> None:
        if self._legs or self._done.called:
            return
        status = NOANSWER
        if self._failed == sum(self._counts.values()):
            status = next((s for s in (BUSY, CONGESTION, CHANUNAVAIL) if self._counts[s]), NOANSWER)
        self._finish(DialResult(status, cause=self._cause))

    def _time_is_up(self) -> None:
        self._finish(DialResult(NOANSWER, cause=self._cause))

    def _caller_frame(self, frame: Frame) -> None:
        if isinstance(frame, DigitEnd) and self._options.on_digit is not None and self._options.on_digit(frame.digit):
            self._finish(DialResult(CANCEL))
        elif isinstance(frame, DigitEnd) and len(self._legs) == 1:
            leg = next(iter(self._legs.values()))
            if leg.early_media:
                leg.channel.send_digit(frame.digit, frame.duration_ms)

    def _leg_frame(self, leg: _Leg, frame: Frame) -> None:
        if not isinstance(frame, ControlFrame) or leg.channel.uniqueid not in self._legs:
            return
        match frame.kind:
            case Control.ANSWER:
                self._answered(leg)
            case Control.RINGING:
                self._publish(messages.DialStateChanged, leg, "RINGING")
                self._ring()
            case Control.PROGRESS:
                self._publish(messages.DialStateChanged, leg, "PROGRESS")
                self._progress(leg)
            case Control.PROCEEDING:
                self._publish(messages.DialStateChanged, leg, "PROCEEDING")
            case Control.BUSY:
                self._leg_failed(leg, Cause.USER_BUSY)
            case Control.CONGESTION:
                self._leg_failed(leg, Cause.NORMAL_CIRCUIT_CONGESTION)
            case Control.HANGUP:
                self._leg_failed(leg, leg.channel.hangup_cause)
            case _:
                pass

    def _ring(self) -> None:
        if not self._rang and self._caller is not None:
            self._rang = True
            self._caller.indicate(Control.RINGING)

    def _progress(self, leg: _Leg) -> None:
        """Early media is for one destination only: of several, nobody could say whose the caller should hear."""
        if self._caller is None or len(self._destinations) != 1 or leg.early_media:
            return
        leg.early_media = True
        self._caller.indicate(Control.PROGRESS)
        self._channels.switchboard.join(self._caller.audio, leg.channel.audio)

    def _stop_early_media(self, leg: _Leg) -> None:
        if leg.early_media and self._caller is not None:
            leg.early_media = False
            self._channels.switchboard.part(self._caller.audio, leg.channel.audio)

    def _answered(self, leg: _Leg) -> None:
        if self._done.called:
            return
        caller = self._caller
        leg.channel.set_reader(None)
        self._stop_early_media(leg)
        self._publish(messages.DialEnded, leg, ANSWER)
        if caller is not None and not self._options.ignore_connected_line and leg.channel.caller.id.number_valid:
            caller.connected = Connected(id=leg.channel.caller.id, ani=leg.channel.caller.ani)
            caller.changed()
            caller.indicate(Control.CONNECTED_LINE, caller.connected)
        self._finish(DialResult(ANSWER, leg.channel))

    def _leg_failed(self, leg: _Leg, cause: int) -> None:
        del self._legs[leg.channel.uniqueid]
        self._stop_early_media(leg)
        leg.channel.set_hangup_cause(cause)
        if leg.channel.yanked:
            self._finish_if_all_failed()
            return
        self._count(leg.channel.hangup_cause)
        self._publish(messages.DialEnded, leg, status_of_cause(leg.channel.hangup_cause))
        leg.channel.hangup(cause)
        self._finish_if_all_failed()

    def _drop_losers(self, result: DialResult) -> None:
        elsewhere = result.status == ANSWER
        for leg in list(self._legs.values()):
            channel = leg.channel
            if channel is result.peer or channel.yanked:
                continue
            self._stop_early_media(leg)
            channel.set_hangup_cause(Cause.ANSWERED_ELSEWHERE if elsewhere else Cause.NORMAL_CLEARING)
            self._publish(messages.DialEnded, leg, NOANSWER if result.status == NOANSWER else CANCEL)
            channel.hangup()
        self._legs.clear()

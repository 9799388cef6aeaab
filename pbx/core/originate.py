"""Originating calls: dial one destination, and when it answers run an application or the dialplan on it.

Used by the console, AMI's Originate and ARI. Reasons are Asterisk's numbers (pbx_outgoing_attempt).
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.causes import Cause
from pbx.core.channel import Channel, ChannelInterrupted, settle
from pbx.core.channels import Channels, DuplicateChannel
from pbx.core.dial import Destination, status_of_cause
from pbx.core.dial.leg import forward_destination
from pbx.core.dialplan import Dialplan
from pbx.core.frames import Control, ControlFrame, Frame
from pbx.core.observer import tell_dial_began, tell_dial_ended, tell_dial_progress
from pbx.core.party import Caller, Connected, PartyId
from pbx.core.release import let_go
from pbx.core.technology import ChannelRequest, RequestFailed, Technologies
from pbx.errors import ObeliskError

log = Logger()

#: Seconds an origination waits for an answer unless told otherwise (AMI's default of 30,000 ms).
DEFAULT_TIMEOUT = 30.0

REASON_FAILURE = 0
REASON_HANGUP = 1
REASON_RING = 3
REASON_ANSWERED = 4
REASON_BUSY = 5
REASON_CONGESTION = 8


class OriginateError(ObeliskError):
    """An origination could not be begun; ``reason`` is one of the numbers above."""

    def __init__(self, message: str, reason: int = REASON_FAILURE) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Originate:
    """What to originate: either an application with its data or a place in the dialplan. ``timeout`` is seconds."""

    destination: Destination
    application: str = ""
    data: str = ""
    context: str = "default"
    exten: str = ""
    priority: int = 1
    timeout: float | None = DEFAULT_TIMEOUT
    identity: PartyId | None = None
    variables: Sequence[tuple[str, str]] = field(default_factory=tuple)
    #: Names among them that events are to show.
    reported: Sequence[str] = ()
    account: str = ""
    early_media: bool = False
    uniqueid: str | None = None
    other_uniqueid: str | None = None
    formats: Sequence[str] = ()
    requestor: Channel | None = None
    #: Asked again when the application is about to run, as rights may have changed since the order: whether it may.
    authorised: Callable[[], bool] | None = None
    #: Runs on the channel before it is called.
    before_call: Callable[[Channel], Awaitable[object]] | None = None
    #: Runs instead of application or dialplan once the call is up; owns the channel until it returns.
    on_up: Callable[[Channel], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class OriginateResult:
    """How the dialling ended; ``reason`` is one of the numbers above."""

    success: bool
    reason: int
    cause: int = 0
    #: Whether the end of the dial is told: not where it has not begun, nor where nobody answered in time.
    told: bool = True


@dataclass(slots=True)
class Origination:
    """An origination under way: its channel, and its result once that is known."""

    channel: Channel
    result: Deferred[OriginateResult]


#: What a cause makes of an origination (pbx_dial_reason); every other is a failure.
_REASONS: Mapping[int, int] = {
    Cause.USER_BUSY: REASON_BUSY,
    Cause.CALL_REJECTED: REASON_CONGESTION,
    Cause.NETWORK_OUT_OF_ORDER: REASON_CONGESTION,
    Cause.DESTINATION_OUT_OF_ORDER: REASON_CONGESTION,
    Cause.NORMAL_TEMPORARY_FAILURE: REASON_CONGESTION,
    Cause.SWITCH_CONGESTION: REASON_CONGESTION,
    Cause.NORMAL_CIRCUIT_CONGESTION: REASON_CONGESTION,
    Cause.ANSWERED_ELSEWHERE: REASON_RING,
    Cause.NO_ANSWER: REASON_RING,
}


def reason_of_cause(cause: int) -> int:
    """The reason an origination failed for, by the cause its channel ended with."""
    return _REASONS.get(cause, REASON_FAILURE)


class Originator:
    """Begins originations."""

    def __init__(self, channels: Channels, technologies: Technologies, dialplan: Callable[[], Dialplan]) -> None:
        self._channels = channels
        self._technologies = technologies
        self._dialplan = dialplan

    def create(self, order: Originate, *, dial: bool = False) -> Channel:
        """Make and prepare the channel without calling it; ``dial``: it will be at once. Raises OriginateError."""
        if order.application and not self._dialplan().has_application(order.application):
            raise OriginateError(f"there is no application {order.application}")
        request = ChannelRequest(
            order.destination.address,
            requestor=order.requestor,
            linkedid=None if order.requestor is None else order.requestor.linkedid,
            formats=order.formats,
            uniqueid=order.uniqueid,
            other_uniqueid=order.other_uniqueid,
        )
        try:
            channel = self._technologies.request(order.destination.technology, request)
        except RequestFailed as error:
            raise OriginateError(str(error), reason_of_cause(error.cause)) from error
        except DuplicateChannel as error:
            raise OriginateError(str(error)) from error
        channel.owner = "dial"
        channel.originated = True
        channel.outgoing = True
        if dial:
            channel.set_application("AppDial2", "(Outgoing Line)")
        for name in order.reported:
            channel.report(name)
        for name, value in order.variables:
            if name.endswith(")"):
                self._write_function(channel, name, value)
            else:
                channel.set_variable(name, value)
        if order.account:
            channel.accountcode = channel.peeraccount = order.account
            channel.changed()
        if order.identity is not None:
            # A number alone leaves the channel's own name, as Asterisk's ast_set_callerid does.
            ours, known = order.identity, channel.caller.id
            if not ours.name and known.name:
                ours = replace(ours, name=known.name, name_valid=known.name_valid)
            # Its ANI is the number only, and the far end has none.
            number = PartyId(number=order.identity.number, number_valid=order.identity.number_valid)
            channel.caller = Caller(id=ours, ani=number)
            channel.changed()
            channel.connected = Connected(id=order.identity)
            channel.changed()
        return channel

    def _write_function(self, channel: Channel, expression: str, value: str) -> None:
        """``PJSIP_HEADER(add,X)`` among the variables; a failure is logged and the call goes on, as in Asterisk."""

        async def write() -> None:
            try:
                await settle(self._dialplan().write_function(channel, expression, value))
            except (LookupError, ObeliskError) as error:
                log.warn("{name}: {where}: {error}", name=channel.name, where=expression, error=str(error))

        Deferred.fromCoroutine(write()).addErrback(
            lambda failure: log.failure("writing {where} failed", failure=failure, where=expression)
        )

    def start(self, order: Originate) -> Origination:
        """Dial; the result fires when the call is answered or has failed. Raises OriginateError."""
        channel = self.create(order, dial=True)
        result: Deferred[OriginateResult] = Deferred()
        Deferred.fromCoroutine(self._run(channel, order, result)).addErrback(
            lambda failure: log.failure("origination of {where} failed", failure=failure, where=str(order.destination))
        )
        return Origination(channel, result)

    async def _run(self, channel: Channel, order: Originate, result: Deferred[OriginateResult]) -> None:
        if order.before_call is not None:
            await order.before_call(channel)
        outcome = await self._dial(channel, order)
        while not outcome.success and channel.call_forward and not channel.yanked:
            order = replace(order, destination=forward_destination(channel), uniqueid=None, other_uniqueid=None)
            forwarded = self._forward(channel, order)
            if forwarded is None:
                break
            channel = forwarded
            outcome = await self._dial(channel, order)
        if outcome.told:
            status = "ANSWER" if outcome.success else self._status(outcome)
            tell_dial_ended(self._channels, None, channel, status, dial_string=order.destination.address)
        if not outcome.success:
            if not channel.yanked:
                # Busy and congestion that a technology says without a cause have none, as in Asterisk.
                told = outcome.reason in (REASON_BUSY, REASON_CONGESTION)
                channel.hangup(channel.hangup_cause if told else outcome.cause)
            result.callback(outcome)
            return
        result.callback(outcome)
        await self._up(channel, order)

    def _forward(self, original: Channel, order: Originate) -> Channel | None:
        """The destination sends the call elsewhere: the channel that goes there (handle_call_forward in dial.c)."""
        if original.max_forwards <= 1:
            log.warn(
                "{channel}: not forwarded to {where}: too often", channel=original.name, where=str(order.destination)
            )
            return None
        try:
            new = self.create(order, dial=True)
        except OriginateError as error:
            log.warn("{channel}: not forwarded: {error}", channel=original.name, error=str(error))
            return None
        new.max_forwards = original.max_forwards - 1
        new.redirecting = original.redirecting
        tell_dial_ended(self._channels, None, original, "CANCEL", original.call_forward, new)
        original.hangup()
        return new

    @staticmethod
    def _status(outcome: OriginateResult) -> str:
        return "NOANSWER" if outcome.reason == REASON_RING else status_of_cause(outcome.cause)

    async def _dial(self, channel: Channel, order: Originate) -> OriginateResult:
        done: Deferred[OriginateResult] = Deferred()
        called = False

        def finish(outcome: OriginateResult) -> None:
            if not done.called:
                done.callback(outcome)

        def heard(frame: Frame) -> None:
            if not isinstance(frame, ControlFrame):
                return
            if frame.kind is Control.ANSWER or (frame.kind is Control.PROGRESS and order.early_media):
                finish(OriginateResult(True, REASON_ANSWERED))
            elif frame.kind is Control.BUSY:
                finish(OriginateResult(False, REASON_BUSY, Cause.USER_BUSY))
            elif frame.kind is Control.CONGESTION:
                finish(OriginateResult(False, REASON_CONGESTION, Cause.NORMAL_CIRCUIT_CONGESTION))
            elif frame.kind is Control.INCOMPLETE:
                finish(OriginateResult(False, REASON_FAILURE, told=False))
            elif frame.kind is Control.HANGUP:
                # Whatever its cause, as in Asterisk: reasons come of busy, congestion and time alone.
                finish(OriginateResult(False, REASON_FAILURE, channel.hangup_cause, called))
            elif frame.kind in (Control.RINGING, Control.PROGRESS, Control.PROCEEDING):
                tell_dial_progress(self._channels, None, channel, frame.kind.name, order.destination.address)

        timer = None
        if order.timeout is not None:
            timer = self._channels.clock.call_later(
                order.timeout, finish, OriginateResult(False, REASON_RING, Cause.NO_ANSWER, told=False)
            )
        channel.set_reader(heard)
        try:
            channel.call()
            called = not channel.hangup_requested
            if called:
                tell_dial_began(self._channels, None, channel, order.destination.address)
            # It may have answered and hung up already: it was answered all the same.
            return await (done if done.called else channel.wait_for(done))
        except ChannelInterrupted:
            return OriginateResult(False, REASON_FAILURE, channel.hangup_cause, called)
        finally:
            cancel_timer(timer)
            if channel.alive and not channel.yanked:
                channel.set_reader(None)

    async def _up(self, channel: Channel, order: Originate) -> None:
        dialplan = self._dialplan()
        if order.on_up is not None:
            await order.on_up(channel)
            return
        if order.application:
            if order.authorised is not None and not order.authorised():
                log.warn(
                    "{channel}: {application} is not run: whoever ordered it may not, any more",
                    channel=channel.name,
                    application=order.application,
                )
                channel.hangup(Cause.CALL_REJECTED)
                return
            channel.owner = "pbx"
            with contextlib.suppress(ChannelInterrupted):
                await dialplan.execute(channel, order.application, order.data)
            if let_go(channel):
                return
            target = channel.take_redirect()
            if target is None or not channel.alive or channel.hangup_requested:
                channel.hangup()
                return
            channel.set_position(*target)
        else:
            channel.set_position(order.context, order.exten or "s", order.priority)
        dialplan.start(channel)

"""The loop: priorities in turn on a channel, special extensions ``s i t T e h``, overlap dialling, auto-fallthrough.

As Asterisk's __ast_pbx_run. Each channel's run is one coroutine; an application that never waits costs no Deferred.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from dialplan.absolute_timeout import cancel as cancel_absolute_timeout
from dialplan.hangup_handlers import run_handlers
from dialplan.patterns import Mode
from dialplan.run import (
    DIGIT_RESULTS,
    KEY,
    MAX_STEPS_HUNG_UP,
    RESULT_ERROR,
    RESULT_HANGUP,
    RESULT_INCOMPLETE,
    RESULT_OK,
    STEPS_PER_TURN,
    RaisedException,
    Run,
)
from dialplan.verbosity import verbose
from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import SOFT_DIALPLAN_ENDED, Channel, ChannelInterrupted
from pbx.core.frames import Control
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from dialplan.extensions import Priority
    from dialplan.registry import Application

log = Logger()

#: Digits of an extension a caller may dial (AST_MAX_EXTENSION less the terminator).
MAX_EXTENSION = 79
#: Seconds that auto-fallthrough plays busy or congestion.
FALLTHROUGH_SECONDS = 10.0


class Loop:
    """Runs the dialplan of an engine on channels."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._contexts = engine.contexts
        self._registry = engine.registry
        self._substitution = engine.substitution

    async def start(self, channel: Channel) -> None:
        """Run the dialplan on ``channel`` from its position until it has hung up or was taken. Never fails."""
        run = Run()
        channel.extra[KEY] = run
        try:
            if not channel.exten:
                channel.set_position(None, "s", 1)
            while True:
                found, result = await self.steps(channel, run)
                if not await self._go_on(channel, run, found, result):
                    break
        except Exception:  # a defect in one call must end that call alone
            log.failure("{channel}: the dialplan failed", channel=channel.name)
        released = run.released
        if released is not None and not released.called and channel.alive and not channel.hangup_requested:
            channel.extra.pop(KEY, None)
            channel.owner = ""
            released.callback(None)
            return
        bus = self._engine.channels.bus
        if channel.alive and bus.wanted(messages.HangupRequested):
            # As ast_pbx_run's ast_softhangup: told whoever ended the call.
            bus.publish(messages.HangupRequested(channel.told(), SOFT_DIALPLAN_ENDED, True, channel.tech_cause))
        await self.finish(channel, run)

    async def finish(self, channel: Channel, run: Run) -> None:
        """Run ``h`` and the hangup handlers, and hang up. Never fails."""
        channel.extra[KEY] = run
        try:
            await self._h_extension(channel, run)
        except Exception:  # a defect in one call must end that call alone
            log.failure("{channel}: the h extension failed", channel=channel.name)
        await run_handlers(self._engine, channel)
        channel.extra.pop(KEY, None)
        channel.hangup(Cause.NOT_DEFINED)
        if run.released is not None and not run.released.called:
            run.released.callback(None)

    def _step(self, channel: Channel, run: Run) -> int | Awaitable[int] | None:
        """Begin the step the channel stands on: its result, or what gives it when awaited; None where there is none."""
        found = self._contexts.find(
            channel.context, channel.exten, channel.priority, channel.caller.id.number, channel=channel
        )
        if found is None:
            return None
        if found.switch is not None:
            return found.switch.run(channel, found.context, channel.exten, channel.priority)
        return RESULT_HANGUP if found.step is None else self._native(channel, run, found.step)

    def _native(self, channel: Channel, run: Run, step: Priority) -> int | Awaitable[int]:
        application = self._registry.application(step.application)
        if application is None:
            log.warn(
                "No application '{name}' for extension ({context}, {exten}, {priority})",
                name=step.application,
                context=channel.context,
                exten=channel.exten,
                priority=channel.priority,
            )
            return RESULT_HANGUP
        run.step = step
        data = step.data
        if "$" in data:
            substituted = self._substitution.substitute(channel, data)
            if not isinstance(substituted, str):
                return self._substituted(channel, application, substituted)
            data = substituted
        channel.set_application(application.name, data)
        return self._engine.call(application, channel, data)

    async def _substituted(self, channel: Channel, application: Application, waiting: Awaitable[str]) -> int:
        # A hangup does not cut it short: what a function does outside is done whole.
        data = await waiting
        channel.set_application(application.name, data)
        result = self._engine.call(application, channel, data)
        return result if isinstance(result, int) else await result

    async def steps(self, channel: Channel, run: Run) -> tuple[bool, int]:
        """Priorities in turn until one is missing or gives a result: whether the last was there, and the result."""
        while True:
            run.steps += 1
            if run.steps % STEPS_PER_TURN == 0:
                await self._engine.channels.clock.sleep(0)
            run.jumped = False
            try:
                result = self._step(channel, run)
                if result is None:
                    return False, RESULT_HANGUP
                if not isinstance(result, int):
                    result = await result
            except (ChannelInterrupted, CancelledError):
                result = self._engine.interrupted(channel)
            else:
                # It counts over a jump of the step's own, or a loop of jumps could never be redirected.
                if channel.redirect_pending and not channel.hangup_requested:
                    result = self._engine.interrupted(channel)
            if channel.application:
                channel.forget_application()
            if result and not run.jumped:
                return True, result
            if not channel.alive or run.released is not None:
                return True, RESULT_HANGUP
            if channel.hangup_requested and not (run.ignores_hangup and self._may_go_on(channel, run)):
                return True, RESULT_HANGUP
            if not run.jumped:
                channel.step()

    @staticmethod
    def _may_go_on(channel: Channel, run: Run) -> bool:
        """Whether a call that is over may take another step: there is an end to what runs after a hangup."""
        run.steps_hung_up += 1
        if run.steps_hung_up <= MAX_STEPS_HUNG_UP:
            return True
        log.error(
            "{channel}: {exten}@{context}:{priority} was ended: {steps} steps since the hangup",
            channel=channel.name,
            exten=channel.exten,
            context=channel.context,
            priority=channel.priority,
            steps=MAX_STEPS_HUNG_UP,
            call_id=channel.callid,
        )
        return False

    async def _go_on(self, channel: Channel, run: Run, found: bool, result: int) -> bool:
        """What `steps` gave is an end of priorities: find where the call goes; False when it is over."""
        if channel.hangup_requested or not channel.alive or run.released is not None:
            return False
        digits = ""
        if found:
            if result in DIGIT_RESULTS:
                digits = DIGIT_RESULTS[result]
            elif result == RESULT_INCOMPLETE:
                digits = channel.exten
                if not self._more(channel, digits):
                    return self._invalid(channel, run, channel.exten, "sent to invalid extension")
            else:
                return result == RESULT_ERROR and channel.exten != "e" and self._go_to_e(channel, run, "ERROR")
        if not digits and not self.here(channel, channel.exten):
            return self._invalid(channel, run, channel.exten, "sent to invalid extension")
        return await self._more_digits(channel, run, digits, incomplete=found and result == RESULT_INCOMPLETE)

    async def _more_digits(self, channel: Channel, run: Run, digits: str, *, incomplete: bool) -> bool:
        """Overlap dialling, or auto-fallthrough; False when the call is over."""
        timeout = run.digit_timeout if digits else (0.0 if self._engine.autofallthrough else run.response_timeout)
        if not timeout:
            await self._fall_through(channel)
            return False
        try:
            dialled = await self._collect_digits(channel, run, digits, timeout)
        except ChannelInterrupted:
            return self._engine.interrupted(channel) == RESULT_OK
        timed_out = not dialled or (incomplete and dialled == digits)
        if not timed_out and self.here(channel, dialled):
            channel.set_position(None, dialled, 1)
            return True
        if not timed_out:
            return self._invalid(channel, run, dialled, "dialled an invalid extension")
        if self.here(channel, "t"):
            channel.set_position(None, "t", 1)
            return True
        if self._go_to_e(channel, run, "RESPONSETIMEOUT"):
            return True
        log.warn("Timeout, but no rule 't' or 'e' in context '{context}'", context=channel.context)
        return False

    async def _collect_digits(self, channel: Channel, run: Run, digits: str, timeout: float) -> str:
        """Add what the caller presses to ``digits`` while more could be needed. Raises ChannelInterrupted."""
        while len(digits) < MAX_EXTENSION and self._more(channel, digits):
            digit = await channel.read_digit(timeout)
            if digit is None:
                break
            digits += digit
            timeout = run.digit_timeout
        return digits

    def here(self, channel: Channel, exten: str) -> bool:
        """Whether the channel's context has an extension."""
        return self._contexts.find(channel.context, exten, 1, channel.caller.id.number, channel=channel) is not None

    def _more(self, channel: Channel, digits: str) -> bool:
        number = channel.caller.id.number
        return self._contexts.find(channel.context, digits, 1, number, Mode.MATCH_MORE, channel) is not None

    def _go_to_e(self, channel: Channel, run: Run, reason: str) -> bool:
        if not self.here(channel, "e"):
            return False
        run.exception = RaisedException(reason, channel.context, channel.exten, channel.priority)
        channel.set_position(None, "e", 1)
        return True

    def _invalid(self, channel: Channel, run: Run, exten: str, how: str) -> bool:
        if self.here(channel, "i"):
            channel.set_variable("INVALID_EXTEN", exten)
            channel.set_position(None, "i", 1)
            return True
        if self._go_to_e(channel, run, "INVALID"):
            return True
        log.warn(
            "Channel '{channel}' {how} but no invalid handler: context,exten,priority={context},{exten},{priority}",
            channel=channel.name,
            how=how,
            context=channel.context,
            exten=exten,
            priority=channel.priority,
        )
        channel.set_hangup_cause(Cause.NO_ROUTE_DESTINATION if channel.state is not ChannelState.UP else 0)
        return False

    async def _fall_through(self, channel: Channel) -> None:
        status = channel.variables.get("DIALSTATUS") or "UNKNOWN"
        verbose(
            log,
            3,
            "Auto fallthrough, channel '{channel}' status is '{status}'",
            channel=channel.name,
            status=status,
            call_id=channel.callid,
        )
        try:
            if status.upper() in ("CONGESTION", "CHANUNAVAIL"):
                await indicate_failure(channel, Control.CONGESTION, FALLTHROUGH_SECONDS)
            elif status.upper() == "BUSY":
                await indicate_failure(channel, Control.BUSY, FALLTHROUGH_SECONDS)
        except ChannelInterrupted:
            return

    async def _h_extension(self, channel: Channel, run: Run) -> None:
        """The ``h`` extension, on a channel that is hung up and still there."""
        if not channel.alive:
            return
        cancel_absolute_timeout(channel)
        channel.hangup_requested = True
        if not self.here(channel, "h"):
            return
        run.ignores_hangup = channel.in_hangup = True
        channel.set_position(None, "h", 1)
        await self.steps(channel, run)


async def indicate_failure(channel: Channel, kind: Control, seconds: float | None) -> None:
    """Busy or congestion to the far end until it hangs up or ``seconds`` have passed. Raises ChannelInterrupted."""
    if channel.state is not ChannelState.UP:
        # It counts over that of a dial before.
        channel.hangup_cause = int(Cause.USER_BUSY if kind is Control.BUSY else Cause.NORMAL_CIRCUIT_CONGESTION)
        channel.set_state(ChannelState.BUSY)
    channel.indicate(kind)
    if seconds is None:
        await channel.wait_for(Deferred[None]())
    else:
        await channel.sleep(seconds)

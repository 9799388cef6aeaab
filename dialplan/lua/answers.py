"""What a script's steps get for an answer, other than applications; and the tasks of ``pbx.spawn``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from dialplan.lua._runtime import (
    APPLICATION,
    DONE,
    FAILED,
    HANGUP_CHECK,
    HELPER,
    INTERRUPTED,
    PRINTED,
    READ,
    RESULT,
    WRITE,
    Step,
)
from dialplan.lua._watch import SLICE
from dialplan.lua.helpers import Helpers, UsageError
from dialplan.lua.packing import PackingError, pack_value, unpack_value
from dialplan.lua.plan import CallState, clean_traceback, decode, encode
from dialplan.lua.turns import Turns
from dialplan.registry import NothingThere
from dialplan.run import RESULT_HANGUP, STEPS_PER_TURN, Run
from dialplan.variables import MAX_READ
from pbx.core import messages
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.errors import ObeliskError
from pbx.sql.statement import StatementError

if TYPE_CHECKING:
    from dialplan.engine import Engine

log = Logger()

#: The error value that says the channel was sent elsewhere.
GOTO_DETECTED = 5
#: Seconds that ``h`` may wait for a task; the call is over, and its end waits meanwhile.
H_SECONDS = 30.0
#: Bytes of a traceback in an event.
MAX_TRACEBACK = 2000


class Task:
    """A function that runs beside the extension; its results stay in Lua."""

    __slots__ = ("running", "waiters")

    def __init__(self) -> None:
        self.running: Deferred[None] | None = None
        self.waiters: list[Deferred[None]] = []


class Answers:
    """Answers steps, for every call of one engine."""

    def __init__(self, engine: Engine, helpers: Helpers, turns: Turns) -> None:
        self._engine = engine
        self._helpers = helpers
        self._turns = turns

    async def answer(self, channel: Channel, state: CallState, step: Step, run: Run | None) -> bytes | int | None:
        """The answer to a step that is neither an application nor an end; ``run`` is None in a task.

        An integer unwinds the script: the call was hung up or sent elsewhere while it waited.
        """
        tag, name, text = step
        try:
            if tag == READ:
                return await self._read(channel, decode(name), run)
            if tag == WRITE:
                await self._write(channel, decode(name), decode(text), run)  # type: ignore[arg-type]
                return None
            if tag == HANGUP_CHECK:
                return int(channel.hangup_requested or not channel.alive)
            if tag == HELPER:
                return await self._help(channel, state, decode(name), unpack_value(text), run)  # type: ignore[arg-type]
            return state.generation.answer_file(tag, name)
        except (ChannelInterrupted, CancelledError):
            if run is None:
                raise
            result = self._engine.interrupted(channel)
            return GOTO_DETECTED if run.jumped else result

    # Variables and functions

    async def _read(self, channel: Channel, name: str, run: Run | None) -> bytes | None:
        if not name.endswith(")"):
            value = channel.get_variable(name)
        else:
            value = None
            try:
                found = self._engine.registry.read(channel, name)
                value = found if isinstance(found, str) else await self._wait(channel, found, run)
            except ChannelInterrupted:
                raise
            except NothingThere:
                pass
            except LookupError as error:
                self._complain(channel, name, str(error.args[0]))
            except ObeliskError as error:
                self._complain(channel, name, str(error))
        return None if value is None else encode(value)[:MAX_READ]

    async def _write(self, channel: Channel, name: str, value: str, run: Run | None) -> None:
        if not name.endswith(")"):
            channel.set_variable(name, value)
            return
        try:
            waiting = self._engine.registry.write(channel, name, value)
            if waiting is not None:
                await self._wait(channel, waiting, run)
        except ChannelInterrupted:
            raise
        except LookupError as error:
            self._complain(channel, name, str(error.args[0]))
        except ObeliskError as error:
            self._complain(channel, name, str(error))

    @staticmethod
    def _complain(channel: Channel, expression: str, reason: str) -> None:
        log.error(
            "{channel}: {expression} at {exten}@{context}: {reason}",
            channel=channel.name,
            expression=expression,
            exten=channel.exten,
            context=channel.context,
            reason=reason,
            call_id=channel.callid,
        )

    @staticmethod
    async def _wait(channel: Channel, waiting: Awaitable[Any], run: Run | None) -> Any:
        """Wait as an application does: a hangup or a redirect cuts in, but not in ``h`` and not in a task."""
        if run is None or run.ignores_hangup:
            return await waiting
        return await channel.wait_for(waiting if isinstance(waiting, Deferred) else Deferred.fromCoroutine(waiting))  # type: ignore[arg-type]

    # Helpers

    async def _help(
        self, channel: Channel, state: CallState, name: str, arguments: dict[Any, Any], run: Run | None
    ) -> bytes | int | None:
        try:
            if name == "spawn":
                self._spawn(channel, state, arguments[1])
                return None
            if name == "cancel":
                self._cancel(state, arguments[1])
                return None
            if name == "wait":
                return await self._wait_for_task(channel, state, arguments[1], run)
            if name == "sleep" and run is not None and run.ignores_hangup:
                return RESULT_HANGUP  # as Wait: the call is over
            waiting = self._helpers.call(channel, name, arguments)
            if waiting is None:
                return None
            value = await self._wait(channel, waiting, run)
            return None if value is None else pack_value(value)
        except ChannelInterrupted:
            raise
        except (UsageError, StatementError) as error:
            return b"!" + encode(str(error))
        except (PackingError, RecursionError) as error:
            return b"?" + encode(f"the answer cannot be given to a script: {error}")
        except ObeliskError as error:
            return b"?" + encode(str(error))

    # Tasks

    def _spawn(self, channel: Channel, state: CallState, number: int) -> None:
        task = Task()
        if state.tasks is None:
            state.tasks = {}
        state.tasks[number] = task
        task.running = Deferred.fromCoroutine(self._run_task(channel, state, number, task))
        task.running.addErrback(lambda failure: log.failure("{channel}: a task failed", failure, channel=channel.name))

    @staticmethod
    def _cancel(state: CallState, number: int) -> None:
        task = (state.tasks or {}).get(number)
        if task is not None and task.running is not None:
            task.running.cancel()

    async def _wait_for_task(self, channel: Channel, state: CallState, number: int, run: Run | None) -> int | None:
        task = (state.tasks or {}).get(number)
        if task is None:
            return None
        waiting: Deferred[None] = Deferred()
        task.waiters.append(waiting)
        try:
            if run is None or not run.ignores_hangup:
                await self._wait(channel, waiting, run)
                return None
            timer = self._engine.channels.clock.call_later(H_SECONDS, waiting.cancel)
            try:
                await waiting
            except CancelledError:
                return RESULT_HANGUP
            finally:
                if timer.active():
                    timer.cancel()
            return None
        finally:
            if waiting in task.waiters:
                task.waiters.remove(waiting)

    async def _run_task(self, channel: Channel, state: CallState, number: int, task: Task) -> None:
        machine = state.generation.machine
        turn = 0
        worked = machine.watch.worked = 0.0
        try:
            step = machine.start_task(number)
            while True:
                tag, name, text = step
                if tag & PRINTED:
                    state.generation.flush_printed(channel.name)
                    step = (tag & ~PRINTED, name, text)
                    continue
                if tag == INTERRUPTED:
                    await self._turns.after_interruption()
                    worked = machine.watch.worked = 0.0
                    step = machine.go_on(number)
                    continue
                if tag in (DONE, RESULT):
                    return
                if tag == FAILED:
                    self.failed(channel, state, name)
                    return
                if tag == APPLICATION:
                    reason = b"a task cannot run application '" + name + b"': only the extension itself can"
                    step = machine.resume(number, reason)
                else:
                    step = machine.resume(number, await self.answer(channel, state, step, None))
                turn += 1
                worked += machine.watch.worked
                machine.watch.worked = 0.0
                if worked > SLICE:
                    turn, worked = 0, 0.0
                    await self._turns.next()
                elif turn >= STEPS_PER_TURN:
                    turn = 0
                    await self._engine.channels.clock.sleep(0)
        except CancelledError:
            return
        finally:
            machine.close(number)
            if state.tasks is not None:
                state.tasks.pop(number, None)
            waiters, task.waiters = task.waiters, []
            for waiting in waiters:
                if not waiting.called:
                    waiting.callback(None)

    # Failures

    def failed(self, channel: Channel, state: CallState, traceback: bytes) -> None:
        """Tell the log, and managers and applications by a UserEvent ``LuaError``, what was wrong and where."""
        reason = clean_traceback(decode(traceback))
        log.error(
            "Error executing lua extension {exten}@{context} on {channel}: {reason}",
            channel=channel.name,
            exten=channel.exten,
            context=channel.context,
            reason=reason,
            call_id=channel.callid,
        )
        bus = self._engine.channels.bus
        if bus.wanted(messages.UserEvent):
            head, _, frames = reason.partition("\nstack traceback:\n")
            fields = [
                ("Error", " ".join(head.split("\n"))[:MAX_TRACEBACK]),
                ("Traceback", " < ".join(line.strip() for line in frames.splitlines())[:MAX_TRACEBACK]),
                ("CallID", f"[{channel.callid}]"),
                ("Generation", str(state.generation.number)),
            ]
            bus.publish(messages.UserEvent("LuaError", tuple(fields), channel.told()))


def end_tasks(state: CallState) -> None:
    """The channel has ended, and its tasks with it."""
    for task in list((state.tasks or {}).values()):
        if task.running is not None:
            task.running.cancel()


__all__ = ["GOTO_DETECTED", "Answers", "Task", "end_tasks"]

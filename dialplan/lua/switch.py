"""The switch ``Lua``: finds extensions in extensions.lua and runs their functions on channels."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from dialplan.lua._runtime import APPLICATION, DONE, FAILED, INTERRUPTED, PRINTED, READ, RESULT
from dialplan.lua._watch import SLICE
from dialplan.lua.answers import GOTO_DETECTED, Answers, end_tasks
from dialplan.lua.helpers import Helpers
from dialplan.lua.plan import CallState, Generation, decode, encode
from dialplan.lua.turns import Turns
from dialplan.patterns import Mode
from dialplan.registry import Application
from dialplan.run import MAX_STEPS_HUNG_UP, RESULT_HANGUP, RESULT_OK, STEPS_PER_TURN, Run, run_of
from dialplan.variables import MAX_READ
from pbx.core.channel import Channel, ChannelInterrupted, settle

if TYPE_CHECKING:
    from dialplan.engine import Engine

log = Logger()

#: Where a channel keeps its Lua state (`Channel.extra`).
KEY = "lua"


class LuaSwitch:
    """``switch => Lua/``."""

    name = "Lua"
    description = "Lua PBX Switch"

    def __init__(self, engine: Engine, helpers: Helpers) -> None:
        self._engine = engine
        #: Scripts that have worked for long and let others go first.
        self.turns = Turns(engine.channels.clock)
        self._answers = Answers(engine, helpers, self.turns)
        self.generation: Generation | None = None
        self._applications: dict[bytes, Application] = {}
        self._applications_of = -1

    # Looking up

    def find(
        self, context: str, exten: str, priority: int, caller_number: str, mode: Mode, channel: Channel | None = None
    ) -> bool:
        """Whether the file has the extension; a channel that has begun is asked by the code it began with."""
        if priority != 1:
            return False
        generation = self.generation
        if channel is not None:
            state = channel.extra.get(KEY)
            if isinstance(state, CallState):
                generation = state.generation
        if generation is None:
            return False
        if mode is Mode.MATCH:
            return generation.definitions.locate(context, exten) is not None
        return generation.definitions.ask(context, exten, mode)

    def _state(self, channel: Channel) -> CallState | None:
        state = channel.extra.get(KEY)
        if isinstance(state, CallState):
            return state
        generation = self.generation
        if generation is None:
            return None
        made = CallState(generation, generation.open_call())
        channel.extra[KEY] = made
        channel.on_end.append(_close)
        return made

    # Running

    def run(self, channel: Channel, context: str, exten: str, priority: int) -> Coroutine[Any, Any, int]:
        """Run the function of an extension to its end: to be awaited."""
        state = self._state(channel)
        where = None if state is None else state.generation.definitions.locate(context, exten)
        if state is None or where is None:
            log.error(
                "{channel}: extension {exten}@{context} vanished before it ran",
                channel=channel.name,
                exten=exten,
                context=context,
                call_id=channel.callid,
            )
            return settle(RESULT_HANGUP)
        owner, key = where
        tag, name, text = state.generation.machine.start(
            state.state, encode(owner), key, encode(context), encode(exten)
        )
        return self._drive(channel, state, tag, name, text)

    async def _drive(self, channel: Channel, state: CallState, tag: int, name: bytes, text: bytes | int) -> int:
        """Answer a script's steps until it has ended. The first branch is the hot path.

        Thousands of calls may wait in it at a time, so it keeps little.
        """
        engine = self._engine
        machine = state.generation.machine
        resume, watch = machine.resume, machine.watch
        number = state.state
        run = run_of(channel) or Run()
        turn = hung_up = 0
        worked = watch.worked = 0.0
        while True:
            if tag == APPLICATION:
                try:
                    called = self._call(channel, name, text)
                    if called is None:
                        tag, name, text = resume(number, b"application '" + name + b"' not found")
                        continue
                    del name, text
                    result = called if called.__class__ is int else await called  # type: ignore[misc]
                except (ChannelInterrupted, CancelledError):
                    result = engine.interrupted(channel)
                else:
                    if channel.redirect_pending and not channel.hangup_requested:
                        result = engine.interrupted(channel)
                if channel.hangup_requested:
                    hung_up += 1
                    if hung_up > MAX_STEPS_HUNG_UP:
                        self._gone_wild(channel)
                        return RESULT_HANGUP
                turn += 1
                if watch.worked:
                    worked += watch.worked
                    watch.worked = 0.0
                if worked > SLICE:
                    turn, worked = 0, 0.0
                    await self.turns.next()
                elif turn >= STEPS_PER_TURN:
                    turn = 0
                    await engine.channels.clock.sleep(0)
                channel.forget_application()
                tag, name, text = resume(number, GOTO_DETECTED if run.jumped else result)
                continue
            if tag & PRINTED:
                state.generation.flush_printed(channel.name)
                tag &= ~PRINTED
                continue
            if tag == INTERRUPTED:
                await self.turns.after_interruption()
                worked = watch.worked = 0.0
                tag, name, text = machine.go_on(number)
                continue
            if tag == DONE:
                return RESULT_OK
            if tag == READ and not name.endswith(b")"):
                value = channel.get_variable(name.decode("utf-8", "surrogateescape"))
                tag, name, text = resume(number, None if value is None else encode(value)[:MAX_READ])
            elif tag == RESULT:
                return RESULT_OK if text == GOTO_DETECTED else int(text)
            elif tag == FAILED:
                self._answers.failed(channel, state, name)
                return RESULT_HANGUP
            else:
                answer = await self._answers.answer(channel, state, (tag, name, text), run)
                tag, name, text = resume(number, answer)
            turn += 1
            if watch.worked:
                worked += watch.worked
                watch.worked = 0.0
            if worked > SLICE:
                turn, worked = 0, 0.0
                await self.turns.next()
            elif turn >= STEPS_PER_TURN:
                turn = 0
                await engine.channels.clock.sleep(0)
            if channel.hangup_requested:
                hung_up += 1
                if hung_up > MAX_STEPS_HUNG_UP:
                    self._gone_wild(channel)
                    return RESULT_HANGUP

    def _call(self, channel: Channel, name: bytes, text: bytes | int) -> int | Awaitable[int] | None:
        """Call an application: its result at once, or something to await; None where there is none of the name."""
        engine = self._engine
        application = self._applications.get(name)
        if application is None or self._applications_of != engine.registry.generation:
            application = self._application(name)
            if application is None:
                return None
        data = text.decode("utf-8", "surrogateescape")  # type: ignore[union-attr]
        channel.set_application(application.name, data)
        return engine.call(application, channel, data)

    def _application(self, name: bytes) -> Application | None:
        registry = self._engine.registry
        if self._applications_of != registry.generation:
            self._applications, self._applications_of = {}, registry.generation
        found = registry.application(decode(name))
        if found is not None:
            self._applications[name] = found
        return found

    @staticmethod
    def _gone_wild(channel: Channel) -> None:
        log.error(
            "{channel}: the script at {exten}@{context} took {steps} steps after the hangup and was ended",
            channel=channel.name,
            exten=channel.exten,
            context=channel.context,
            steps=MAX_STEPS_HUNG_UP,
            call_id=channel.callid,
        )


def _close(channel: Channel) -> None:
    state = channel.extra.pop(KEY, None)
    if isinstance(state, CallState):
        end_tasks(state)
        state.generation.close_call(state.state)

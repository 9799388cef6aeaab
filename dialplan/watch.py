"""An engine that notes what runs, for tests and their coverage; the exchange itself does not load this module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dialplan.engine import Engine
from dialplan.lua.module import LuaModule
from dialplan.lua.plan import CallState
from dialplan.lua.switch import KEY as LUA_KEY
from dialplan.lua.switch import LuaSwitch
from dialplan.run import run_of

if TYPE_CHECKING:
    from dialplan.extensions import Priority
    from dialplan.registry import Application
    from pbx.core.channel import Channel
    from pbx.core.channels import Channels


@dataclass(frozen=True, slots=True)
class Executed:
    """An application that ran: by whom, with what, and where that is written (``file:line``, or empty)."""

    channel: str
    application: str
    data: str
    context: str
    exten: str
    priority: int
    place: str
    time: float

    def __str__(self) -> str:
        return f"{self.application}({self.data})"


class WatchedEngine(Engine):
    """Tells ``observer`` of each application before it runs."""

    def __init__(self, channels: Channels) -> None:
        super().__init__(channels)
        self.observer: Callable[[Executed, Priority | None], object] = lambda _executed, _step: None
        #: Lua extensions that ran, by the context that owns them and their key.
        self.lua_extensions: set[tuple[str, str]] = set()

    def call(self, found: Application, channel: Channel, data: str) -> int | Awaitable[int]:
        """As `Engine.call`."""
        place = lua_place(channel)
        run = run_of(channel)
        step = None if place or run is None else run.step
        if step is not None and step.file:
            place = f"{step.file}:{step.line}"
        now = self.channels.clock.monotonic()
        executed = Executed(
            channel.name, found.name, data, channel.context, channel.exten, channel.priority, place, now
        )
        self.observer(executed, step)
        return super().call(found, channel, data)


def lua_place(channel: Channel) -> str:
    """The line of extensions.lua that a channel is at, or empty."""
    state = channel.extra.get(LUA_KEY)
    return state.generation.where(state.state) if isinstance(state, CallState) else ""


class WatchedSwitch(LuaSwitch):
    """Notes which extensions ran."""

    def run(self, channel: Channel, context: str, exten: str, priority: int) -> Coroutine[Any, Any, int]:
        """As `LuaSwitch.run`."""
        engine, generation = self._engine, self.generation
        found = None if generation is None else generation.definitions.locate(context, exten)
        if found is not None and isinstance(engine, WatchedEngine):
            engine.lua_extensions.add((found[0], found[1].decode("utf-8", "surrogateescape")))
        return super().run(channel, context, exten, priority)


class WatchedLuaModule(LuaModule):
    """pbx_lua with a machine that says what runs where."""

    switch_class = WatchedSwitch
    tools = True


__all__ = ["Executed", "WatchedEngine", "WatchedLuaModule", "WatchedSwitch", "lua_place"]

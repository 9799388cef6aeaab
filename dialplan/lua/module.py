"""pbx_lua: loads extensions.lua into the dialplan, and again on reload."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from dialplan.engine import Engine
from dialplan.extensions import HINT_PRIORITY, Fragment, Priority, SwitchEntry
from dialplan.lua._runtime import LuaError
from dialplan.lua.helpers import Helpers
from dialplan.lua.plan import Generation
from dialplan.lua.settings import read_settings
from dialplan.lua.switch import LuaSwitch
from pbx.errors import ConfigError
from pbx.modules import Module, ModuleBusy, ModuleDeclined
from pbx.server import Server
from pbx.stages import at_once, gently

log = Logger()

FILE = "extensions.lua"
REGISTRAR = "pbx_lua"


class LuaModule(Module):
    """Lua PBX Switch."""

    name = "pbx_lua"
    description = "Lua PBX Switch"
    support_level = "extended"

    #: What finds and runs extensions, and whether the machine can be asked what runs where: for tests.
    switch_class: type[LuaSwitch] = LuaSwitch
    tools = False

    _switch: LuaSwitch | None = None
    _number = 0
    #: Loads before the present one that calls still run.
    _earlier: tuple[Generation, ...] = ()

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        #: Two reloads asked for at once follow each other.
        self._lock = DeferredLock()

    @property
    def generation(self) -> Generation | None:
        """The load of the file that new calls run; None while the module does not run."""
        return None if self._switch is None else self._switch.generation

    @property
    def scripts_at_work(self) -> int:
        """Scripts that were interrupted for others to be served, and wait for nothing else."""
        return 0 if self._switch is None else self._switch.turns.interrupted

    def _path(self) -> Path:
        return self.server.directories.etc / FILE

    def _generation(self) -> Generator[None, None, Generation]:
        """Load the file, see `Generation.stages`. Raises ConfigError with Lua's text, FileNotFoundError without it."""
        path = self._path()
        settings = read_settings(self.server.config)
        self._settings = settings
        try:
            etc = self.server.directories.etc
            return (yield from Generation.stages(self._number + 1, path, settings, etc, tools=self.tools))
        except LuaError as error:
            raise ConfigError(str(error)) from error
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", path) from error

    def check(self) -> None:
        """What a load would find wrong. Raises ConfigError."""
        try:
            at_once(self._generation())
        except FileNotFoundError:
            return

    async def load(self) -> None:
        try:
            generation = at_once(self._generation())
        except FileNotFoundError:
            raise ModuleDeclined(f"there is no {self._path()}") from None
        engine = self.server.require(Engine)
        self._helpers = Helpers(self.server)
        self._switch = self.switch_class(engine, self._helpers)
        engine.contexts.add_switch(self._switch)
        self._take(generation)

    async def reload(self) -> None:
        """Take the file as it is now, in stages; on error the old plan stays. Raises ConfigError."""
        await self._lock.acquire()
        try:
            await self._reload()
        finally:
            self._lock.release()

    async def _reload(self) -> None:
        if self._switch is None:
            return
        try:
            generation = await gently(self._generation(), partial(self.server.clock.sleep, 0))
        except FileNotFoundError:
            raise ConfigError("no such file", self._path()) from None
        self._take(generation)

    def _take(self, generation: Generation) -> None:
        switch = self._switch
        if switch is None:
            return
        self._number = generation.number
        self._helpers.settings = self._settings
        if switch.generation is not None:
            self._earlier = tuple(each for each in (*self._earlier, switch.generation) if each.calls)
        switch.generation = generation
        found = generation.definitions
        fragments = {name: Fragment(name, switches=[SwitchEntry(switch.name)]) for name in found.contexts}
        for context, hints in found.hints.items():
            fragment = fragments.setdefault(context, Fragment(context))
            for exten, devices in hints.items():
                fragment.add(exten, Priority(HINT_PRIORITY, devices), replace=True)
        self.server.require(Engine).contexts.merge(REGISTRAR, fragments)
        log.info("{report}", report=self.report)

    async def unload(self) -> None:
        if self.use_count:
            raise ModuleBusy(f"module {self.name} runs {self.use_count} calls")
        contexts = self.server.require(Engine).contexts
        contexts.merge(REGISTRAR, {})
        if self._switch is not None:
            contexts.remove_switch(self._switch)
        self._switch = None

    @property
    def use_count(self) -> int:
        generation = self.generation
        return 0 if generation is None else generation.calls + sum(each.calls for each in self._earlier)

    @property
    def report(self) -> str:
        generation = self.generation
        if generation is None:
            return ""
        contexts = generation.definitions.contexts
        extensions = sum(len(context.table) for context in contexts.values())
        what = f"{FILE}: generation {generation.number} with {len(contexts)} contexts and {extensions} extensions"
        earlier = sum(each.calls for each in self._earlier)
        return f"{what} is in force" + (f"; {earlier} calls end with the code they began with" if earlier else "")

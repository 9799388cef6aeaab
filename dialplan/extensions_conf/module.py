"""pbx_config: loads extensions.conf into the dialplan, and again on reload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from dialplan.autohints import AutoHints
from dialplan.editing import PlanEditor
from dialplan.engine import Engine
from dialplan.extensions import SwitchEntry
from dialplan.extensions_conf.commands import PlanCommands
from dialplan.extensions_conf.compiler import SLICE_LINES, Compiler, Origin, Plan, survey
from dialplan.extensions_conf.saving import bring_up_to_date
from dialplan.extensions_conf.settings import Settings
from dialplan.variables import write_expression
from pbx.config import Config, load_config
from pbx.config.editor import ConfigEditor, EditError
from pbx.core.channel import settle
from pbx.errors import ConfigError
from pbx.modules import Module, ModuleDeclined

if TYPE_CHECKING:
    from pbx.server import Server

log = Logger()

FILE = "extensions.conf"
REGISTRAR = "pbx_config"


class ExtensionsConfModule(Module):
    """Text Extension Configuration."""

    name = "pbx_config"
    description = "Text Extension Configuration"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        #: What [general] of the file in force says.
        self.settings = Settings()
        #: Two reloads asked for at once follow each other.
        self._lock = DeferredLock()

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @property
    def path(self) -> Path:
        return self.server.config.path(FILE)

    def check(self) -> None:
        """What a load would find wrong. Raises ConfigErrors."""
        self.server.config.load_optional(FILE)

    async def load(self) -> None:
        config = self.server.config.load_optional(FILE)
        if config is None:
            raise ModuleDeclined(f"there is no {self.path}")
        self._autohints = AutoHints(self.server.bus, self.engine)
        await self._take(config)
        commands = PlanCommands(self.engine, PlanEditor(self.engine, REGISTRAR), self.save)
        self._withdraw = commands.register(self.server.cli)

    async def reload(self) -> None:
        """Take the file as it is now, in slices; on error the old plan stays. Raises ConfigErrors."""
        if not self.server.config.exists(FILE):
            raise ConfigError("no such file", self.path)
        await self._lock.acquire()
        try:
            await self._take(await self.server.config.load_gently(FILE, self._pause), self._pause)
        finally:
            self._lock.release()

    async def unload(self) -> None:
        self._withdraw()
        self._autohints.stop()
        contexts = self.engine.contexts
        contexts.merge(REGISTRAR, {})
        contexts.override = None

    async def _pause(self) -> None:
        await self.server.clock.sleep(0)

    async def _take(self, config: Config, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        engine = self.engine
        plan = survey(config)
        await self._set_globals(plan)
        await self._compiler(plan).run(pause)
        self._stamps = dict(config.stamps)
        settings = self.settings = plan.settings
        old = engine.contexts.fragments(REGISTRAR)
        engine.contexts.merge(REGISTRAR, plan.fragments)
        self._autohints.refresh()
        engine.autofallthrough = settings.autofallthrough
        engine.extenpatternmatchnew = settings.extenpatternmatchnew
        name, _, data = settings.overrideswitch.partition("/")
        engine.contexts.override = SwitchEntry(name, data) if name else None
        for warning in plan.warnings:
            log.warn("{warning}", warning=str(warning))
        for context, missing in engine.contexts.missing_includes():
            log.warn(
                "Context '{context}' tries to include nonexistent context '{missing}'", context=context, missing=missing
            )
        log.info(
            "{file}: {contexts} contexts with {extensions} extensions are in force",
            file=FILE,
            contexts=len(plan.fragments),
            extensions=sum(len(fragment.table) for fragment in plan.fragments.values()),
        )
        if pause is not None:
            for table in [each.table for each in old.values() if len(each.table) > SLICE_LINES]:
                for _ in table.dismantle(SLICE_LINES):
                    await pause()

    def _compiler(self, plan: Plan) -> Compiler:
        discourage = not self.server.options.dontwarn
        return Compiler(plan, self._substitute, self.engine.expand_hint, discourage=discourage)

    async def save(self, where: str = "") -> str:
        """Write the running contexts of the file to it, or to ``where``; gives the path. Raises EditError."""
        if not self.settings.may_save:
            raise EditError(f"I can't save dialplan now, see '{FILE}' example file.")
        target = self.path if not where else Path(where) if ".conf" in where else Path(where) / FILE
        loader = self.server.config
        editor = ConfigEditor.open(self.path, include_root=loader.etc_dir, exec_allowed=loader.exec_allowed)
        if editor.config.stamps != self._stamps:
            raise EditError(f"{FILE} has changed since it was loaded: 'dialplan reload' first, then change anew")
        await bring_up_to_date(editor, self.engine.contexts.fragments(REGISTRAR), self._compile)
        if where and any(path != self.path for path in editor.changed()):
            raise EditError(f"a file that {FILE} includes would change: save without a path")
        editor.save(target if where else None)
        if not where:
            self._stamps = dict(load_config(self.path, include_root=loader.etc_dir).stamps)
        return str(target)

    async def _compile(self, config: Config, origins: list[Origin]) -> Plan:
        plan = survey(config)
        compiler = self._compiler(plan)
        compiler.origins = origins
        await compiler.run()
        return plan

    async def _set_globals(self, plan: Plan) -> None:
        """Set the global variables, each of which may use those before it."""
        channels = self.server.channels
        if plan.settings.clearglobalvars:
            for name, _value in channels.globals:
                channels.globals.remove(name)
        for item in plan.globals:
            value = await self._substitute(item.value)
            if item.key.endswith(")"):
                await write_expression(self.engine.registry, None, item.key, value)
            else:
                channels.set_global(item.key, value)

    async def _substitute(self, text: str) -> str:
        return await settle(self.engine.substitute(None, text))

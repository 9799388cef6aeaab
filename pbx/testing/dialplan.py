"""A dialplan under test: the real engine with its applications over `FakeCore`, calls whose far end is the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogPublisher
from typing_extensions import Self
from zope.interface import implementer

import dialplan
from dialplan.engine import Engine
from dialplan.extensions_conf.module import ExtensionsConfModule
from dialplan.lua.module import LuaModule
from dialplan.watch import WatchedLuaModule
from pbx.astdb import AstDb
from pbx.asterisk_conf import AsteriskConf, ControlFile, Options
from pbx.cdr import MODULES as CDR_MODULES
from pbx.cel import MODULES as CEL_MODULES
from pbx.cli.registry import CommandRegistry
from pbx.config import ConfigLoader
from pbx.core.channel import Channel
from pbx.core.originate import Originator
from pbx.core.party import party_id
from pbx.directories import Directories
from pbx.http.client import HttpClient
from pbx.media.tones import Tones, built_in_zones
from pbx.modules import Module, ModuleDeclined, ModuleRegistry, read_policy
from pbx.server import Server
from pbx.sql import Databases, run_inline
from pbx.stasis.module import MODULES as STASIS_MODULES
from pbx.statsd import MODULES as STATSD_MODULES
from pbx.testing.core import FakeCore
from pbx.testing.fake_technology import FakeDriver
from pbx.testing.web import FakeWeb


def extensions(body: str, exten: str = "100") -> str:
    """A file with one extension of ``default`` that runs ``body``, and an ``h`` that sets H to ``yes``."""
    return (
        f'extensions = {{ default = {{\n["{exten}"] = function(context, extension)\n{body}\nend,\n'
        'h = function() channel.H = "yes" end,\n} }\n'
    )


class DialplanCall:
    """A call to the dialplan; ``far`` is its far end, ``done`` fires when it has ended."""

    def __init__(self, far: FakeDriver, done: Deferred[None]) -> None:
        self.far = far
        self.done = done
        self.ended = False
        done.addCallback(self._end)

    def _end(self, _result: None) -> None:
        self.ended = True

    @property
    def channel(self) -> Channel:
        return self.far.channel

    def variable(self, name: str) -> str | None:
        """A channel variable, also after the call's end."""
        return self.channel.variables.get(name)


@implementer(ILogObserver)
class _LogLines:
    """What was logged, as lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, event: dict[str, Any]) -> None:
        form = event.get("log_format")
        if not form:
            return
        try:
            line = str(form).format(**event)
        except (KeyError, IndexError, ValueError, AttributeError):
            line = str(form)
        failure = event.get("log_failure")
        self.lines.append(line if failure is None else f"{line}: {failure.getErrorMessage()}")


#: The files without which a plan's module does not load.
_PLANS = {LuaModule.name: "extensions.lua", ExtensionsConfModule.name: "extensions.conf"}


class DialplanHarness:
    """An exchange without SIP, sound and time; ``extensions.lua``, ``extensions.conf`` and more are in ``directory``.

    Use as an asynchronous context, or call `start` and `stop`. ``core`` and ``engine`` take the place of what is used
    otherwise. With ``etc`` the configuration is read from there and nothing is written to it; ``watched`` makes a plan
    in Lua tell what runs where.
    """

    def __init__(
        self,
        directory: Path,
        files: dict[str, str] | None = None,
        *,
        modules: bool = True,
        core: FakeCore | None = None,
        engine: type[Engine] = Engine,
        etc: Path | None = None,
        watched: bool = False,
    ) -> None:
        self.core = core or FakeCore()
        self.directories = Directories.at(directory)
        self.directories.create()
        if etc is not None:
            self.directories = replace(self.directories, etc=etc)
        self._modules = modules
        self._observer = _LogLines()
        self.log: list[str] = self._observer.lines
        for name, text in (files or {}).items():
            self.write(name, text)
        core = self.core
        server: Any = Server(core.clock.reactor)  # type: ignore[arg-type]
        server.directories = self.directories
        server.clock, server.bus = core.clock, core.bus
        server.switchboard, server.channels, server.bridges = core.switchboard, core.channels, core.bridges
        server.technologies = core.technologies
        server.devices, server.presences, server.hints = core.devices, core.presences, core.hints
        server.config = ConfigLoader(self.directories.etc)
        server.options = Options("options")
        path = self.directories.etc / "asterisk.conf"
        server.conf = AsteriskConf(path, self.directories, server.options, ControlFile("files"))
        server.astdb = AstDb(self.directories.astdb)
        server.cli = CommandRegistry()
        server.provide(Tones, Tones(built_in_zones(), core.switchboard))
        core.bridges.music = lambda: core.channels.music
        self.web = FakeWeb(core.clock)
        server.provide(HttpClient, self.web)
        self.databases = Databases(core.clock, run_inline)
        server.provide(Databases, self.databases)
        self.server: Server = server
        self.engine: Engine = dialplan.install(server, kind=engine)
        server.channels.dialplan = self.engine
        server.originator = Originator(core.channels, core.technologies, lambda: self.engine)
        plans: tuple[type[Module], ...] = dialplan.MODULES
        if watched:
            plans = tuple(WatchedLuaModule if kind is LuaModule else kind for kind in plans)
        kinds = (*STASIS_MODULES, *STATSD_MODULES, *CDR_MODULES, *CEL_MODULES, *plans)
        names = {kind.name for kind in kinds}
        # Those that need SIP are left out.
        server.modules = ModuleRegistry(server, [kind for kind in kinds if names.issuperset(kind.requires)])

    def write(self, name: str, text: str) -> None:
        """Write a file of the configuration."""
        path = self.directories.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """Load the modules, but for what modules.conf leaves out. Raises ModuleError as the exchange reports it."""
        globalLogPublisher.addObserver(self._observer)
        self.server.astdb.open()
        if not self._modules:
            return
        config = self.server.config.load_optional("modules.conf")
        left_out = set() if config is None else read_policy(config).noload
        for kind in self.server.modules.kinds():
            file = _PLANS.get(kind.name)
            if kind.name not in left_out and (file is None or (self.directories.etc / file).exists()):
                await self._load(kind, needed=file is not None)

    async def _load(self, kind: type[Module], *, needed: bool) -> None:
        try:
            await self.server.modules.load(kind.name)
        except ModuleDeclined:
            # Its configuration is not there: the exchange goes on without it, too.
            if needed:
                raise

    async def stop(self) -> None:
        """Hang up every call and unload."""
        for channel in self.core.channels:
            channel.request_hangup()
        self.core.clock.advance(0)
        for channel in self.core.channels:
            channel.hangup()
        await self.server.modules.stop()
        self.databases.stop()
        self.server.astdb.close()
        globalLogPublisher.removeObserver(self._observer)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    def call(
        self, exten: str, context: str = "default", *, caller: str = "1000", resource: str = "phone"
    ) -> DialplanCall:
        """A call from a far end to an extension; it runs until it first waits."""
        far = self.core.fake.incoming(resource, context, exten)
        channel = far.channel
        if caller:
            channel.caller = replace(channel.caller, id=party_id(caller))
        call = DialplanCall(far, self.engine.start(channel))
        self._let_scripts_work()
        return call

    def _let_scripts_work(self) -> None:
        """Let scripts that compute for long go on until they wait for something."""
        entry = self.server.modules.find(LuaModule.name)
        module = None if entry is None else entry.instance
        while isinstance(module, LuaModule) and module.scripts_at_work:
            self.core.clock.turn()

    def hint(self, context: str, exten: str) -> str | None:
        """An extension's hint as the dialplan has it, or None."""
        place = self.engine.find_hint(context, exten)
        return None if place is None else place.text

    def logged(self, text: str) -> bool:
        """Whether some log line holds ``text``."""
        return any(text in line for line in self.log)


#: What makes a started harness from the text of extensions.lua and of other files.
Plan = Callable[..., DialplanHarness]

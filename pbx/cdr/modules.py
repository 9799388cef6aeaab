"""The modules of call detail records: the engine, which is part of the core, and its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cdr.backends import CsvModule, ManagerModule
from pbx.cdr.console import commands
from pbx.cdr.engine import CdrEngine
from pbx.cdr.settings import default_settings, read_cdr_conf
from pbx.config.errors import flatten
from pbx.errors import ConfigError
from pbx.modules import Module

if TYPE_CHECKING:
    from collections.abc import Callable

log = Logger()


class CdrModule(Module):
    """The CDR engine. Without cdr.conf the defaults count: records are made."""

    name = "cdr"
    description = "CDR Engine"
    builtin = True

    def check(self) -> None:
        read_cdr_conf(self.server.config)

    async def load(self) -> None:
        server = self.server
        try:
            settings = read_cdr_conf(server.config) or default_settings()
        except ConfigError as errors:
            # As Asterisk does: better records of the usual kind than none.
            for error in flatten(errors):
                log.error("{error}", error=error)
            log.warn("Failed to process CDR configuration; using defaults")
            settings = default_settings()
        self._engine = CdrEngine(server.clock, server.channels)
        self._engine.apply(settings)
        server.provide(CdrEngine, self._engine)
        server.subsystems["Call data records"] = lambda: self._engine.settings.enable
        self._withdrawals: list[Callable[[], None]] = [
            server.cli.register(command) for command in commands(self._engine)
        ]

    async def unload(self) -> None:
        for withdraw in self._withdrawals:
            withdraw()
        self.server.subsystems.pop("Call data records", None)
        self.server.withdraw(CdrEngine)
        self._engine.stop()

    async def reload(self) -> None:
        settings = read_cdr_conf(self.server.config)
        # As Asterisk: a file that is gone changes nothing.
        if settings is not None:
            self._engine.apply(settings)


MODULES: tuple[type[Module], ...] = (CdrModule, CsvModule, ManagerModule)

"""The modules of channel event logging: the engine, which is part of the core, and its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.cel.backends import CustomModule, ManagerModule
from pbx.cel.engine import CelEngine
from pbx.cel.event import CelType
from pbx.cel.settings import CelSettings, read_cel_conf
from pbx.cli.registry import Command, no_arguments
from pbx.modules import Module

if TYPE_CHECKING:
    from collections.abc import Sequence


class CelModule(Module):
    """The CEL engine. Without cel.conf there are no events."""

    name = "cel"
    description = "CEL Engine"
    builtin = True

    def check(self) -> None:
        read_cel_conf(self.server.config)

    async def load(self) -> None:
        server = self.server
        self._engine = CelEngine(server.bus, server.clock, server.channels)
        self._engine.apply(self._settings())
        server.provide(CelEngine, self._engine)
        self._withdraw = server.cli.register(
            Command("cel show status", "cel show status", "Display the CEL status", self._status)
        )

    async def unload(self) -> None:
        self._withdraw()
        self.server.withdraw(CelEngine)
        self._engine.stop()

    async def reload(self) -> None:
        self._engine.apply(self._settings())

    def _settings(self) -> CelSettings | None:
        found = read_cel_conf(self.server.config)
        return None if found is None else found[0]

    def _status(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        engine, settings = self._engine, self._engine.settings
        lines = [f"CEL Logging: {'Enabled' if engine.enabled else 'Disabled'}"]
        if engine.enabled:
            lines += [f"CEL Tracking Event: {kind.value}" for kind in type_order(settings)]
            lines += [f"CEL Tracking Application: {name}" for name in sorted(settings.tracked_apps)]
            lines += [f"CEL Event Subscriber: {name}" for name in engine.backends]
        return "\n".join(lines) + "\n"


def type_order(settings: CelSettings) -> list[CelType]:
    """The kinds that are tracked, in Asterisk's order."""
    return [kind for kind in CelType if kind in settings.tracked]


MODULES: tuple[type[Module], ...] = (CelModule, CustomModule, ManagerModule)

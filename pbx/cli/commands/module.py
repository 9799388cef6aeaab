"""``module ...`` on the console. Layouts are Asterisk's (``main/cli.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.cli.registry import Command, CommandError, UsageError
from pbx.errors import ObeliskError
from pbx.modules import ModuleState, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pbx.cli.commands.core import Reload
    from pbx.server import Server


def register(server: Server, reload: Reload) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_ModuleCommands(server, reload).table())


def _row(name: str, description: str, uses: str, status: str, support: str) -> str:
    return f"{name:<30} {description[:40]:<40} {uses:<10} {status:<11} {support:>13}"


class _ModuleCommands:
    def __init__(self, server: Server, reload: Reload) -> None:
        self._server = server
        self._reload = reload

    def table(self) -> list[Command]:
        running, stopped = self._running, self._stopped
        return [
            Command("module show", "module show [like keyword]", "List modules and info", self.show),
            Command("module load", "module load <module name>", "Load a module by name", self.load, stopped),
            Command(
                "module unload",
                "module unload [-f|-h] <module_1> [<module_2> ... ]",
                "Unload a module by name; -f and -h also when it is in use",
                self.unload,
                running,
            ),
            Command(
                "module reload",
                "module reload [module ...]",
                "Reload configuration for a module, or for all",
                self.reload,
                running,
            ),
            Command(
                "module refresh", "module refresh <module name>", "Unload and load a module", self.refresh, running
            ),
        ]

    def _running(self, _: Sequence[str]) -> Iterable[str]:
        return [f"{name}.so" for name, entry in self._server.modules.entries() if entry.state is ModuleState.RUNNING]

    def _stopped(self, _: Sequence[str]) -> Iterable[str]:
        entries = self._server.modules.entries()
        return [f"{name}.so" for name, entry in entries if entry.state is not ModuleState.RUNNING]

    def show(self, arguments: Sequence[str]) -> str:
        like = ""
        if arguments:
            if len(arguments) != 2 or arguments[0].lower() != "like":
                raise UsageError
            like = arguments[1].lower()
        lines = [_row("Module", "Description", "Use Count", "Status", "Support Level")]
        for name, entry in self._server.modules.entries():
            # Declined modules are listed so that one sees that they were tried; those never tried are not.
            untried = entry.state is ModuleState.NOT_RUNNING
            if untried or like not in f"{name}.so".lower():
                continue
            uses = entry.instance.use_count if entry.instance is not None else 0
            kind = entry.kind
            lines.append(_row(f"{name}.so", kind.description, str(uses), entry.state.value, kind.support_level))
        return "\n".join([*lines, f"{len(lines) - 1} modules loaded"])

    async def load(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        try:
            await self._server.modules.load(arguments[0])
        except ObeliskError as error:
            raise CommandError(f"Unable to load module {arguments[0]}\n{error}") from error
        return f"Loaded {arguments[0]}"

    async def unload(self, arguments: Sequence[str]) -> str:
        force = bool(arguments) and arguments[0] in ("-f", "-h")
        names = arguments[1:] if force else arguments
        if not names or names[0].startswith("-"):
            raise UsageError
        lines: list[str] = []
        for name in names:
            try:
                await self._server.modules.unload(name, force=force)
            except ObeliskError as error:
                raise CommandError("\n".join([*lines, f"Unable to unload resource {name}", str(error)])) from error
            lines.append(f"Unloaded {name}")
        return "\n".join(lines)

    async def reload(self, arguments: Sequence[str]) -> str:
        if not arguments:
            await self._reload(None)
            return ""
        lines: list[str] = []
        for name in arguments:
            if plain_name(name) != "logger" and not self._server.modules.is_running(name):
                lines.append(f"No such module '{name}'")
                continue
            try:
                await self._reload(name)
            except ObeliskError as error:
                lines += [f"The module '{name}' reported a reload failure", str(error)]
            else:
                lines.append(f"Module '{name}' reloaded successfully.")
                if report := self._server.modules.report(name):
                    lines.append(report)
        return "\n".join(lines)

    async def refresh(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        return f"{await self.unload(arguments)}\n{await self.load(arguments)}"

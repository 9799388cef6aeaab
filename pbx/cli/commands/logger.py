"""``logger ...`` on the console. Layouts are Asterisk's (``main/logger.c``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import Logger

from pbx.cli.registry import Command, CommandError, UsageError, no_arguments
from pbx.config.types import is_true
from pbx.logs import Level, LogManager, call_groups
from pbx.logs.settings import parse_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from pbx.cli.commands.core import Reload
    from pbx.server import Server

log = Logger()


def register(server: Server, reload: Reload) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_LoggerCommands(server, reload).table())


def _row(channel: str, kind: str, formatter: str, status: str) -> str:
    return f"{channel[:35]:<35} {kind[:8]:<8} {formatter[:10]:<10} {status[:9]:<9} "


class _LoggerCommands:
    def __init__(self, server: Server, reload: Reload) -> None:
        self._server = server
        self._reload = reload

    def table(self) -> list[Command]:
        add = "logger add channel <name> <levels>"
        return [
            Command("logger show channels", "logger show channels", "List configured log channels", self.channels),
            Command("logger show levels", "logger show levels", "List configured log levels", self.levels),
            Command("logger reload", "logger reload", "Reopens the log files", self.reload),
            Command("logger rotate", "logger rotate", "Rotates and reopens the log files", self.rotate),
            Command("logger add channel", add, "Adds a new logging channel", self.add),
            Command("logger remove channel", "logger remove channel <name>", "Removes a logging channel", self.remove),
            Command(
                "logger filter changroup",
                "logger filter changroup <group> {on|off}",
                "Filter PBX logs by channel log group",
                self.filter_group,
            ),
            Command("logger filter show", "logger filter show", "Show current PBX channel filtering", self.filters),
            Command("logger filter reset", "logger filter reset", "Reset PBX channel filtering", self.filter_reset),
        ]

    @property
    def _logs(self) -> LogManager:
        return self._server.require(LogManager)

    @staticmethod
    def filter_group(arguments: Sequence[str]) -> str:
        if len(arguments) != 2:
            raise UsageError
        group, wanted = arguments[0], is_true(arguments[1])
        if wanted:
            call_groups.enabled[group] = None
        else:
            call_groups.enabled.pop(group, None)
        return f"Logging of channel group '{group}' is now {'enabled' if wanted else 'disabled'}\n"

    @staticmethod
    def filters(arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        count = len(call_groups.enabled)
        if not count:
            return "No filtering currently active\n"
        rows = [f"{number:3} {group:<32}" for number, group in enumerate(reversed(call_groups.enabled), 1)]
        return "\n".join([*rows, f"{count} channel group{'s' * (count != 1)} currently enabled", ""])

    @staticmethod
    def filter_reset(arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        count = len(call_groups.enabled)
        call_groups.enabled.clear()
        return f"Log filtering has been reset ({count} filter{'s' * (count != 1)} removed)\n"

    def channels(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        logs = self._logs
        lines = [f"Logger queue limit: {logs.settings.general.logger_queue_limit}", ""]
        lines.append(_row("Channel", "Type", "Formatter", "Status") + "Configuration")
        lines.append(_row("-------", "----", "---------", "------") + "-------------")
        for channel in logs.channels():
            words = "".join(f"{level.value} " for level in Level if level in channel.levels)
            name = channel.name if channel.kind != "File" else str(self._server.directories.log / channel.name)
            lines.append(_row(name, channel.kind, channel.formatter.value, "Enabled") + f" - {words}")
        return "\n".join([*lines, "", ""])

    def levels(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        rows = [f"{number:>5} {level.value}" for number, level in enumerate(Level)]
        return "\n".join([f"{'Level':>5} Name", f"{'-----':>5} ----", *rows, "", ""])

    async def reload(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        await self._reload("logger")
        return ""

    def rotate(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        for path in self._logs.rotate():
            self._after_rotate(path)
        return ""

    def _after_rotate(self, path: Path) -> None:
        command = self._logs.settings.general.exec_after_rotate
        if not command:
            return
        # The file's name reaches the shell as a variable, never as text of the command.
        environment = {**os.environ, "filename": str(path)}
        running = getProcessOutputAndValue(  # type: ignore[no-untyped-call]
            "/bin/sh", ("-c", command), env=environment, reactor=self._server.reactor
        )

        def finished(result: Any) -> None:
            if result[2]:
                log.warn("exec_after_rotate ended with {status} for {path}", status=result[2], path=str(path))

        def failed(failure: Any) -> None:
            log.warn("exec_after_rotate failed for {path}: {error}", path=str(path), error=failure.getErrorMessage())

        running.addCallback(finished).addErrback(failed)

    def add(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 2:
            raise UsageError
        try:
            self._logs.add_file(parse_channel(arguments[0], arguments[1]))
        except ValueError as error:
            raise CommandError(str(error)) from error
        return ""

    def remove(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        try:
            self._logs.remove_file(arguments[0])
        except ValueError as error:
            raise CommandError(str(error)) from error
        return f"Removed dynamic logger channel '{arguments[0]}'"

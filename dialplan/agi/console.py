"""``agi ...`` on the console."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dialplan.agi.conversation import Debug
from dialplan.agi.table import AgiCommand, AgiCommandTable
from pbx.cli.registry import Command, CommandError, UsageError, yes_no
from pbx.core.agi import AgiQueueError, AsyncCommand, queue_of

if TYPE_CHECKING:
    from pbx.server import Server


def register(server: Server, table: AgiCommandTable, debug: Debug) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    commands = _Commands(server, table, debug)
    return server.cli.register_all(commands.rows())


class _Commands:
    def __init__(self, server: Server, table: AgiCommandTable, debug: Debug) -> None:
        self._server = server
        self._table = table
        self._debug = debug

    def rows(self) -> list[Command]:
        return [
            Command(
                "agi show commands",
                "agi show commands [topic <topic>]",
                "List AGI commands or specific help",
                self.show,
                self._topics,
            ),
            Command("agi set debug", "agi set debug {on|off}", "Enable/Disable AGI debugging", self.debug),
            Command(
                "agi exec",
                "agi exec <channel name> <app and arguments> [id]",
                "Add AGI command to a channel in Async AGI",
                self.execute,
                self._channels,
            ),
            Command(
                "agi dump html", "agi dump html <filename>", "Dumps a list of AGI commands in HTML format", self.dump
            ),
        ]

    def _topics(self, arguments: Sequence[str]) -> Iterable[str]:
        if len(arguments) == 1:
            return ["topic"]
        *before, _last = arguments[1:]
        return {each.words[len(before)] for each in self._table.beginning(before) if len(each.words) > len(before)}

    def _channels(self, arguments: Sequence[str]) -> Iterable[str]:
        return [channel.name for channel in self._server.channels] if len(arguments) == 1 else []

    def show(self, arguments: Sequence[str]) -> str:
        if arguments and arguments[0].lower() != "topic":
            raise UsageError
        words = arguments[1:]
        if not words:
            return _listing(self._table)
        found = self._table.exact(words)
        if found is not None:
            return _help(found)
        beginning = self._table.beginning(words)
        if not beginning:
            return f"No such command '{' '.join(words)}'.\n"
        return _listing(beginning)

    def debug(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1 or arguments[0].lower() not in {"on", "off"}:
            raise UsageError
        self._debug.on = arguments[0].lower() == "on"
        return f"AGI Debugging {'En' if self._debug.on else 'Dis'}abled\n"

    def execute(self, arguments: Sequence[str]) -> str:
        if not 2 <= len(arguments) <= 3:
            raise UsageError
        channel = self._server.channels.find(arguments[0])
        if channel is None:
            raise CommandError(f"Channel {arguments[0]} does not exist.")
        queue = queue_of(channel)
        try:
            if queue is None:
                raise AgiQueueError(f"Channel {channel.name} is not setup for Async AGI.")
            queue.put(AsyncCommand(arguments[1], arguments[2] if len(arguments) > 2 else ""))
        except AgiQueueError as error:
            raise CommandError(f"Failed to add AGI command to queue of channel {channel.name}: {error}") from error
        return ""

    def dump(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        try:
            Path(arguments[0]).write_text(_page(self._table), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise CommandError(f"Could not create file '{arguments[0]}': {error}") from error
        return f"AGI HTML commands dumped to: {arguments[0]}\n"


def _listing(commands: Iterable[AgiCommand]) -> str:
    rows = [f"{'Dead':>5} {'Command':>30}   Description\n"]
    rows += [f"{yes_no(each.dead):>5} {each.name:>30}   {each.synopsis}\n" for each in commands]
    return "".join(rows)


def _help(each: AgiCommand) -> str:
    parts = (
        ("Synopsis", each.synopsis),
        ("Description", each.description),
        ("Syntax", f"{each.name.upper()} {each.syntax}".rstrip()),
        ("Runs Dead", yes_no(each.dead)),
        ("See Also", ", ".join(other.upper() for other in each.see_also if other != each.name) or "Not available"),
    )
    text = "".join(f"[{title}]\n{body}\n\n" for title, body in parts)
    return f"\n  -= Info about AGI '{each.name}' =- \n\n{text}"


def _page(commands: Iterable[AgiCommand]) -> str:
    cells = ((f"{each.name.upper()} {each.syntax}".rstrip(), each.synopsis, each.description) for each in commands)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in cells)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>AGI Commands</title></head>\n'
        f"<body><h1>AGI Commands</h1>\n<table>\n{rows}</table></body></html>\n"
    )

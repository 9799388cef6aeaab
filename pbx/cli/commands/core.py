"""``core ...``: version, uptime, settings, levels, help, stop and restart. Layouts are Asterisk's (``main/cli.c``)."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from pbx.cli.registry import Command, NothingFound, UsageError, no_arguments, yes_no
from pbx.logs import LogManager
from pbx.version import ASTERISK_VERSION, VERSION

if TYPE_CHECKING:
    from pbx.server import Server

#: Reloads one module, or everything; gives the names. Raises ObeliskError with every failure.
Reload = Callable[["str | None"], Awaitable["list[str]"]]

#: What `core show settings` says of; parts that are there tell in `Server.subsystems` whether they are on.
SUBSYSTEMS = (
    "Manager (AMI)",
    "Web Manager (AMI/HTTP)",
    "Call data records",
    "Realtime Architecture (ARA)",
)
_UNITS = (("year", 31536000), ("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60))


def register(server: Server, reload: Reload) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_CoreCommands(server, reload).table())


def uptime_text(seconds: float) -> str:
    """``1 week, 2 hours, 3 seconds``."""
    left = int(seconds)
    parts: list[str] = []
    for name, size in _UNITS:
        if left > size:
            count, left = divmod(left, size)
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    if left > 0 or not parts:
        parts.append(f"{left} second{'' if left == 1 else 's'}")
    return ", ".join(parts)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


class _CoreCommands:
    def __init__(self, server: Server, reload: Reload) -> None:
        self._server = server
        self._reload = reload

    def table(self) -> list[Command]:
        rows: list[tuple[str, str, str, Callable[[Sequence[str]], str | Awaitable[str]]]] = [
            ("core show version", "", "Display version info", self.version),
            ("core show uptime", "[seconds]", "Show uptime information", self.uptime),
            ("core show settings", "", "Show some core settings", self.settings),
            ("core show help", "[topic]", "Display help list, or specific help on a command", self.help),
            ("core show resources", "", "Show what calls hold: channels, ports, sessions", self.resources),
            ("core show calls", "[uptime [seconds]]", "Display information on calls", self.calls),
            ("core waitfullybooted", "", "Wait for Asterisk to be fully booted", self.wait_booted),
            ("core set verbose", "[atleast] <level> [silent]", "Set level of verbose chattiness", self.set_verbose),
            ("core set debug", "[atleast] <level>", "Set level of debug chattiness", self.set_debug),
            ("core reload", "", "Global reload", self.reload_all),
            ("core stop now", "", "Shut down Asterisk immediately", self._stopper("now")),
            ("core stop gracefully", "", "Gracefully shut down Asterisk", self._stopper("gracefully")),
            ("core stop when convenient", "", "Shut down Asterisk at empty call volume", self._stopper("convenient")),
            ("core restart now", "", "Restart Asterisk immediately", self._stopper("now", restart=True)),
            ("core restart gracefully", "", "Restart Asterisk gracefully", self._stopper("gracefully", restart=True)),
            (
                "core restart when convenient",
                "",
                "Restart Asterisk at empty call volume",
                self._stopper("convenient", restart=True),
            ),
            ("core abort shutdown", "", "Cancel a running shutdown", self.abort_shutdown),
        ]
        return [
            Command(words, f"{words} {arguments}".rstrip(), summary, handler)
            for words, arguments, summary, handler in rows
        ]

    def version(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        return (
            f"Asterisk {ASTERISK_VERSION} (Obelisk {VERSION}) running on Python {platform.python_version()} "
            f"@ {platform.node()} on a {platform.machine()} running {platform.system()}"
        )

    def uptime(self, arguments: Sequence[str]) -> str:
        if arguments and list(arguments) != ["seconds"]:
            raise UsageError
        now = self._server.clock.now()
        show = (lambda seconds: str(int(seconds))) if arguments else uptime_text
        lines = [f"System uptime: {show(now - self._server.started_at)}"]
        lines.append(f"Last reload: {show(now - self._server.reloaded_at)}")
        return "\n".join(lines)

    def calls(self, arguments: Sequence[str]) -> str:
        if list(arguments) not in ([], ["uptime"], ["uptime", "seconds"]):
            raise UsageError
        text = call_counts(self._server)
        if not arguments:
            return text
        seconds = self._server.clock.now() - self._server.started_at
        return f"{text}\nSystem uptime: {int(seconds) if len(arguments) == 2 else uptime_text(seconds)}"

    def resources(self, arguments: Sequence[str]) -> str:
        """Of Obelisk's own: what an idle exchange holds none of, so that an operator sees what does not come back."""
        no_arguments(arguments)
        counts = {name: count() for name, count in sorted(self._server.gauges.items())}
        width = max(map(len, counts))
        return "\n".join(f"{name:<{width}}  {count:>6}" for name, count in counts.items())

    async def wait_booted(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        await self._server.wait_booted()
        return "Asterisk has fully booted."

    # Levels

    def set_verbose(self, arguments: Sequence[str]) -> str:
        words = list(arguments)
        silent = len(words) > 1 and words[-1].lower() == "silent"
        if silent:
            words.pop()
        logs = self._server.require(LogManager)
        old = logs.verbose
        new = _new_level(words, old)
        logs.set_verbose(new)
        return "" if silent else _level_report("Console verbose", old, new)

    def set_debug(self, arguments: Sequence[str]) -> str:
        logs = self._server.require(LogManager)
        old = logs.debug
        new = _new_level(list(arguments), old)
        logs.set_debug(new)
        return _level_report("Core debug", old, new)

    # Reload, stop

    async def reload_all(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        await self._reload(None)
        return ""

    def _stopper(self, how: str, *, restart: bool = False) -> Callable[[Sequence[str]], str | Awaitable[str]]:
        def stop(arguments: Sequence[str]) -> str | Awaitable[str]:
            no_arguments(arguments)
            if how == "gracefully" and len(self._server.channels):
                return self._stop_gracefully(restart=restart)
            # After the answer has gone to the console.
            self._server.clock.call_later(0, self._server.request_stop, how, restart=restart)
            if how != "convenient":
                return ""
            return f"Waiting for inactivity to perform {'restart' if restart else 'halt'}"

        return stop

    async def _stop_gracefully(self, *, restart: bool) -> str:
        """Answered when the last call has ended: whoever stops a service by ``asterisk -rx`` relies on that."""
        self._server.request_stop("gracefully", restart=restart)
        return "" if await self._server.wait_stop_decided() else "Shutdown aborted."

    def abort_shutdown(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        return "Shutdown aborted." if self._server.abort_stop() else "There is no shutdown in progress."

    # Help

    def help(self, arguments: Sequence[str]) -> str:
        commands = self._server.cli.commands()
        if arguments:
            found = self._server.cli.find(arguments)
            if found is not None and not found[1]:
                return f"Usage: {found[0].usage}\n       {found[0].summary}"
            topic = " ".join(arguments)
            commands = [command for command in commands if command.words.lower().startswith(topic.lower())]
            if not commands:
                raise NothingFound(f"No such command '{topic}'.")
        return "\n".join(f"{command.words:<30} -- {command.summary}" for command in commands)

    # Settings

    def settings(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        server, options = self._server, self._server.options
        logs = server.require(LogManager)
        soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        limit = options.maxcalls
        core_rows = [
            ("Version", f"{ASTERISK_VERSION} (Obelisk {VERSION})"),
            ("Maximum calls", f"{limit} (Current {len(server.channels)})" if limit else "Not set"),
            ("Maximum open file handles", str(soft_limit)),
            ("Root console verbosity", str(logs.verbose)),
            ("Debug level", str(logs.debug)),
            ("Dump core on crash", yes_no(options.dumpcore)),
            ("Maximum load average", f"{options.maxload:f}"),
            ("Minimum free memory", f"{options.minmemfree} MB"),
            ("Startup time", _clock_time(server.started_at)),
            ("Last reload time", _clock_time(server.reloaded_at)),
            ("System", f"{platform.system()}/{platform.release()} on {platform.machine()}"),
            ("System name", options.system_name),
            ("Entity ID", options.entityid or "Not set"),
            ("Default language", options.defaultlanguage),
            ("Language prefix", _enabled(options.languageprefix)),
            ("User name and group", f"{options.runuser}/{options.rungroup}"),
            ("Running directory", os.getcwd()),  # noqa: PTH109 - text to print
            ("Executable includes", _enabled(options.execincludes)),
            ("Transmit silence during rec", _enabled(options.transmit_silence)),
            ("Min DTMF duration:", str(options.mindtmfduration)),
            ("RTP use dynamic payloads", str(int(options.rtp_use_dynamic))),
        ]
        directories = server.directories
        directory_rows = [
            ("Configuration file", server.conf.path),
            ("Configuration directory", directories.etc),
            ("Module directory", directories.modules),
            ("Spool directory", directories.spool),
            ("Log directory", directories.log),
            ("Run/Sockets directory", directories.run),
            ("PID file", directories.pid_file),
            ("VarLib directory", directories.varlib),
            ("Data directory", directories.data),
            ("ASTDB", directories.astdb),
            ("Keys directory", directories.keys),
            ("AGI Scripts directory", directories.agi),
            ("Cache directory", directories.cache),
        ]
        lines = ["", "PBX Core settings", "-----------------", *_rows(core_rows)]
        lines += ["", "* Subsystems", "  -------------"]
        on = {name: is_on() for name, is_on in server.subsystems.items()}
        lines += _rows([(name, _enabled(on.get(name, False))) for name in SUBSYSTEMS])
        lines += ["", "* Directories", "  -------------", *_rows(directory_rows), "", ""]
        return "\n".join(lines)


def active_calls(server: Server) -> int:
    """Channels that run the dialplan now: what Asterisk counts as calls."""
    return sum(channel.owner == "pbx" for channel in server.channels)


def call_counts(server: Server) -> str:
    """The lines on active and processed calls."""
    active = active_calls(server)
    limit = server.options.maxcalls
    text = plural(active, "active call")
    if limit:
        plural_s = "" if active == 1 else "s"
        text = f"{active} of {limit} max active call{plural_s} ({active / limit * 100:5.2f}% of capacity)"
    return f"{text}\n{plural(server.channels.calls_processed, 'call')} processed"


def _new_level(words: list[str], old: int) -> int:
    at_least = len(words) == 2 and words[0].lower() == "atleast"
    if at_least:
        words = words[1:]
    if len(words) != 1:
        raise UsageError
    if words[0].lower() == "off":
        return 0
    if not (words[0].isascii() and words[0].isdecimal()) or len(words[0]) > 9:
        raise UsageError
    return max(int(words[0]), old) if at_least else int(words[0])


def _level_report(what: str, old: int, new: int) -> str:
    if old == new:
        return f"{what} is still {new or 'OFF'}."
    return f"{what} was {old or 'OFF'} and is now {new or 'OFF'}."


def _clock_time(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _enabled(value: bool) -> str:
    return "Enabled" if value else "Disabled"


def _rows(rows: Sequence[tuple[str, object]]) -> list[str]:
    return [f"  {label + ':':<28} {value}" for label, value in rows]

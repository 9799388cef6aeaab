"""`LogManager`: the observer that gives every log event to the sinks that want it."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from twisted.logger import ILogObserver, globalLogBeginner, globalLogPublisher
from zope.interface import implementer

from pbx.logs._verbosity import Verbosity, call_groups
from pbx.logs._verbosity import verbosity as process_verbosity
from pbx.logs.format import DateFormat, LineFormat, level_of, record_of
from pbx.logs.settings import FOLLOW_CORE, Channel, Level, LoggerSettings, read_logger_settings
from pbx.logs.sinks import ConsoleSink, FileSink, Sink, SyslogSink, wants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pbx.config import ConfigLoader

CONSOLE_LEVELS = frozenset((Level.NOTICE, Level.WARNING, Level.ERROR, Level.VERBOSE, Level.DEBUG))


@implementer(ILogObserver)
class LogManager:
    """The log of one process.

    ``verbose`` and ``debug`` are the core's levels (``-v``, ``core set verbose``). Files named relative go to
    ``log_dir``. With ``terminal`` the console channel of logger.conf is written to standard output.
    """

    def __init__(
        self,
        log_dir: Path,
        *,
        verbose: int = 0,
        debug: int = 0,
        terminal: bool = False,
        timestamp: bool = False,
        verbosity: Verbosity = process_verbosity,
    ) -> None:
        self.settings = LoggerSettings()
        self._log_dir = log_dir
        self._verbose = verbose
        self._debug = debug
        self._terminal = terminal
        self._timestamp = timestamp
        self._verbosity = verbosity
        self._lines = LineFormat(DateFormat())
        self._sinks: list[Sink] = []
        self._consoles: list[ConsoleSink] = []
        self._dynamic: dict[str, Channel] = {}
        self._wanted: frozenset[Level] = frozenset()
        self._inside = False

    # Life

    def begin(self) -> None:
        """Become the process's log; events logged before are written now."""
        globalLogBeginner.beginLoggingTo([self], redirectStandardIO=False, discardBuffer=False)

    def end(self) -> None:
        """Stop observing and close all files."""
        globalLogPublisher.removeObserver(self)
        for sink in self._sinks:
            sink.close()
        self._sinks.clear()
        self._consoles.clear()
        self._recount()

    def load(self, loader: ConfigLoader) -> None:
        """Take logger.conf as it is now. Raises ConfigErrors and stays as before."""
        self.apply(read_logger_settings(loader.load_optional("logger.conf")))

    def apply(self, settings: LoggerSettings) -> None:
        """Use ``settings``: files are reopened, connected consoles stay."""
        for sink in self._sinks:
            sink.close()
        self.settings = settings
        general = settings.general
        self._lines = LineFormat(DateFormat(general.dateformat), call_ids=general.use_callids)
        self._sinks = []
        for channel in (*settings.channels, *self._dynamic.values()):
            if channel.kind != "Console":
                self._sinks.append(self._open(channel))
            elif self._terminal:
                self._sinks.append(ConsoleSink(channel, self._lines, _to_terminal, timestamp=self._timestamp))
        self._recount()

    def _open(self, channel: Channel) -> Sink:
        if channel.kind == "Syslog":
            return SyslogSink(channel, self._lines)
        name = channel.name
        if self.settings.general.appendhostname:
            name = f"{name}.{socket.gethostname()}"
        return FileSink(channel, self._log_dir / name, self._lines)

    # Levels

    @property
    def verbose(self) -> int:
        return self._verbose

    @property
    def debug(self) -> int:
        return self._debug

    def set_verbose(self, level: int) -> None:
        """Change the core's verbose level."""
        self._verbose = level
        self._recount()

    def set_debug(self, level: int) -> None:
        """Change the core's debug level."""
        self._debug = level
        self._recount()

    def _recount(self) -> None:
        sinks = [*self._sinks, *self._consoles]
        self._wanted = frozenset().union(*(sink.channel.levels for sink in sinks)) if sinks else frozenset()
        self._verbosity.level = self._highest(Level.VERBOSE, [sink.channel.verbose for sink in sinks], self._verbose)
        self._verbosity.debug = self._highest(Level.DEBUG, [sink.channel.debug for sink in sinks], self._debug)

    def _highest(self, level: Level, numbers: list[int], core: int) -> int:
        if level not in self._wanted:
            return -1
        return max((core if number == FOLLOW_CORE else number for number in numbers), default=-1)

    # Observing

    def __call__(self, event: dict[str, Any]) -> None:
        """Write one event (ILogObserver)."""
        level, number = level_of(event)
        if level not in self._wanted or self._inside:
            return
        if level is Level.VERBOSE and (number > self._verbosity.level or not call_groups.wants(event.get("call_id"))):
            return
        if level is Level.DEBUG and number > self._verbosity.debug:
            return
        record = record_of(event, level, number)
        # A sink whose own transport logs must not come back here.
        self._inside = True
        try:
            for sink in (*self._sinks, *self._consoles):
                if wants(sink.channel, level, number, self._verbose, self._debug):
                    sink.write(record)
        finally:
            self._inside = False

    # Consoles and files

    def attach(
        self, write: Callable[[str], object], *, verbose: int = FOLLOW_CORE, debug: int = FOLLOW_CORE
    ) -> Callable[[], None]:
        """Let a console read along; ``write`` gets whole lines. The returned function ends that."""
        sink = ConsoleSink(Channel("console", CONSOLE_LEVELS, verbose, debug), self._lines, write)
        self._consoles.append(sink)
        self._recount()

        def detach() -> None:
            if sink in self._consoles:
                self._consoles.remove(sink)
                self._recount()

        return detach

    def add_file(self, channel: Channel) -> None:
        """``logger add channel``: a log file until the exchange ends or `remove_file`. ValueError when it exists."""
        if any(each.name == channel.name for each in self.channels()):
            raise ValueError(f"Logger channel '{channel.name}' already exists")
        self._dynamic[channel.name] = channel
        sink = self._open(channel)
        if isinstance(sink, FileSink):
            sink.begin()
        self._sinks.append(sink)
        self._recount()

    def remove_file(self, name: str) -> None:
        """``logger remove channel``. Raises ValueError when it was not added by `add_file`."""
        if name not in self._dynamic:
            raise ValueError(f"Unable to find logger channel '{name}'")
        del self._dynamic[name]
        self.apply(self.settings)

    def channels(self) -> list[Channel]:
        """Every configured channel, for listings."""
        return [*self.settings.channels, *self._dynamic.values()]

    def rotate(self) -> list[Path]:
        """Move each file away as ``rotatestrategy`` says and go on in a new one; the files archived."""
        moved: list[Path] = []
        for sink in self._sinks:
            if isinstance(sink, FileSink):
                archived = sink.rotate(self.settings.general.rotatestrategy)
                if archived is not None:
                    moved.append(archived)
        return moved


def _to_terminal(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        # The terminal went away; the files still have everything. Do not try again.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the rest of the process

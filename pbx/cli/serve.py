"""Runs the exchange in this process: builds it, starts the reactor, stops it cleanly."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pbx import app
from pbx.cli import commands
from pbx.cli.control import ControlServer
from pbx.cli.process import (
    become_user,
    go_to_background,
    keep_freed_memory,
    notify_systemd,
    own_command,
    remove_pid,
    set_limits,
    write_pid,
)
from pbx.cli.supervisor import CRASH_VARIABLE
from pbx.core import messages
from pbx.errors import ConfigError, ObeliskError
from pbx.logs import LogManager, verbose
from pbx.modules import ModuleError, plain_name
from pbx.version import ASTERISK_VERSION, VERSION

if TYPE_CHECKING:
    from pbx.asterisk_conf import AsteriskConf
    from pbx.server import Server

__all__ = ["RunMode", "go_to_background", "serve"]

log = Logger()

#: Collector thresholds once the exchange is up: allocations of the youngest generation, then of each older one.
GC_THRESHOLDS = (50_000, 20, 50)
#: An end that takes longer is cut short.
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RunMode:
    """How the command line wants the exchange to run. ``terminal``: log to it; ``console``: read commands from it."""

    terminal: bool = False
    console: bool = False
    banner: bool = False
    verbose: int = 0
    debug: int = 0
    timestamp: bool = False
    dump_core: bool = False


def serve(conf: AsteriskConf, mode: RunMode) -> int:
    """Run until told to stop; the exit status. Raises ConfigError before anything was started."""
    from twisted.internet import reactor

    faulthandler.enable()
    set_limits(conf.options.maxfiles, dump_core=mode.dump_core)
    conf.directories.create()
    become_user(conf)
    process = ExchangeProcess(reactor, conf, mode)
    process.prepare()
    running: Any = reactor
    running.callWhenRunning(process.begin)
    running.run()
    process.finish()
    if process.restart:
        _start_again()
    return process.status


def _start_again() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.closerange(3, 65536)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same program, no shell


def settle_memory() -> None:
    """Take what start-up made out of the garbage collector's sight and let it run less often.

    A call leaves few cycles behind, but its many live objects made the collector walk the whole program several times
    a second: 6 % of the CPU of a short call, a quarter of a bridged one's.
    """
    keep_freed_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class ExchangeProcess:
    """The exchange and what belongs to the process: log, console commands, control socket, signals."""

    def __init__(self, reactor: Any, conf: AsteriskConf, mode: RunMode) -> None:
        self.status = 0
        self.restart = False
        self._reactor = reactor
        self._conf = conf
        self._mode = mode
        self._logs = LogManager(
            conf.directories.log,
            verbose=mode.verbose,
            debug=mode.debug,
            terminal=mode.terminal,
            timestamp=mode.timestamp,
        )
        self._server: Server
        self._control: ControlServer

    def prepare(self) -> None:
        """Build everything, start nothing. Raises ConfigError."""
        self._server = app.build(self._reactor, self._conf)
        self._logs.load(self._server.config)
        self._server.provide(LogManager, self._logs)
        self._server.reloader = self.reload
        commands.register(self._server, self.reload)
        path = self._conf.directories.control_socket
        self._control = ControlServer(self._server.cli, path, self._conf.control, self._logs)

    def begin(self) -> None:
        """Called once the reactor runs."""
        self._logs.begin()
        self._tell_of_crash()
        for number, handler in (
            (signal.SIGTERM, self._on_stop_signal),
            (signal.SIGINT, self._on_stop_signal),
            (signal.SIGHUP, self._on_reload_signal),
        ):
            signal.signal(number, handler)
        ensureDeferred(self._live()).addErrback(self._failed)

    async def _live(self) -> None:
        stop_wanted = self._server.wait_stop()
        try:
            self._control.start(self._reactor)
            write_pid(self._conf)
            if self._mode.console:
                commands.attach_terminal(self._control)
            log.info(
                "Obelisk {version} starting (speaks Asterisk {asterisk})", version=VERSION, asterisk=ASTERISK_VERSION
            )
            await app.start(self._server)
        except (ObeliskError, OSError) as error:
            self._refuse(error)
        else:
            self._started()
            await stop_wanted
        await self._end()

    def _started(self) -> None:
        settle_memory()
        self._watch_responsiveness()
        notify_systemd("READY=1")
        verbose(log, 0, "Asterisk Ready.")
        if self._mode.banner:
            etc = self._conf.directories.etc
            print(f"Obelisk {VERSION} is ready. Phone accounts: {etc / 'pjsip.conf'}", flush=True)
            print(f"Console: {own_command()} console -C {etc}   (Ctrl-C here stops the exchange)", flush=True)

    def _watch_responsiveness(self) -> None:
        watchdog = os.environ.get("WATCHDOG_USEC", "")
        if watchdog.isdecimal():
            LoopingCall(notify_systemd, "WATCHDOG=1").start(max(int(watchdog) / 2e6, 0.1))

    def _refuse(self, error: Exception) -> None:
        self.status = 1
        log.error("the exchange cannot start: {error}", error=str(error))
        print(error, file=sys.stderr, flush=True)

    def _failed(self, failure: Any) -> None:
        self.status = 1
        log.failure("the exchange ends after a defect", failure=failure)
        print(f"the exchange ends after a defect: {failure.getErrorMessage()}", file=sys.stderr, flush=True)
        self._reactor.stop()

    async def _end(self) -> None:
        notify_systemd("STOPPING=1")
        self.restart = self._server.restart_wanted and self.status == 0
        calls = len(self._server.channels)
        ending = ensureDeferred(app.stop(self._server)).addTimeout(STOP_SECONDS, self._reactor)
        try:
            await ending
        except DeferredTimeout:
            log.error("the exchange did not stop within {seconds} seconds", seconds=STOP_SECONDS)
        except Exception:  # the boundary of the program: whatever failed, the rest is still to be closed
            log.failure("stopping failed")
        await self._control.stop()
        remove_pid(self._conf)
        log.info("Asterisk {how} ending (0).", how="uncleanly" if calls else "cleanly")
        # Consoles still have to be sent what was written to them.
        self._reactor.callLater(0, self._reactor.stop)

    def finish(self) -> None:
        """After the reactor has ended."""
        self._logs.end()

    async def reload(self, name: str | None = None) -> list[str]:
        """Reload one module, the log (``logger``) or everything. Raises ModuleError or ConfigError."""
        failure: ConfigError | None = None
        only_log = name is not None and plain_name(name) == "logger"
        if name is None or only_log:
            try:
                self._server.config.forget()
                self._logs.load(self._server.config)
            except ConfigError as error:
                failure = error
        names = ["logger"]
        if only_log:
            text, status = ("", 0) if failure is None else (str(failure), ModuleError.reload_status)
            self._server.bus.publish(messages.Reloaded(name or "", text, status))
        else:
            names += await app.reload(self._server, name)
        if failure is not None:
            raise failure
        return names if name is None else [name]

    # Signals: Python runs their handlers in the reactor's thread, between two steps of it.

    def _on_stop_signal(self, *_: object) -> None:
        self._reactor.callFromThread(self._server.request_stop, "now")

    def _on_reload_signal(self, *_: object) -> None:
        self._reactor.callFromThread(self._reload_all)

    def _reload_all(self) -> None:
        def refused(failure: Any) -> None:
            failure.trap(ObeliskError)
            log.error("reload: {error}", error=failure.getErrorMessage())

        reloading = ensureDeferred(self.reload())
        reloading.addErrback(refused)
        reloading.addErrback(lambda failure: log.failure("reloading failed", failure=failure))

    def _tell_of_crash(self) -> None:
        report = os.environ.pop(CRASH_VARIABLE, "")
        if report:
            log.error("the exchange crashed and was started again: {report}", report=report)

"""`Server`: what the running exchange consists of, as one typed object that parts are handed.

It holds; `pbx.app` wires. Modules offer each other services by type: `provide` in load, `withdraw` in unload.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorCore

    from pbx.astdb import AstDb
    from pbx.asterisk_conf import AsteriskConf, Options
    from pbx.bus import Bus
    from pbx.cli.registry import CommandRegistry
    from pbx.clock import Clock
    from pbx.config import ConfigLoader
    from pbx.core.bridge import Bridges
    from pbx.core.channels import Channels
    from pbx.core.devices import DeviceStates
    from pbx.core.dialplan import Dialplan
    from pbx.core.hints import Hints
    from pbx.core.media import Switchboard
    from pbx.core.originate import Originator
    from pbx.core.presence import Presences
    from pbx.core.technology import Technologies
    from pbx.directories import Directories
    from pbx.modules import ModuleRegistry
    from pbx.sorcery import Sorcery

S = TypeVar("S")


class MissingService(ObeliskError):
    """A service was asked for that no loaded module offers."""


class Server:
    """The parts of one exchange. Attributes are set by `pbx.app.build` and do not change, but for `dialplan`."""

    conf: AsteriskConf
    directories: Directories
    options: Options
    reactor: Any
    clock: Clock
    bus: Bus
    config: ConfigLoader
    astdb: AstDb
    sorcery: Sorcery
    modules: ModuleRegistry
    cli: CommandRegistry
    switchboard: Switchboard
    channels: Channels
    bridges: Bridges
    technologies: Technologies
    devices: DeviceStates
    presences: Presences
    hints: Hints
    originator: Originator

    def __init__(self, reactor: IReactorCore) -> None:
        self.reactor = reactor
        self.started_at = 0.0
        self.reloaded_at = 0.0
        self.booted = False
        #: "" while running, else how the exchange is asked to stop: "now", "gracefully" or "convenient".
        self.stopping = ""
        self.restart_wanted = False
        #: What is held now, by name: parts tell here how much of what an idle exchange does not hold.
        self.gauges: dict[str, Callable[[], int]] = {}
        #: Whether parts that can be switched off are on, by the names `core show settings` has for them.
        self.subsystems: dict[str, Callable[[], bool]] = {}
        #: Reloads one module, or everything, and tells the bus; the program sets it (`reload` calls it).
        self.reloader: Callable[[str | None], Awaitable[list[str]]] | None = None
        self._stop_requested: list[Deferred[None]] = []
        self._stop_waiters: list[Deferred[bool]] = []
        self._boot_waiters: list[Deferred[None]] = []
        self._services: dict[type, object] = {}

    @property
    def dialplan(self) -> Dialplan:
        """The dialplan. Raises MissingService while none is loaded."""
        if self.channels.dialplan is None:
            raise MissingService("no dialplan is loaded")
        return self.channels.dialplan

    # Services

    def provide(self, kind: type[S], service: S) -> None:
        """Offer ``service`` under its type. Raises ValueError when one is there already."""
        if kind in self._services:
            raise ValueError(f"{kind.__name__} is provided twice")
        self._services[kind] = service

    def withdraw(self, kind: type) -> None:
        """Take back what `provide` offered; no error where there is none."""
        self._services.pop(kind, None)

    def find(self, kind: type[S]) -> S | None:
        """The service of that type, or None."""
        service: Any = self._services.get(kind)
        return service  # type: ignore[no-any-return]

    def require(self, kind: type[S]) -> S:
        """The service of that type. Raises MissingService, naming it."""
        service = self.find(kind)
        if service is None:
            raise MissingService(f"{kind.__name__} is not available: the module that offers it is not loaded")
        return service

    # Life

    async def reload(self, name: str | None = None) -> list[str]:
        """Reload one module, or everything; gives the names. Raises ModuleError with every failure."""
        return await (self.modules.reload if self.reloader is None else self.reloader)(name)

    def wait_booted(self) -> Deferred[None]:
        """Fires once every module that was to load has loaded."""
        waiting: Deferred[None] = Deferred()
        if self.booted:
            waiting.callback(None)
        else:
            self._boot_waiters.append(waiting)
        return waiting

    def set_booted(self) -> None:
        """Called once, by the composition root."""
        self.booted = True
        waiters, self._boot_waiters = self._boot_waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def wait_stop(self) -> Deferred[None]:
        """Fires when the exchange is to end, with no call left unless it is to end now."""
        waiting: Deferred[None] = Deferred()
        self._stop_requested.append(waiting)
        return waiting

    def request_stop(self, how: str = "now", *, restart: bool = False) -> None:
        """Ask for the end: ``now``, ``gracefully`` (no new calls, wait for the others) or ``convenient`` (wait)."""
        if how not in ("now", "gracefully", "convenient"):
            raise ValueError(f"unknown way to stop: {how}")
        self._decide(stops=False)  # whoever waits for another way of stopping
        self.stopping = how
        self.restart_wanted = restart
        if how == "now":
            self._stop()
        else:
            self.channels.when_idle(self._stop_if_wanted)

    def abort_stop(self) -> bool:
        """Take back a stop that still waits for calls to end; False when there was none."""
        wanted, self.stopping = self.stopping, ""
        self._decide(stops=False)
        return wanted in ("gracefully", "convenient")

    def _stop_if_wanted(self) -> None:
        if self.stopping:
            self._stop()

    def wait_stop_decided(self) -> Deferred[bool]:
        """Fires once the stop asked for begins (True), or has been taken back or replaced (False)."""
        waiting: Deferred[bool] = Deferred()
        self._stop_waiters.append(waiting)
        return waiting

    def _decide(self, *, stops: bool) -> None:
        waiters, self._stop_waiters = self._stop_waiters, []
        for waiter in waiters:
            waiter.callback(stops)

    def _stop(self) -> None:
        self._decide(stops=True)
        waiters, self._stop_requested = self._stop_requested, []
        for waiter in waiters:
            waiter.callback(None)

    @property
    def accepts_calls(self) -> bool:
        """False once a stop was asked for, and while asterisk.conf's ``maxcalls`` or ``maxload`` is reached."""
        if self.stopping not in {"", "convenient"}:
            return False
        if self.options.maxload and os.getloadavg()[0] >= self.options.maxload:
            return False
        limit = self.options.maxcalls
        return not limit or sum(channel.owner == "pbx" for channel in self.channels) < limit

"""The module ``manager``: reads manager.conf, listens, serves; its console commands come and go with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from ami import commands
from ami.actions import ACTIONS
from ami.http import ManagerHttp
from ami.manager import Manager
from ami.protocol import listen, listen_tls
from ami.users import DEFAULT_TLS_PORT, FILE, General, read_manager_conf
from pbx.errors import ObeliskError
from pbx.http.server import HttpServer
from pbx.manager_clients import ManagerClients
from pbx.modules import Module, ModuleDeclined, ModuleError

log = Logger()


class ManagerModule(Module):
    """The Asterisk Manager Interface."""

    name = "manager"
    builtin = True
    description = "Asterisk Manager Interface"

    def check(self) -> None:
        read_manager_conf(self.server.config)

    async def load(self) -> None:
        config = read_manager_conf(self.server.config)
        if not config.general.enabled:
            raise ModuleDeclined(f"{FILE} is missing, or does not say enabled = yes")
        self._ports: list[Any] = []
        self._withdrawals: list[Callable[[], None]] = []
        self.manager = Manager(self.server, config, ACTIONS)
        try:
            self._listen(config.general)
        except ModuleError:
            self.manager.stop()
            raise
        self.server.provide(Manager, self.manager)
        self.server.provide(ManagerClients, ManagerClients(self.manager.sessions_of))
        self._withdrawals.append(commands.register(self.server, self.manager))
        self.server.subsystems["Manager (AMI)"] = lambda: self.manager.config.general.enabled

    async def unload(self) -> None:
        self.server.subsystems.pop("Manager (AMI)", None)
        self.server.withdraw(Manager)
        self.server.withdraw(ManagerClients)
        for withdraw in self._withdrawals:
            withdraw()
        self._withdrawals.clear()
        await self._stop_listening()
        self.manager.stop()

    async def reload(self) -> None:
        """Take users and settings; listen anew where addresses or certificates changed. Sessions go on."""
        config = read_manager_conf(self.server.config)
        old = self.manager.config
        if _listening(config.general) != _listening(old.general):
            await self._stop_listening()
            try:
                self._listen(config.general)
            except ModuleError:
                self._listen(old.general)
                raise
        self.manager.configure(config)

    def _listen(self, general: General) -> None:
        if not general.enabled:
            return
        reactor, manager = self.server.reactor, self.manager
        try:
            self._ports.append(listen(reactor, manager, general.bindaddr, general.port))
            if general.tlsenable:
                host, port = _tls_address(general)
                self._ports.append(listen_tls(reactor, manager, host, port, general.tlscertfile, general.tlsprivatekey))
        except (CannotListenError, OSError, ValueError, ObeliskError) as error:
            for port in self._ports:
                port.stopListening()
            self._ports.clear()
            raise ModuleError(f"the manager cannot listen: {error}") from error
        for port in self._ports:
            where = port.getHost()
            log.info("Asterisk Manager Interface on {host}:{port}", host=where.host, port=where.port)

    async def _stop_listening(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            await maybeDeferred(port.stopListening)

    @property
    def use_count(self) -> int:
        return 0


def _listening(general: General) -> tuple[object, ...]:
    return (
        general.enabled,
        general.bindaddr,
        general.port,
        general.tlsenable,
        general.tlsbindaddr,
        general.tlscertfile,
        general.tlsprivatekey,
    )


def _tls_address(general: General) -> tuple[str, int]:
    """``tlsbindaddr`` as host and port; a bare host gets the port of TLS."""
    text = general.tlsbindaddr
    if not text:
        return general.bindaddr, DEFAULT_TLS_PORT
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and (host.count(":") == 0 or host.endswith("]")):
        return host.strip("[]"), int(port)
    return text.strip("[]"), DEFAULT_TLS_PORT


class ManagerHttpModule(Module):
    """The manager over HTTP, where manager.conf says ``webenabled = yes``."""

    name = "manager_http"
    builtin = True
    description = "Asterisk Manager Interface over HTTP"
    requires = ("http", "manager")

    async def load(self) -> None:
        if not read_manager_conf(self.server.config).general.webenabled:
            raise ModuleDeclined(f"{FILE} does not say webenabled = yes")
        self._served: ManagerHttp | None = ManagerHttp(self.server.require(Manager), self.server.require(HttpServer))
        self.server.subsystems["Web Manager (AMI/HTTP)"] = lambda: self._served is not None

    async def unload(self) -> None:
        self.server.subsystems.pop("Web Manager (AMI/HTTP)", None)
        if self._served is not None:
            self._served.stop()

    async def reload(self) -> None:
        """Serve, or not, as the file says now; sessions go on."""
        wanted = read_manager_conf(self.server.config).general.webenabled
        if wanted and self._served is None:
            self._served = ManagerHttp(self.server.require(Manager), self.server.require(HttpServer))
        elif not wanted and self._served is not None:
            self._served.stop()
            self._served = None

    @property
    def use_count(self) -> int:
        return 0


class DeviceStateModule(Module):
    """DeviceStateList is known while it runs."""

    name = "res_manager_devicestate"
    description = "Manager Device State Topic Forwarder"


class PresenceStateModule(Module):
    """PresenceStateList is known while it runs."""

    name = "res_manager_presencestate"
    description = "Manager Presence State Topic Forwarder"


class MwiExternalModule(Module):
    """Mailboxes may be set by managers while it runs."""

    name = "res_mwi_external_ami"
    description = "AMI support for external MWI"
    requires = ("res_mwi_external",)


MODULES: tuple[type[Module], ...] = (
    ManagerModule,
    ManagerHttpModule,
    MwiExternalModule,
    DeviceStateModule,
    PresenceStateModule,
)

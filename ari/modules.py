"""The modules of ARI. Each resource is one, as in Asterisk: unloaded, its routes answer 404."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ari import commands
from ari.config import FILE, read_ari_conf
from ari.device_states import StasisDevices
from ari.events import Translator
from ari.outbound import OutboundSockets
from ari.resources import RESOURCES
from ari.server import AriServer
from ari.table import Resource
from ari.text_messages import EndpointMessages
from pbx.core.text_messages import TextMessages
from pbx.http.server import HttpServer
from pbx.http.websocket_client import WebSocketClients
from pbx.modules import Module, ModuleDeclined, ModuleError
from pbx.stasis.applications import StasisApplications
from pbx.stasis.service import Stasis


class AriModule(Module):
    """Users, routing, documents."""

    name = "res_ari"
    description = "Asterisk RESTful Interface"
    requires = ("http", "res_stasis", "res_websocket_client")

    def check(self) -> None:
        read_ari_conf(self.server.config)

    async def load(self) -> None:
        config = read_ari_conf(self.server.config)
        if config is None or not (config.general.enabled or config.outbound):
            raise ModuleDeclined(f"{FILE} is missing, or says enabled = no")
        http = self.server.require(HttpServer)
        self.ari = AriServer(self.server, http, config)
        translator = Translator(self.server, self.server.require(StasisApplications))
        self.server.provide(AriServer, self.ari)
        self.server.provide(Translator, translator)
        self._withdrawals: list[Callable[[], None]] = [
            translator.register(),
            self._take_messages(),
            commands.register(self.server, self.ari),
        ]
        if config.general.enabled:
            self._withdrawals.append(http.mount("ari", self.ari.respond, "Asterisk RESTful API"))
        self.outbound = OutboundSockets(self.ari, self.server.require(WebSocketClients))
        self.server.provide(OutboundSockets, self.outbound)
        self.server.require(Stasis).per_call = self.outbound
        self.server.wait_booted().addCallback(self._open_sockets)

    def _open_sockets(self, _booted: object) -> None:
        if self.server.find(OutboundSockets) is self.outbound:
            self.outbound.refresh()

    def _take_messages(self) -> Callable[[], None]:
        handler = EndpointMessages(self.server, self.server.require(StasisApplications))
        return self.server.require(TextMessages).register_handler(handler)

    async def unload(self) -> None:
        for withdraw in self._withdrawals:
            withdraw()
        self._withdrawals.clear()
        self.server.withdraw(OutboundSockets)
        stasis = self.server.find(Stasis)
        if stasis is not None:
            stasis.per_call = None
        self.outbound.stop()
        self.ari.stop()
        self.server.withdraw(Translator)
        self.server.withdraw(AriServer)

    async def reload(self) -> None:
        """Take users and settings. Sockets go on, with the rights their users have now."""
        config = read_ari_conf(self.server.config)
        if config is None:
            raise ModuleError(f"{FILE} is missing")
        self.ari.configure(config)
        if self.server.booted:
            self.outbound.refresh()

    @property
    def use_count(self) -> int:
        return len(self.ari.sockets)


class WebSocketModule(Module):
    """Event sockets can be opened while it runs."""

    name = "res_http_websocket"
    description = "HTTP WebSocket Support"
    requires = ("http",)


class ResourceModule(Module):
    """One resource's operations."""

    requires = ("res_ari",)
    resource: ClassVar[Resource]

    async def load(self) -> None:
        self._withdraw = self.server.require(AriServer).add(self.resource)

    async def unload(self) -> None:
        self._withdraw()


class DeviceStatesModule(ResourceModule):
    """Device states, and the devices that applications control."""

    async def load(self) -> None:
        devices = StasisDevices(self.server.astdb, self.server.devices)
        self.server.provide(StasisDevices, devices)
        self._withdraw_devices = devices.provide()
        await super().load()

    async def unload(self) -> None:
        await super().unload()
        self._withdraw_devices()
        self.server.withdraw(StasisDevices)


def _module_of(resource: Resource) -> type[Module]:
    base = DeviceStatesModule if resource.name == "deviceStates" else ResourceModule
    members = {
        "name": resource.module,
        "description": f"RESTful API module - {resource.description}",
        "resource": resource,
        "__doc__": resource.description,
        "__module__": __name__,
    }
    return type(f"Module_{resource.module}", (base,), members)


MODULES: tuple[type[Module], ...] = (WebSocketModule, AriModule, *(_module_of(each) for each in RESOURCES))

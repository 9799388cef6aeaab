"""Loadable modules of calls over PJSIP: ``res_pjsip_session`` and ``chan_pjsip``."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pbx.core.messages import FullyBooted
from pbx.media import MediaEngine
from pbx.modules import Module, ModuleBusy
from pbx.pjsip.capabilities import Capabilities
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.events import EndpointStateChanged
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.messaging import ResPjsipMessaging
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.options import OptionsResponder
from pbx.pjsip.refer import ResPjsipRefer
from pbx.pjsip.session.channel_technology import PjsipTechnology
from pbx.pjsip.session.charges import AdviceOfCharge
from pbx.pjsip.session.commands import ChannelCommands
from pbx.pjsip.session.incoming import InviteHandler
from pbx.pjsip.session.one_touch import OneTouchRecording
from pbx.pjsip.session.options import OFFERED
from pbx.pjsip.session.services import Sessions


class SessionModule(Module):
    """Takes INVITEs; offers `Sessions`."""

    name: ClassVar[str] = "res_pjsip_session"
    description: ClassVar[str] = "PJSIP Session resource"
    requires: ClassVar[tuple[str, ...]] = ("res_pjsip",)

    async def load(self) -> None:
        self._sessions = Sessions(self.server, self.server.require(MediaEngine))
        self.server.provide(Sessions, self._sessions)
        capabilities = self.server.require(Capabilities)
        options = self.server.require(OptionsResponder)
        self._withdrawals: list[Callable[[], None]] = [
            capabilities.add_accept("application/sdp"),
            capabilities.add_supported(*OFFERED),
            self._sessions.register_method("OPTIONS", lambda session, message: options.in_call()),
        ]

    async def unload(self) -> None:
        if len(self._sessions):
            raise ModuleBusy(f"{self.name} has {len(self._sessions)} calls")
        for withdraw in self._withdrawals:
            withdraw()
        self.server.withdraw(Sessions)

    @property
    def use_count(self) -> int:
        return len(self._sessions)


class ChannelModule(Module):
    """The technology, and the way in for calls."""

    name: ClassVar[str] = "chan_pjsip"
    description: ClassVar[str] = "PJSIP Channel Driver"
    requires: ClassVar[tuple[str, ...]] = ("res_pjsip", "res_pjsip_session")

    async def load(self) -> None:
        self._sessions = self.server.require(Sessions)
        self._technology = PjsipTechnology(self._sessions)
        distributor = self.server.require(Distributor)
        self.server.technologies.register(self._technology)
        self._withdraw: list[Callable[[], None]] = [
            distributor.register_method("INVITE", InviteHandler(self._sessions)),
            distributor.register_allowed("UPDATE", "PRACK", "INFO"),
            *ChannelCommands(self._sessions).register(self.server.cli),
        ]
        host = self.server.require(PjsipHost)
        # Other modules may add methods until all are loaded.
        booted = self.server.bus.subscribe(FullyBooted, lambda _: host.invite.set_allowed(host.allow()))
        devices = self.server.devices
        turned = self.server.bus.subscribe(
            EndpointStateChanged, lambda each: devices.remember(f"{each.technology}/{each.endpoint}")
        )
        self._withdraw += (booted.cancel, turned.cancel)
        for endpoint in self.server.sorcery.all(Endpoint):
            devices.remember(f"{self._technology.name}/{endpoint.id}")
        host.invite.set_allowed(host.allow())

    async def unload(self) -> None:
        if len(self._sessions):
            raise ModuleBusy(f"{self.name} has {len(self._sessions)} calls")
        for withdraw in self._withdraw:
            withdraw()
        self.server.technologies.unregister(self._technology)

    @property
    def use_count(self) -> int:
        return len(self._sessions)


MODULES: tuple[type[Module], ...] = (
    SessionModule,
    ChannelModule,
    ResPjsipMessaging,
    ResPjsipRefer,
    OneTouchRecording,
    AdviceOfCharge,
)

"""The module res_pjsip: the objects of pjsip.conf, the listening transports, the distributor, contacts, OPTIONS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.config.errors import raise_if_any
from pbx.errors import ObeliskError
from pbx.modules import Module
from pbx.pjsip import objects, without_effect
from pbx.pjsip.acl import AccessControl, read_named_lists
from pbx.pjsip.capabilities import Capabilities
from pbx.pjsip.console import commands
from pbx.pjsip.cross_check import dangling_names, missing_aors
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.identify import Identifiers
from pbx.pjsip.location import Location
from pbx.pjsip.objects import Transport
from pbx.pjsip.objects.transport import split_bind
from pbx.pjsip.options import OptionsResponder
from pbx.pjsip.out_of_dialog import Requests
from pbx.pjsip.qualify import Qualifier
from pbx.pjsip.registration_context import RegistrationContext
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.transports.settings import Probes, TransportSettings

if TYPE_CHECKING:
    from pbx.config.options import ConfigObject
    from pbx.sorcery import Sorcery

log = Logger()

CONFIG_FILE = "pjsip.conf"
FROM_CONFIG: tuple[type[ConfigObject], ...] = (
    objects.GlobalSettings,
    objects.SystemSettings,
    objects.Transport,
    objects.DomainAlias,
    objects.Auth,
    objects.Aor,
    objects.Endpoint,
)
"""Types of pjsip.conf that this module registers; ``identify`` and ``acl`` come with their own modules."""


def config_mapping(kind: type[ConfigObject]) -> str:
    """The sorcery mapping of a type of pjsip.conf."""
    return f"config,{CONFIG_FILE},criteria=type={kind.type_name}"


def register_types(sorcery: Sorcery) -> list[Callable[[], None]]:
    """Make the types known; the results withdraw them."""
    withdrawals = [sorcery.register_type(kind, default=config_mapping(kind)) for kind in FROM_CONFIG]
    contacts = sorcery.register_type(objects.Contact, default="astdb,registrar", indexes=("aor",))
    return [*withdrawals, contacts]


def transport_settings(transport: Transport) -> TransportSettings:
    """What the host needs of a transport section."""
    return TransportSettings(
        id=transport.id,
        protocol=transport.protocol.value,
        host=transport.bind_host,
        port=transport.bind_port,
        external_address=(
            transport.external_signaling_hostname or _host_of(transport.external_signaling_address) or None
        ),
        external_port=transport.external_signaling_port or None,
        external_media_address=transport.external_media_address or None,
        local_net=transport.local_net,
        tos=transport.tos,
        cos=transport.cos,
        probes=(
            Probes(
                transport.tcp_keepalive_idle_time,
                transport.tcp_keepalive_interval_time,
                transport.tcp_keepalive_probe_count,
            )
            if transport.tcp_keepalive_enable
            else Probes()
        ),
    )


def _host_of(address: str) -> str:
    """``address`` without a port: the port shown is external_signaling_port's, as in Asterisk."""
    try:
        return split_bind(address)[0]
    except ValueError:
        return address


class ResPjsip(Module):
    """SIP as such; every other SIP module needs it."""

    name = "res_pjsip"
    description = "Basic SIP resource"

    def check(self) -> None:
        withdrawals = register_types(self.server.sorcery)
        try:
            self.server.sorcery.load(*FROM_CONFIG)
            read_named_lists(self.server.config)
            raise_if_any(dangling_names(self.server.sorcery))
        finally:
            for withdraw in withdrawals:
                withdraw()

    async def load(self) -> None:
        self._host = self.server.require(PjsipHost)
        self._listening: dict[str, Transport] = {}
        self._stops: list[Callable[[], object]] = []
        self._withdrawals = register_types(self.server.sorcery)
        try:
            await self._start()
        except BaseException:
            await self.unload()
            raise

    async def _start(self) -> None:
        server, host = self.server, self._host
        server.sorcery.start(*FROM_CONFIG)
        self._settings = PjsipSettings(server.sorcery)
        self._stops.append(self._settings.close)
        system = self._settings.system
        host.configure_system(
            timer_t1_ms=system.timer_t1,
            timer_b_ms=system.timer_b,
            compact_headers=system.compact_headers,
            follow_early_media_fork=system.follow_early_media_fork,
            accept_multiple_sdp_answers=system.accept_multiple_sdp_answers,
            disable_tcp_switch=system.disable_tcp_switch,
            disable_rport=system.disable_rport,
        )
        self._access = AccessControl(server.config)
        self._location = Location(server.sorcery, self._settings, server.bus, server.clock)
        capabilities = Capabilities()
        identifiers = Identifiers(self._settings)
        self._distributor = Distributor(
            host,
            server.sorcery,
            self._settings,
            identifiers,
            self._access,
            server.bus,
            server.clock,
            lambda: server.booted,
        )
        requests = Requests(host, server.sorcery, self._settings)
        self._qualifier = Qualifier(requests, server.sorcery, self._location, self._settings, server.clock)
        options = OptionsResponder(server, self._distributor, capabilities, self._settings)
        self._withdrawals.append(self._distributor.register_method("OPTIONS", options.on_options))
        self._provide(PjsipSettings, self._settings)
        self._provide(AccessControl, self._access)
        self._provide(Location, self._location)
        self._provide(Capabilities, capabilities)
        self._provide(OptionsResponder, options)
        self._provide(Distributor, self._distributor)
        self._provide(Qualifier, self._qualifier)
        self._provide(Requests, requests)
        self._stops += [self._location.stop, self._distributor.stop, self._qualifier.stop]
        self._location.start()
        self._registration_context = RegistrationContext(server, self._location, self._settings)
        self._registration_context.start()
        self._stops.append(self._registration_context.stop)
        self._distributor.start()
        await self._listen()
        self._qualifier.start()
        self._withdrawals += commands.register(server)
        self._applied()

    def _provide(self, kind: type, service: object) -> None:
        self.server.provide(kind, service)
        self._withdrawals.append(lambda: self.server.withdraw(kind))

    def _withdraw(self) -> None:
        for withdraw in reversed(self._withdrawals):
            withdraw()
        self._withdrawals.clear()

    async def unload(self) -> None:
        for stop in reversed(self._stops):
            stop()
        self._stops.clear()
        for name in list(self._listening):
            await self._host.close(name)
        self._withdraw()

    async def reload(self) -> None:
        self.server.sorcery.reload(*FROM_CONFIG)
        self._access.reload()
        await self._listen()
        self._applied()

    def _applied(self) -> None:
        """What a changed configuration means beyond its objects."""
        settings = self._settings.global_
        self._host.configure(
            user_agent=settings.user_agent,
            max_forwards=settings.max_forwards,
            keep_alive_interval=settings.keep_alive_interval,
        )
        self._registration_context.apply()
        for error in dangling_names(self.server.sorcery):
            log.error("{error}", error=str(error))
        for line in without_effect.warnings(self.server.sorcery):
            log.warn("{line}", line=line)
        for error in missing_aors(self.server.sorcery):
            log.info("{error}", error=str(error))

    async def _listen(self) -> None:
        """Open new transports; reopen or close those that changed or went, where ``allow_reload`` says so."""
        wanted = {each.id: each for each in self.server.sorcery.all(Transport)}
        for name, before in list(self._listening.items()):
            now = wanted.get(name)
            if now is not None and transport_settings(now) == transport_settings(before):
                self._listening[name] = now
            elif before.allow_reload if now is None else now.allow_reload:
                await self._host.close(name)
                del self._listening[name]
            else:
                log.info("transport '{name}' changed: it stays as it was until a restart (allow_reload=no)", name=name)
        for name, transport in wanted.items():
            if name not in self._listening:
                await self._open(transport)

    async def _open(self, transport: Transport) -> None:
        source = transport.source
        place = "" if source is None else f"{source.path}:{source.line}: "
        try:
            await self._host.listen(transport_settings(transport))
        except (ObeliskError, OSError) as error:
            log.error(
                "{place}transport '{name}' cannot listen on {bind}: {error}",
                place=place,
                name=transport.id,
                bind=transport.bind,
                error=str(error),
            )
            return
        self._listening[transport.id] = transport

"""The loadable SIP modules apart from sessions, by the names that modules.conf, AMI and ARI know."""

from __future__ import annotations

from pbx.modules import Module
from pbx.pjsip.acl import AccessControl
from pbx.pjsip.authenticator import DigestAuthenticator
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.global_acl import GlobalAccess
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.identify import AnonymousIdentifier, AuthUsernameIdentifier, UsernameIdentifier
from pbx.pjsip.identify_ip import HeaderIdentifier, IdentifySections, IpIdentifier, RequestUriIdentifier
from pbx.pjsip.location import Location
from pbx.pjsip.maintenance import ResPjsipMaintenance
from pbx.pjsip.names import HostNames
from pbx.pjsip.objects import Acl, Auth, Identify
from pbx.pjsip.registrar import Registrar
from pbx.pjsip.registrations_module import ResPjsipOutboundRegistration
from pbx.pjsip.res_pjsip import ResPjsip
from pbx.pjsip.resolver_unbound import ResolverUnbound
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.sip_module import SipModule
from pbx.pjsip.trace import ResPjsipLogger


class ResPjsipAuthenticatorDigest(SipModule):
    """Without it nobody who needs a password gets in."""

    name = "res_pjsip_authenticator_digest"
    description = "PJSIP authentication resource"

    def offer(self) -> None:
        server = self.server
        authenticator = DigestAuthenticator(server.require(PjsipSettings), server.clock)
        self.withdrawals.append(server.require(Distributor).register_authenticator(authenticator))
        self.withdrawals.append(server.sorcery.observe(Auth, loaded=authenticator.forget))


class ResPjsipEndpointIdentifierUser(SipModule):
    """Identification by From user and by Authorization user name."""

    name = "res_pjsip_endpoint_identifier_user"
    description = "PJSIP username endpoint identifier"

    def offer(self) -> None:
        settings = self.server.require(PjsipSettings)
        identifiers = self.server.require(Distributor).identifiers
        self.withdrawals.append(identifiers.register("username", UsernameIdentifier(settings)))
        self.withdrawals.append(identifiers.register("auth_username", AuthUsernameIdentifier(settings)))


class ResPjsipEndpointIdentifierIp(SipModule):
    """Identification by ``type=identify``."""

    name = "res_pjsip_endpoint_identifier_ip"
    description = "PJSIP IP endpoint identifier"

    def check(self) -> None:
        self.check_type(Identify)

    def offer(self) -> None:
        server = self.server
        self.own_type(Identify)
        names = HostNames(server.reactor)
        sections = IdentifySections(lambda: server.sorcery.all(Identify), names.addresses)
        sections.refresh()
        self.withdrawals.append(server.sorcery.observe(Identify, loaded=sections.refresh))
        identifiers = server.require(Distributor).identifiers
        self.withdrawals.append(identifiers.register("ip", IpIdentifier(sections)))
        self.withdrawals.append(identifiers.register("header", HeaderIdentifier(sections)))
        self.withdrawals.append(identifiers.register("request_uri", RequestUriIdentifier(sections)))

    async def reload(self) -> None:
        self.server.sorcery.reload(Identify)


class ResPjsipEndpointIdentifierAnonymous(SipModule):
    """Identification as the endpoint ``anonymous``, where one is configured."""

    name = "res_pjsip_endpoint_identifier_anonymous"
    description = "PJSIP Anonymous endpoint identifier"

    def offer(self) -> None:
        identifier = AnonymousIdentifier(self.server.require(PjsipSettings))
        self.withdrawals.append(self.server.require(Distributor).identifiers.register("anonymous", identifier))


class ResPjsipAcl(SipModule):
    """Access lists for all requests."""

    name = "res_pjsip_acl"
    description = "PJSIP ACL Resource"

    def check(self) -> None:
        self.check_type(Acl)

    def offer(self) -> None:
        server = self.server
        self.own_type(Acl)
        access = GlobalAccess(server.sorcery, server.require(AccessControl), server.require(PjsipHost))
        self.withdrawals.append(server.sorcery.observe(Acl, loaded=access.refresh))
        self.withdrawals.append(access.stop)

    async def reload(self) -> None:
        self.server.sorcery.reload(Acl)


class ResPjsipRegistrar(SipModule):
    """REGISTER."""

    name = "res_pjsip_registrar"
    description = "PJSIP Registrar Support"

    def offer(self) -> None:
        server = self.server
        distributor = server.require(Distributor)
        registrar = Registrar(
            distributor,
            server.require(Location),
            server.require(PjsipSettings),
            server.clock,
            server.options.system_name,
        )
        self.withdrawals.append(distributor.register_method("REGISTER", registrar.on_register))
        self.withdrawals.append(server.require(PjsipHost).on_connection_lost(registrar.connection_lost))


MODULES: tuple[type[Module], ...] = (
    ResPjsip,
    ResPjsipAuthenticatorDigest,
    ResPjsipEndpointIdentifierUser,
    ResPjsipEndpointIdentifierIp,
    ResPjsipEndpointIdentifierAnonymous,
    ResPjsipAcl,
    ResPjsipRegistrar,
    ResPjsipOutboundRegistration,
    ResolverUnbound,
    ResPjsipLogger,
    ResPjsipMaintenance,
)

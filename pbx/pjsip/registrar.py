"""REGISTER (res_pjsip_registrar): reads the request, lets `registration.plan` decide, stores, answers."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.logs import verbose
from pbx.pjsip.digest import parse_authorizations
from pbx.pjsip.nat import ends_with_connection, restored
from pbx.pjsip.objects import Aor, Contact, DomainAlias
from pbx.pjsip.registration import Plan, Refused, Registration, granted, header_seconds, plan
from pbx.pjsip.uri import SipSyntaxError, SipUri, split_host_port
from pbx.pjsip.uri_compare import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.clock import Clock
    from pbx.pjsip.distributor import Distributor
    from pbx.pjsip.host import IncomingRequest, TransportInfo
    from pbx.pjsip.location import Location
    from pbx.pjsip.lookup import Lookup
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.settings import PjsipSettings

log = Logger()

MAX_VIA_HOST_CHARS = 255


def last_via(request: IncomingRequest) -> tuple[str, int]:
    """(host, port or 0) in the sent-by of the Via that the phone itself wrote."""
    values = request.headers.values("Via")
    if not values:
        return "", 0
    sent_by = values[-1].partition(";")[0].strip().rpartition(" ")[2]
    try:
        host, port = split_host_port(sent_by)
    except SipSyntaxError:
        return "", 0
    return host[:MAX_VIA_HOST_CHARS], port


def registration_of(request: IncomingRequest, endpoint: Endpoint, reg_server: str) -> Registration:
    """What the request says, as values."""
    headers = request.headers
    via_addr, via_port = last_via(request)
    return Registration(
        contacts=headers.values("Contact"),
        expires=headers.get("Expires"),
        call_id=request.call_id,
        cseq=request.cseq,
        source=request.source,
        protocol=request.transport.protocol,
        path=",".join(headers.get_all("Path")),
        path_supported="path" in {value.lower() for value in headers.values("Supported")},
        user_agent=headers.get("User-Agent") or "",
        via_addr=via_addr,
        via_port=via_port,
        endpoint=endpoint.id,
        reg_server=reg_server,
        rewrite_contact=endpoint.rewrite_contact,
    )


class Registrar:
    """Answers REGISTER. ``system_name`` is asterisk.conf's, stored as each contact's reg_server."""

    def __init__(
        self,
        distributor: Distributor,
        location: Location,
        settings: PjsipSettings,
        clock: Clock,
        system_name: str = "",
    ) -> None:
        self._distributor = distributor
        self._location = location
        self._settings = settings
        self._clock = clock
        self._system_name = system_name
        self._by_connection: dict[tuple[str, int], set[str]] = {}
        self._date = (0, "")

    def on_register(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        """Handle an authorised REGISTER. Raises Unfetched."""
        try:
            aor = self._aor(request, endpoint, self._distributor.lookup_of(request))
            registration = registration_of(request, endpoint, self._system_name)
            before = self._location.registered(aor.id)
            changes = plan(aor, before, registration, self._clock.now(), self._location.is_unavailable)
        except Refused as refusal:
            self._refuse(request, endpoint, refusal)
            return
        self._bind_to_connection(request, endpoint, changes)
        self._location.apply(changes.create, changes.update, changes.delete)
        self._log(aor, changes)
        headers = self._contact_headers([*self._location.static_contacts(aor), *changes.remaining])
        if header_seconds(registration.expires) is not None:
            headers.append(("Expires", str(granted(aor, None, registration.expires))))
        if aor.support_path and registration.path:
            headers += [("Path", registration.path), ("Supported", "path")]
        headers.append(("Date", self._date_text()))
        request.respond(200, headers=headers)

    def _refuse(self, request: IncomingRequest, endpoint: Endpoint, refusal: Refused) -> None:
        log.warn(
            "REGISTER of endpoint '{endpoint}' ({host}:{port}) is answered {code}: {why} (Call-ID {call_id})",
            endpoint=endpoint.id,
            host=request.source[0],
            port=request.source[1],
            code=refusal.code,
            why=str(refusal),
            call_id=request.call_id,
        )
        security = self._distributor.security
        if refusal.code == 404 or refusal.security_event.endswith("_permitted"):
            security.not_supported(request, endpoint.id, refusal.security_event)
        elif refusal.security_event:
            security.failed_acl(request, endpoint.id, refusal.security_event)
        request.respond(refusal.code, headers=refusal.headers, stateless=True)

    def _aor(self, request: IncomingRequest, endpoint: Endpoint, lookup: Lookup) -> Aor:
        """The address of record meant by To, or by the Authorization's user name. Raises Refused."""
        if not endpoint.aors:
            raise Refused(403, "it has no aors", security_event="registrar_attempt_without_configured_aors")
        uri = request.to.uri
        if not uri.is_sip:
            event = "registrar_invalid_uri_in_to_received"
            raise Refused(416, "To is no sip: or sips: URI", security_event=event)
        user = uri.user
        if self._settings.global_.ignore_uri_user_options:
            user = user.partition(";")[0]
        name = self._aor_name(user, uri.host, endpoint, lookup)
        if name is None and "auth_username" in endpoint.identify_by:
            for given in parse_authorizations(request.headers.get_all("Authorization")):
                name = self._aor_name(given.username, given.realm, endpoint, lookup)
                if name is not None:
                    break
        aor = lookup.get(Aor, name) if name is not None else None
        if aor is None:
            event = "registrar_requested_aor_not_found"
            raise Refused(404, f"AOR '{name or user}' not found", security_event=event)
        if not aor.max_contacts:
            event = "registrar_attempt_without_registration_permitted"
            raise Refused(403, f"AOR '{aor.id}' has no max_contacts", security_event=event)
        return aor

    @staticmethod
    def _aor_name(user: str, domain: str, endpoint: Endpoint, lookup: Lookup) -> str | None:
        """Of the endpoint's AORs the one called user@domain, user@(what the domain stands for), or user."""
        if f"{user}@{domain}" in endpoint.aors:
            return f"{user}@{domain}"
        alias = lookup.get(DomainAlias, domain) if domain else None
        if alias is not None and f"{user}@{alias.domain}" in endpoint.aors:
            return f"{user}@{alias.domain}"
        return user if user and user in endpoint.aors else None

    # Connections

    def _bind_to_connection(self, request: IncomingRequest, endpoint: Endpoint, changes: Plan) -> None:
        """Mark new contacts that end with the connection they came by, and remember them for `connection_lost`."""
        transport = request.transport
        if not transport.is_reliable:
            return
        for index, contact in enumerate(changes.create):
            uri = parsed(contact.uri)
            if ends_with_connection(uri, request.source, transport, rewrite=endpoint.rewrite_contact):
                marked = replace(contact, prune_on_boot=True)
                changes.create[index] = marked
                changes.remaining = [marked if each is contact else each for each in changes.remaining]
        bound = {c.id for c in (*changes.create, *changes.update) if c.prune_on_boot}
        if bound:
            self._by_connection.setdefault((transport.id, transport.connection), set()).update(bound)

    def connection_lost(self, transport: TransportInfo) -> None:
        """Remove the contacts that could be reached by that connection alone."""
        for contact_id in self._by_connection.pop((transport.id, transport.connection), ()):
            self._location.delete(contact_id)

    # Answers

    def _contact_headers(self, contacts: Iterable[Contact]) -> list[tuple[str, str]]:
        now = self._clock.now()
        headers: list[tuple[str, str]] = []
        for contact in contacts:
            text = contact.uri
            if "x-ast-orig-host" in text:
                text = self._restored_text(text)
            value = f"<{text}>"
            if contact.q != 1.0:
                value += f";q={contact.q:.3g}"
            if not contact.is_static:
                value += f";expires={max(0, int(contact.expiration_time - now + 0.999))}"
            headers.append(("Contact", value))
        return headers

    @staticmethod
    def _restored_text(text: str) -> str:
        try:
            uri: SipUri = restored(parsed(text))
        except SipSyntaxError:
            return text
        return str(uri)

    def _date_text(self) -> str:
        now = int(self._clock.now())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    @staticmethod
    def _log(aor: Aor, changes: Plan) -> None:
        for contact in changes.create:
            verbose(log, 3, "Added contact '{uri}' to AOR '{aor}'", uri=contact.uri, aor=aor.id)
        for contact in changes.delete:
            verbose(log, 3, "Removed contact '{uri}' from AOR '{aor}'", uri=contact.uri, aor=aor.id)

"""A call to an endpoint: from the dial string to the INVITE.

``PJSIP/[user@]endpoint[/aor or sip:uri]``: without a third part the first contact of the endpoint's addresses of
record that is not known to be unreachable; ``user`` takes the place of the user in the contact's URI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pbx.core.causes import Cause
from pbx.core.technology import RequestFailed
from pbx.errors import ObeliskError
from pbx.pjsip._native.invite_call import Call
from pbx.pjsip.caller_id import contact_user, from_header, identity_headers
from pbx.pjsip.headers import inheritable_headers
from pbx.pjsip.objects import Contact, Endpoint
from pbx.pjsip.resolver import literal
from pbx.pjsip.session.diversion import diversion_headers
from pbx.pjsip.session.options import contact_header, options_out
from pbx.pjsip.uri import SipSyntaxError, SipUri
from pbx.sorcery import NotLocal

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip._native.incoming import TransportInfo
    from pbx.pjsip._native.invite_session import InviteEvents, InviteSession
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.session.session import PjsipSession


#: Parameters of a URI that To cannot have.
_NOT_IN_TO = frozenset(("transport", "ttl", "maddr", "method", "lr"))


@dataclass(frozen=True, slots=True)
class DialString:
    """The parts of what stands behind ``PJSIP/``."""

    endpoint: str
    user: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """Where one call goes. ``target`` is the Request-URI, ``route`` the proxies before it."""

    sessions: Sessions
    endpoint: Endpoint
    target: str
    route: tuple[str, ...]
    transport: str
    #: Whether only that transport will do; else it names us, and name servers say which one is taken (RFC 3263 4.1).
    bound: bool = True
    #: The contact that is called and the address of record it is of; None for a URI.
    contact: Contact | None = None

    @property
    def next_hop(self) -> str:
        """The host the INVITE goes to first."""
        first = self.route[0].strip("<> ") if self.route else self.target
        return SipUri.parse(first).host

    @property
    def transport_info(self) -> TransportInfo | None:
        """The transport, while it is open."""
        return self.sessions.host.transport(self.transport)

    @property
    def to_header(self) -> str:
        """To of the INVITE: what can be no part of it is left out (RFC 3261 19.1.1, table 1), the port too."""
        return _to_header(self.target)

    def from_header(self, session: PjsipSession) -> str:
        """From of the INVITE of ``session``'s channel, as far as it is known."""
        sessions, endpoint = self.sessions, self.endpoint
        ours = sessions.host.local_host(self.transport, SipUri.parse(self.target).host)
        user = sessions.settings.global_.default_from_user
        return session.headers.with_uri_params(from_header(endpoint, session.channel.connected.id, ours, user))

    def send(self, session: PjsipSession, events: InviteEvents) -> InviteSession:
        """Make the INVITE of ``session``'s channel; what comes of it is told to ``events``.

        Raises ObeliskError (PjError, NoMediaPorts among them).
        """
        sessions, endpoint = self.sessions, self.endpoint
        channel = session.channel
        target = SipUri.parse(self.target)
        host, port = sessions.host.sent_by(self.transport, target.host)
        info = self.transport_info
        protocol = "udp" if info is None else info.protocol
        settings = sessions.settings.global_
        party = channel.connected.id
        ours = sessions.host.local_host(self.transport, target.host)
        headers = identity_headers(endpoint, party, ours)
        headers += diversion_headers(channel, endpoint, ours, response=False)
        headers += session.headers.added
        headers += inheritable_headers(channel)
        if self.sessions.replaces:
            headers += _transfer_headers(channel, headers)
        call = Call(
            target=self.target,
            from_header=self.from_header(session),
            to_header=self.to_header,
            contact=contact_header(host, port, protocol, user=contact_user(endpoint, party, settings)),
            offer=session.media.offer(),
            options=options_out(endpoint),
            headers=headers,
            from_params=session.headers.from_params,
            credentials=sessions.credentials(endpoint),
            route=self.route,
            rewrite_contact=endpoint.rewrite_contact,
            transport=self.transport if self.bound else "",
        )
        return sessions.host.invite.invite(call, events)


def _transfer_headers(channel: Channel, others: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a call to where a REFER led says of it, unless the dialplan has set the same header (res_pjsip_refer)."""
    there = {name.lower() for name, _ in others}
    found = (
        ("Replaces", channel.get_variable("SIPREPLACESHDR")),
        ("Referred-By", channel.get_variable("SIPREFERREDBYHDR")),
    )
    return [(name, value) for name, value in found if value and name.lower() not in there]


@lru_cache(maxsize=1024)
def _to_header(text: str) -> str:
    target = SipUri.parse(text)
    params = {name: value for name, value in target.params.items() if name not in _NOT_IN_TO}
    return f"<{replace(target, port=0, params=params, headers='')}>"


def parse_dial_string(text: str, sessions: Sessions) -> tuple[DialString, Endpoint]:
    """The parts and the endpoint they name. Raises RequestFailed."""
    name, _, location = text.partition("/")
    user = ""
    endpoint = _endpoint(name, sessions)
    if endpoint is None and "@" in name:
        user, _, name = name.rpartition("@")
        endpoint = _endpoint(name, sessions)
    if endpoint is None:
        raise RequestFailed(f"endpoint '{name}' was not found", Cause.CHANNEL_UNACCEPTABLE)
    return DialString(name, user, location), endpoint


def _endpoint(name: str, sessions: Sessions) -> Endpoint | None:
    try:
        return sessions.server.sorcery.get(Endpoint, name) if name else None
    except NotLocal as error:
        raise RequestFailed(str(error), Cause.NORMAL_TEMPORARY_FAILURE) from error


def resolve(dialled: DialString, endpoint: Endpoint, sessions: Sessions) -> OutgoingCall:
    """Where to send the call. Raises RequestFailed when nothing can be reached."""
    target, route, contact = _target(dialled, endpoint, sessions)
    try:
        uri = SipUri.parse(target)
    except SipSyntaxError as error:
        raise RequestFailed(str(error), Cause.NO_ROUTE_DESTINATION) from error
    if not uri.is_sip:
        raise RequestFailed(f"'{target}' is no SIP URI", Cause.NO_ROUTE_DESTINATION)
    if dialled.user:
        uri = replace(uri, user=dialled.user)
    if endpoint.user_eq_phone and uri.user.lstrip("+").isdecimal():
        uri = replace(uri, params={**uri.params, "user": "phone"})
    if uri.headers:  # they would become headers of our INVITE
        uri = replace(uri, headers="")
    protocol = (uri.param("transport") or ("tls" if uri.scheme == "sips" else "udp")).lower()
    try:
        transport = sessions.transport_towards(endpoint, protocol)
    except ObeliskError as error:
        raise RequestFailed(str(error), Cause.NO_ROUTE_DESTINATION) from error
    first = SipUri.parse(route[0].strip("<> ")) if route else uri
    bound = bool(endpoint.transport or first.param("transport") or first.port or literal(first.host))
    return OutgoingCall(sessions, endpoint, str(uri), route, transport, bound or first.scheme == "sips", contact)


def _target(dialled: DialString, endpoint: Endpoint, sessions: Sessions) -> tuple[str, tuple[str, ...], Contact | None]:
    proxy = _route(endpoint.outbound_proxy)
    location = dialled.location
    if location.lower().startswith(("sip:", "sips:")):
        return location, proxy, None
    try:
        if location:
            contacts = [c for aor in location.split(",") for c in sessions.location.contacts(aor.strip())]
            contacts = [contact for contact in contacts if not sessions.location.is_unavailable(contact)]
        else:
            contacts = sessions.location.reachable(endpoint)
    except NotLocal as error:
        raise RequestFailed(str(error), Cause.NORMAL_TEMPORARY_FAILURE) from error
    if not contacts:
        raise RequestFailed(f"endpoint '{endpoint.id}' has no contact to call", Cause.NO_ROUTE_DESTINATION)
    contact = contacts[0]
    path = tuple(part.strip() for part in contact.path.split(",") if part.strip())
    return contact.uri, proxy + path, contact


def transfer_uri(sessions: Sessions, target: str) -> str:
    """Where a transfer to ``target`` leads: an endpoint's first contact, or the SIP URI that it is; else empty."""
    try:
        endpoint = _endpoint(target, sessions)
        if endpoint is not None:
            contacts = sessions.location.reachable(endpoint)
            return contacts[0].uri if contacts else ""
        uri = SipUri.parse(target)
    except (RequestFailed, NotLocal, SipSyntaxError):
        return ""
    return str(uri) if uri.is_sip else ""


def dial_contacts(sessions: Sessions, endpoint_name: str, aor: str = "", user: str = "") -> str:
    """PJSIP_DIAL_CONTACTS: a dial string that rings every contact, ``PJSIP/alice/sip:a@h1&PJSIP/alice/sip:a@h2``.

    Raises RequestFailed for an unknown endpoint; empty when there is no contact.
    """
    endpoint = _endpoint(endpoint_name, sessions)
    if endpoint is None:
        raise RequestFailed(f"endpoint '{endpoint_name}' was not found", Cause.CHANNEL_UNACCEPTABLE)
    names = [name.strip() for name in aor.split(",") if name.strip()] or list(endpoint.aors)
    contacts = [contact for name in names for contact in sessions.location.contacts(name)]
    prefix = f"PJSIP/{user}@{endpoint_name}" if user else f"PJSIP/{endpoint_name}"
    return "&".join(f"{prefix}/{c.uri}" for c in contacts if not sessions.location.is_unavailable(c))


def _route(proxy: str) -> tuple[str, ...]:
    """An outbound_proxy as a Route value; without ``lr`` it would be a strict router (RFC 3261 16.12)."""
    if not proxy:
        return ()
    text = proxy.strip()
    if not text.startswith("<"):
        text = f"<{text}>"
    if ";lr" not in text.lower():
        text = text[:-1] + ";lr>" if text.endswith(">") else text
    return (text,)

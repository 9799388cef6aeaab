"""Whose request is it: the ways of identification in the order of ``endpoint_identifier_order``.

Each way is a module of its own (res_pjsip_endpoint_identifier_user, _ip, _anonymous) that registers one or more
`Identifier` under the names used in the configuration; ways that the order does not name come last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from pbx.pjsip.digest import parse_authorizations
from pbx.pjsip.objects import DomainAlias, Endpoint, Transport
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.lookup import Lookup
    from pbx.pjsip.settings import PjsipSettings

ANONYMOUS = "anonymous"
MAX_USER_CHARS = 255


class Identifier(Protocol):
    """One way of identification."""

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        """The endpoint that ``request`` belongs to, or None. Raises Unfetched."""


class Identifiers:
    """The ways that exist now, in the order in which they are tried."""

    def __init__(self, settings: PjsipSettings) -> None:
        self._settings = settings
        self._by_name: dict[str, Identifier] = {}
        self._order: tuple[str, ...] = ()
        self._sorted: list[tuple[str, Identifier]] = []

    def register(self, name: str, identifier: Identifier) -> Callable[[], None]:
        """Add a way; the result withdraws it. Raises ValueError when the name is taken."""
        if name in self._by_name:
            raise ValueError(f"endpoint identifier {name} is registered twice")
        self._by_name[name] = identifier
        self._sorted = []

        def withdraw() -> None:
            self._by_name.pop(name, None)
            self._sorted = []

        return withdraw

    def in_order(self) -> Sequence[tuple[str, Identifier]]:
        """(name, way) as they are tried."""
        order = self._settings.global_.endpoint_identifier_order
        if not self._sorted or order is not self._order:
            self._order = order
            place = {name: index for index, name in enumerate(order)}
            self._sorted = sorted(self._by_name.items(), key=lambda item: place.get(item[0], len(place)))
        return self._sorted

    def uses(self, name: str) -> bool:
        """Whether ``name`` is registered and named in the order."""
        return name in self._by_name and name in self._settings.global_.endpoint_identifier_order

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        """The endpoint by the first way that finds one."""
        for _, identifier in self.in_order():
            endpoint = identifier.identify(request, lookup)
            if endpoint is not None:
                return endpoint
        return None


def find_endpoint(
    user: str, domain: str, request: IncomingRequest, lookup: Lookup, *, multi_domain: bool
) -> Endpoint | None:
    """An endpoint called user@domain, by the domain's alias, by the transport's domain, or the user alone."""
    if multi_domain and domain:
        endpoint = lookup.get(Endpoint, f"{user}@{domain}")
        if endpoint is not None:
            return endpoint
        alias = lookup.get(DomainAlias, domain)
        if alias is not None:
            endpoint = lookup.get(Endpoint, f"{user}@{alias.domain}")
            if endpoint is not None:
                return endpoint
        transport = lookup.get(Transport, request.transport.id) if request.transport.id else None
        if transport is not None and transport.domain:
            endpoint = lookup.get(Endpoint, f"{user}@{transport.domain}")
            if endpoint is not None:
                return endpoint
    return lookup.get(Endpoint, user)


def _from_parts(request: IncomingRequest) -> tuple[str, str] | None:
    """User and host of From, None when it is no SIP URI."""
    try:
        uri = request.from_.uri
    except SipSyntaxError:
        return None
    if uri.scheme == "tel":
        return uri.user, ""
    return (uri.user, uri.host) if uri.is_sip else None


class UsernameIdentifier:
    """``username``: the user part of From is the endpoint's name."""

    def __init__(self, settings: PjsipSettings) -> None:
        self._settings = settings

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        parts = _from_parts(request)
        if parts is None or not parts[0] or len(parts[0]) > MAX_USER_CHARS:
            return None
        user, domain = parts
        settings = self._settings.global_
        if settings.ignore_uri_user_options:
            user = user.partition(";")[0]
        endpoint = find_endpoint(user, domain, request, lookup, multi_domain=not settings.disable_multi_domain)
        return endpoint if endpoint is not None and "username" in endpoint.identify_by else None


class AuthUsernameIdentifier:
    """``auth_username``: the user name of an Authorization header is the endpoint's name."""

    def __init__(self, settings: PjsipSettings) -> None:
        self._settings = settings

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        values = request.headers.get_all("Authorization")
        multi_domain = not self._settings.global_.disable_multi_domain
        for given in parse_authorizations(values) if values else ():
            if not given.username or len(given.username) > MAX_USER_CHARS:
                continue
            endpoint = find_endpoint(given.username, given.realm, request, lookup, multi_domain=multi_domain)
            if endpoint is not None and "auth_username" in endpoint.identify_by:
                return endpoint
        return None


class AnonymousIdentifier:
    """``anonymous``: an endpoint of that name, if somebody configured one, takes what nobody else did."""

    def __init__(self, settings: PjsipSettings) -> None:
        self._settings = settings

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        parts = _from_parts(request)
        if parts is None:
            return None
        multi_domain = not self._settings.global_.disable_multi_domain
        return find_endpoint(ANONYMOUS, parts[1], request, lookup, multi_domain=multi_domain)

"""``type=identify``: endpoints by the sender's address, by a header or by the request URI.

Addresses are compiled into one table when the configuration is read: a lookup costs one dictionary access, plus one
comparison for each network. Host names are resolved in the background, once per reload; until then they match nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from pbx.config.values import parse_address
from pbx.errors import ObeliskError
from pbx.pjsip.objects import Endpoint, Identify
from pbx.pjsip.objects.matching import pattern, pattern_matches

if TYPE_CHECKING:
    import re

    from pbx.config.values import IPAddress, IPNetwork
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.lookup import Lookup
    from pbx.pjsip.objects.matching import SourceMatch

log = Logger()

Resolve = Callable[[str, bool], Awaitable[Iterable[str]]]
"""(host, whether SRV records count) -> addresses; raises ObeliskError when the name cannot be resolved."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A word of ``match``, ready to be compared; ``port`` 0 is any."""

    where: IPNetwork | frozenset[IPAddress]
    port: int
    sense: bool

    def applies(self, address: IPAddress, port: int) -> bool:
        if self.port and self.port != port:
            return False
        if isinstance(self.where, frozenset):
            return address in self.where
        return self.where.version == address.version and address in self.where


class AddressTable:
    """Which endpoint a source address belongs to, in the order of the sections."""

    def __init__(self, identifies: Iterable[Identify], resolved: dict[tuple[str, bool], frozenset[IPAddress]]) -> None:
        self._known: dict[tuple[str, int], str | None] = {}
        self._rules: list[tuple[str, list[_Rule]]] = []
        for each in identifies:
            rules = [
                _Rule(
                    resolved.get((match.host, _srv(each, match)), frozenset())
                    if match.network is None
                    else match.network,
                    match.port,
                    not match.negated,
                )
                for match in each.match
            ]
            if rules:
                self._rules.append((each.endpoint, rules))
        #: Whether any word names a port: else one answer does for all ports of an address.
        self._ports = any(rule.port for _, rules in self._rules for rule in rules)

    MAX_REMEMBERED = 10_000
    """Addresses whose answer is kept; then the memory starts anew."""

    def endpoint_of(self, address: str, port: int) -> str | None:
        """The endpoint's name, or None. Of one section's words the last that matches decides."""
        if not self._rules:
            return None
        key = (address, port if self._ports else 0)
        if key in self._known:
            return self._known[key]
        try:
            parsed = parse_address(address)
        except ValueError:
            return None
        found = next((endpoint for endpoint, rules in self._rules if _matches(rules, parsed, port)), None)
        if len(self._known) >= self.MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = found
        return found


def _matches(rules: list[_Rule], address: IPAddress, port: int) -> bool:
    return next((rule.sense for rule in reversed(rules) if rule.applies(address, port)), False)


def _srv(section: Identify, match: SourceMatch) -> bool:
    """Whether SRV records count for a host name: with a port there is nothing left for them to say."""
    return section.srv_lookups and not match.port


class IdentifySections:
    """The ``identify`` sections, compiled. `refresh` after each change of the configuration."""

    def __init__(self, all_sections: Callable[[], list[Identify]], resolve: Resolve) -> None:
        self._all = all_sections
        self._resolve = resolve
        self._generation = 0
        self.sections: list[Identify] = []
        self.table = AddressTable((), {})
        self.headers: list[tuple[str, re.Pattern[str] | str, str]] = []
        self.uris: list[tuple[re.Pattern[str] | str, str]] = []

    def refresh(self) -> None:
        """Compile the sections; names are looked up in the background."""
        self._generation += 1
        self.sections = self._all()
        self.table = AddressTable(self.sections, {})
        self.headers = []
        self.uris = []
        for each in self.sections:
            if each.match_header:
                name, _, value = each.match_header.partition(":")
                self.headers.append((name.strip(), pattern(value.strip()), each.endpoint))
            if each.match_request_uri:
                self.uris.append((pattern(each.match_request_uri), each.endpoint))
        names = {(match.host, _srv(each, match)) for each in self.sections for match in each.match if match.host}
        if names:
            ensureDeferred(self._resolve_names(names, self._generation)).addErrback(
                lambda failure: log.failure("resolving the names of identify sections failed", failure)
            )

    async def _resolve_names(self, names: set[tuple[str, bool]], generation: int) -> None:
        resolved: dict[tuple[str, bool], frozenset[IPAddress]] = {}
        for host, srv in sorted(names):
            try:
                resolved[host, srv] = frozenset(parse_address(text) for text in await self._resolve(host, srv))
            except (ObeliskError, ValueError) as error:
                log.warn("identify: match={host} cannot be resolved: {error}", host=host, error=str(error))
        if generation == self._generation:
            self.table = AddressTable(self.sections, resolved)


def _endpoint(lookup: Lookup, name: str | None) -> Endpoint | None:
    if name is None:
        return None
    endpoint = lookup.get(Endpoint, name)
    if endpoint is None:
        log.warn("an identify section names endpoint '{name}', which does not exist", name=name)
    return endpoint


class IpIdentifier:
    """``ip``: by source address."""

    def __init__(self, sections: IdentifySections) -> None:
        self._sections = sections

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        return _endpoint(lookup, self._sections.table.endpoint_of(*request.source))


class HeaderIdentifier:
    """``header``: by the value of a header."""

    def __init__(self, sections: IdentifySections) -> None:
        self._sections = sections

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        for name, wanted, endpoint in self._sections.headers:
            if any(pattern_matches(wanted, value) for value in request.headers.get_all(name)):
                return _endpoint(lookup, endpoint)
        return None


class RequestUriIdentifier:
    """``request_uri``: by the request URI."""

    def __init__(self, sections: IdentifySections) -> None:
        self._sections = sections

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        for wanted, endpoint in self._sections.uris:
            if pattern_matches(wanted, request.request_uri):
                return _endpoint(lookup, endpoint)
        return None

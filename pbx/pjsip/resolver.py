"""Where a SIP URI's server is: RFC 3263 over asynchronous DNS. PJSIP's own resolver would block the reactor.

Order: an IP literal is itself; a name in the hosts file is its addresses there; then NAPTR, SRV, A and AAAA as the RFC
says. Answers are kept for their TTL, failures for a few seconds, and everything ends within `DEADLINE` seconds.
"""

from __future__ import annotations

import os
import random
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.names import client, dns, hosts
from twisted.names.error import DomainError, ResolverError
from twisted.python.failure import Failure

from pbx.errors import ObeliskError

log = Logger()

#: Seconds for a whole resolution; the caller then gets 503.
DEADLINE = 5.0
#: Seconds before each retry of one query.
QUERY_TIMEOUTS = (1, 2)
#: Seconds a failure is remembered, so that a dead name server costs one wait and not one per call.
FAILURE_SECONDS = 5.0
#: Bounds of what an answer is kept, whatever its TTL.
LEAST_TTL, MOST_TTL = 1.0, 86_400.0
#: Targets remembered.
MAX_CACHED = 4096
#: PJSIP_MAX_RESOLVED_ADDRESSES
MAX_ADDRESSES = 16
HOSTS_FILE = "/etc/hosts"
RESOLV_CONF = "/etc/resolv.conf"

#: What stands for a protocol where the addresses are for media: any family will do.
MEDIA = "media"
#: NAPTR services by protocol (RFC 3263 4.1, RFC 7118 for WebSocket is never resolved this way)
SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
SRV_PREFIX = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}


class ResolveError(ObeliskError):
    """A name has no usable server; the text says what was asked."""


@dataclass(frozen=True)
class Target:
    """What is looked for. ``protocol`` "" and ``port`` 0: not said by the URI."""

    host: str
    port: int = 0
    protocol: str = ""
    secure: bool = False


@dataclass(frozen=True)
class ServerAddress:
    """One address to try. ``host`` is an IP literal."""

    protocol: str
    host: str
    port: int
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True)
class NameServers:
    """Whom to ask: a resolv.conf and servers named here (address, port), and the hosts file; "" for none."""

    resolv: str = RESOLV_CONF
    hosts: str = HOSTS_FILE
    servers: tuple[tuple[str, int], ...] = ()


def literal(host: str) -> str | None:
    """``host`` without brackets if it is an IPv4 or IPv6 address, else None."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, bare)
        except (OSError, ValueError):
            continue
        return bare
    return None


class SipResolver:
    """Resolves targets. ``supported(protocol, family)`` says whether a transport for it is open."""

    def __init__(self, reactor: Any, supported: Callable[[str, int], bool], names: Any = None) -> None:
        """``reactor``: IReactorTime and IReactorUDP; ``names``: an IResolver, by default the system's name servers."""
        self._reactor = reactor
        self._supported: Callable[[str, int], bool] = lambda protocol, family: (
            protocol == MEDIA or supported(protocol, family)
        )
        self._names = names
        self._settings = NameServers()
        self._hosts = hosts.Resolver(HOSTS_FILE.encode())  # type: ignore[no-untyped-call]
        self._cache: OrderedDict[Target, tuple[float, list[ServerAddress] | ResolveError]] = OrderedDict()
        self._pending: dict[Target, list[Deferred[list[ServerAddress]]]] = {}

    def configure(self, settings: NameServers) -> None:
        """Ask these servers from now on, and forget what others said."""
        self._forget_servers()
        self._settings = settings
        self._hosts = hosts.Resolver((settings.hosts or os.devnull).encode())  # type: ignore[no-untyped-call]
        self._cache.clear()

    def close(self) -> None:
        """Forget everything; what is under way fails."""
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            for deferred in waiting:
                deferred.errback(ResolveError("the resolver is closing"))
        self._cache.clear()
        self._forget_servers()

    def _forget_servers(self) -> None:
        names, self._names = self._names, None
        periodic = getattr(names, "_parseCall", None)
        if periodic is not None and periodic.active():
            periodic.cancel()

    def immediate(self, target: Target) -> list[ServerAddress] | None:
        """The answer if it needs no waiting: an IP literal, or remembered; raises ResolveError if that is a failure."""
        address = literal(target.host)
        if address is not None:
            protocol = target.protocol or ("tls" if target.secure else "udp")
            return [ServerAddress(protocol, address, target.port or DEFAULT_PORT[protocol])]
        known = self._cache.get(target)
        if known is None:
            return None
        expires, answer = known
        if expires <= self._reactor.seconds():
            del self._cache[target]
            return None
        if isinstance(answer, ResolveError):
            raise answer
        return answer

    def known_address(self, host: str) -> str | None:
        """An address that ``host`` was lately found to have, or itself if it is one; None where nothing is known."""
        address = literal(host)
        if address is not None:
            return address
        for target, (expires, answer) in self._cache.items():
            if target.host == host and expires > self._reactor.seconds() and not isinstance(answer, ResolveError):
                return answer[0].host
        return None

    def resolve(self, target: Target) -> Deferred[list[ServerAddress]]:
        """Addresses in the order to try them; fails with ResolveError only."""
        result: Deferred[list[ServerAddress]] = Deferred()
        waiting = self._pending.get(target)
        if waiting is not None:
            waiting.append(result)
            return result
        self._pending[target] = [result]
        work = Deferred.fromCoroutine(self._look_up(target))
        work.addTimeout(DEADLINE, self._reactor)
        work.addCallbacks(self._found, self._failed, (target,), {}, (target,))
        work.addErrback(self._broken, target)
        return result

    def _found(self, answer: tuple[list[ServerAddress], float], target: Target) -> None:
        addresses, ttl = answer
        self._finish(target, addresses, min(max(ttl, LEAST_TTL), MOST_TTL))

    def _failed(self, failure: Failure, target: Target) -> None:
        error = failure.value
        if not isinstance(error, ResolveError):
            error = ResolveError(
                f"{target.host}: {'no such name' if isinstance(error, DomainError) else 'no answer in time'}"
            )
        self._finish(target, error, FAILURE_SECONDS)

    def _broken(self, failure: Failure, target: Target) -> None:
        log.failure("resolving {host}", failure, host=target.host)

    def _finish(self, target: Target, answer: list[ServerAddress] | ResolveError, seconds: float) -> None:
        waiting = self._pending.pop(target, None)
        if waiting is None:
            return  # closed meanwhile
        self._cache[target] = (self._reactor.seconds() + seconds, answer)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        for deferred in waiting:
            if isinstance(answer, ResolveError):
                deferred.errback(answer)
            else:
                deferred.callback(answer)

    # -- RFC 3263 ----------------------------------------------------------------------------------------------------

    async def _look_up(self, target: Target) -> tuple[list[ServerAddress], float]:
        default = target.protocol or ("tls" if target.secure else "udp")
        local = await self._from_hosts_file(target, default)
        if local:
            return local, 60.0
        if target.port:
            return await self._addresses(target.host, target.port, default, 0, 0)
        found: list[ServerAddress] = []
        ttl = MOST_TTL
        for protocol, name in await self._srv_names(target):
            more, more_ttl = await self._srv(protocol, name)
            if more:
                found += more
                ttl = min(ttl, more_ttl)
        if found:
            return found[:MAX_ADDRESSES], ttl
        return await self._addresses(target.host, DEFAULT_PORT[default], default, 0, 0)

    async def _from_hosts_file(self, target: Target, protocol: str) -> list[ServerAddress]:
        port = target.port or DEFAULT_PORT[protocol]
        found: list[ServerAddress] = []
        for family, look_up in (
            (socket.AF_INET, self._hosts.lookupAddress),
            (socket.AF_INET6, self._hosts.lookupIPV6Address),
        ):
            if not self._supported(protocol, family):
                continue
            try:
                answers, _, _ = await look_up(target.host)  # type: ignore[no-untyped-call]
            except (DomainError, OSError):
                continue
            found += [ServerAddress(protocol, record.payload.dottedQuad(), port) for record in answers if family == 2]
            found += [ServerAddress(protocol, _v6(record.payload), port) for record in answers if family != 2]
        return found

    async def _srv_names(self, target: Target) -> list[tuple[str, str]]:
        """(protocol, SRV name) in the order to try them (RFC 3263 4.1); without NAPTR records as Asterisk prefers."""
        wanted = [target.protocol] if target.protocol else ["tls"] if target.secure else ["tls", "tcp", "udp"]
        usable = [each for each in wanted if each in SRV_PREFIX and self._is_usable(each)]
        if not target.protocol:
            pointers = [
                record.payload
                for record in await self._query("lookupNamingAuthorityPointer", target.host)
                if record.type == dns.NAPTR
            ]
            chosen: list[tuple[str, str]] = []
            for pointer in sorted(pointers, key=lambda each: (each.order, each.preference)):
                service = pointer.service.string.decode("ascii", "replace").upper()
                protocol = SERVICES.get(service)
                name = str(pointer.replacement)
                if protocol in usable and name and pointer.flags.string.lower() == b"s":
                    chosen.append((str(protocol), name))
            if chosen:
                return chosen
        return [(protocol, SRV_PREFIX[protocol] + target.host) for protocol in usable]

    async def _srv(self, protocol: str, name: str) -> tuple[list[ServerAddress], float]:
        records = [record for record in await self._query("lookupService", name) if record.type == dns.SRV]
        if not records or (len(records) == 1 and str(records[0].payload.target) in ("", ".")):
            return [], MOST_TTL
        ttl = min(float(record.ttl) for record in records)
        found: list[ServerAddress] = []
        for record in _by_weight([record.payload for record in records]):
            try:
                addresses, address_ttl = await self._addresses(
                    str(record.target), record.port, protocol, record.priority, record.weight
                )
            except ResolveError:
                continue
            found += addresses
            ttl = min(ttl, address_ttl)
            if len(found) >= MAX_ADDRESSES:
                break
        return found[:MAX_ADDRESSES], ttl

    async def _addresses(
        self, host: str, port: int, protocol: str, priority: int, weight: int
    ) -> tuple[list[ServerAddress], float]:
        asked = []
        if self._supported(protocol, socket.AF_INET):
            asked.append(self._ask("lookupAddress", host))
        if self._supported(protocol, socket.AF_INET6):
            asked.append(self._ask("lookupIPV6Address", host))
        if not asked:
            raise ResolveError(f"{host}: there is no {protocol} transport")
        found: list[ServerAddress] = []
        ttl = MOST_TTL
        for records in await gatherResults(asked, consumeErrors=True):
            for record in records:
                if record.type == dns.A:
                    address = record.payload.dottedQuad()
                elif record.type == dns.AAAA:
                    address = _v6(record.payload)
                else:
                    continue
                found.append(ServerAddress(protocol, address, port, priority, weight))
                ttl = min(ttl, float(record.ttl))
        if not found:
            raise ResolveError(f"{host} has no address")
        return found[:MAX_ADDRESSES], ttl

    def _is_usable(self, protocol: str) -> bool:
        return self._supported(protocol, socket.AF_INET) or self._supported(protocol, socket.AF_INET6)

    def _ask(self, method: str, name: str) -> Deferred[list[Any]]:
        return Deferred.fromCoroutine(self._query(method, name))

    async def _query(self, method: str, name: str) -> list[Any]:
        """The answer section; [] for a name or record that does not exist. DNS failures pass through."""
        if self._names is None:
            settings = self._settings
            if not settings.resolv and not settings.servers:
                return []
            self._names = client.Resolver(  # type: ignore[no-untyped-call]
                settings.resolv or None, list(settings.servers), QUERY_TIMEOUTS, self._reactor
            )
        try:
            answers, _, _ = await getattr(self._names, method)(name, QUERY_TIMEOUTS)
        except (DomainError, ResolverError):
            return []
        return list(answers)


def _v6(payload: Any) -> str:
    return socket.inet_ntop(socket.AF_INET6, payload.address)


def _by_weight(records: Iterable[Any]) -> list[Any]:
    """SRV records in the order of RFC 2782: by priority, within one at random by weight."""
    ordered: list[Any] = []
    groups: dict[int, list[Any]] = {}
    for record in records:
        groups.setdefault(record.priority, []).append(record)
    for priority in sorted(groups):
        group = groups[priority]
        while group:
            total = sum(record.weight for record in group)
            point = random.randint(0, total)
            for record in sorted(group, key=lambda each: bool(each.weight)):
                point -= record.weight
                if point <= 0:
                    ordered.append(record)
                    group.remove(record)
                    break
    return ordered

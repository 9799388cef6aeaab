"""Host names to addresses for ``identify``: addresses by the system's resolver, SRV by DNS; nothing blocks."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferTimeout
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.names import client, dns
from twisted.names.error import DNSServerError, DomainError, ResolverError
from zope.interface import implementer

from pbx.errors import ObeliskError

SRV_PREFIXES = ("_sip._udp", "_sip._tcp", "_sips._tcp")
SRV_TIMEOUTS_SECONDS = (2, 3)
MAX_SRV_TARGETS = 16
MAX_ADDRESSES = 256


@implementer(IResolutionReceiver)
class _Addresses:
    """Collects what the system's resolver finds."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803 - zope's names
        """Nothing to do yet."""

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        host = getattr(address, "host", "")
        if host and len(self.found) < MAX_ADDRESSES:
            self.found.append(host)

    def resolutionComplete(self) -> None:  # noqa: N802
        self.done.callback(self.found)


class HostNames:
    """Resolves names on ``reactor``."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._dns: Any = None

    async def addresses(self, host: str, srv: bool) -> set[str]:
        """The addresses of ``host``, and of its SIP services' targets when ``srv``. Raises ObeliskError for none."""
        found = set(await self._host(host))
        if srv and not _is_local(host):
            for prefix in SRV_PREFIXES:
                for target in await self._targets(f"{prefix}.{host}"):
                    found.update(await self._host(target))
        if not found:
            raise ObeliskError("the name has no address")
        return found

    async def _host(self, host: str) -> list[str]:
        receiver = _Addresses()
        self._reactor.nameResolver.resolveHostName(receiver, host)
        return await receiver.done

    async def _targets(self, service: str) -> list[str]:
        if self._dns is None:
            self._dns = client.createResolver()  # type: ignore[no-untyped-call]
        try:
            answers, _, _ = await self._dns.lookupService(service, timeout=SRV_TIMEOUTS_SECONDS)
        except (DomainError, ResolverError, DNSServerError, DeferTimeout, OSError):
            return []
        return [
            str(answer.payload.target.name, "ascii", "replace")
            for answer in answers
            if answer.type == dns.SRV and answer.payload is not None
        ][:MAX_SRV_TARGETS]


def _is_local(host: str) -> bool:
    """Names without a dot have no SRV records anywhere."""
    return "." not in host

"""resolver_unbound.conf: SIP asks the name server that stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer
from twisted.names import dns, server
from twisted.names.common import ResolverBase

from pbx.errors import ConfigError
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.resolver import ResolveError, Target
from pbx.testing.sip_half import PJSIP_CONF, SipHalf

ensure = pytest_twisted.ensureDeferred


class Zone(ResolverBase):
    """Answers A and SRV of one name."""

    def _lookup(self, name: bytes, cls: int, kind: int, timeout: object) -> defer.Deferred[Any]:
        name = name.lower()
        if name == b"pbx.example.com" and kind == dns.A:
            record: Any = dns.RRHeader(name, dns.A, payload=dns.Record_A("127.0.0.9", ttl=60))  # type: ignore[no-untyped-call]
        elif name == b"_sip._udp.example.com" and kind == dns.SRV:
            record = dns.RRHeader(name, dns.SRV, payload=dns.Record_SRV(0, 0, 5066, b"pbx.example.com", ttl=60))  # type: ignore[no-untyped-call]
        else:
            return defer.succeed(([], [], []))
        return defer.succeed(([record], [], []))


@pytest.fixture
def name_server() -> Iterator[int]:
    """The UDP port of a name server."""
    from twisted.internet import reactor

    factory = server.DNSServerFactory(clients=[Zone()])  # type: ignore[no-untyped-call]
    protocol = dns.DNSDatagramProtocol(factory)  # type: ignore[no-untyped-call]
    port = reactor.listenUDP(0, protocol, interface="127.0.0.1")  # type: ignore[attr-defined]
    yield port.getHost().port
    pytest_twisted.blockon(defer.maybeDeferred(port.stopListening))


@pytest.fixture
def half(tmp_path: Path) -> Iterator[SipHalf]:
    from twisted.internet import reactor

    made = SipHalf(tmp_path, PJSIP_CONF, reactor)
    yield made
    pytest_twisted.blockon(defer.ensureDeferred(made.stop()))


@ensure
async def test_addresses_and_services_come_from_there(half: SipHalf, name_server: int) -> None:
    half.write("resolver_unbound.conf", f"[general]\nnameserver = 127.0.0.1@{name_server}\nresolv =\nhosts =\n")
    await half.start()
    resolver = half.server.require(PjsipHost).resolver
    (address,) = await resolver.resolve(Target("pbx.example.com", 5061))
    assert (address.host, address.port) == ("127.0.0.9", 5061)
    (service,) = await resolver.resolve(Target("example.com", protocol="udp"))
    assert (service.host, service.port) == ("127.0.0.9", 5066)


@ensure
async def test_without_any_server_no_name_is_found(half: SipHalf) -> None:
    half.write("resolver_unbound.conf", "[general]\nresolv =\nhosts =\n")
    await half.start()
    with pytest.raises(ResolveError):
        await half.server.require(PjsipHost).resolver.resolve(Target("localhost"))


@ensure
async def test_a_wrong_server_is_told_with_its_line(half: SipHalf) -> None:
    await half.start()
    half.write("resolver_unbound.conf", "[general]\nnameserver = dns.example.com\n")
    half.server.config.forget()
    module = half.server.modules.find("res_resolver_unbound")
    assert module is not None
    assert module.instance is not None
    with pytest.raises(ConfigError, match=r"resolver_unbound\.conf:2: .*nameserver"):
        module.instance.check()

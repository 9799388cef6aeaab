"""RFC 3263 over an in-memory zone and a clock turned by hand."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSQueryTimeoutError

from pbx.pjsip.resolver import DEADLINE, FAILURE_SECONDS, ResolveError, ServerAddress, SipResolver, Target

#: Twisted's record classes have no types.
RECORDS: Any = dns


class Zone:
    """Name servers that know ``records``: (name, record) pairs."""

    def __init__(self, records: Iterable[tuple[str, Any]] = (), ttl: int = 60) -> None:
        self.records = list(records)
        self.ttl = ttl
        self.asked: list[str] = []
        self.silent = False
        self.failure: Exception | None = None

    def _answer(self, name: str, kind: int) -> Deferred[Any]:
        self.asked.append(f"{dns.QUERY_TYPES.get(kind, kind)} {name}")
        if self.silent:
            return Deferred()
        if self.failure is not None:
            return fail(self.failure)
        found = [
            dns.RRHeader(owner, record.TYPE, ttl=self.ttl, payload=record)
            for owner, record in self.records
            if owner == name and kind == record.TYPE
        ]
        return succeed((found, [], [])) if found else fail(DNSNameError(name))

    def lookupAddress(self, name: str, timeout: object = None) -> Deferred[Any]:
        return self._answer(name, dns.A)

    def lookupIPV6Address(self, name: str, timeout: object = None) -> Deferred[Any]:  # noqa: N802  # Twisted's name
        return self._answer(name, dns.AAAA)

    def lookupService(self, name: str, timeout: object = None) -> Deferred[Any]:
        return self._answer(name, dns.SRV)

    def lookupNamingAuthorityPointer(self, name: str, timeout: object = None) -> Deferred[Any]:  # noqa: N802  # as above
        return self._answer(name, dns.NAPTR)


def resolver(zone: Zone, *protocols: str, six: bool = False) -> tuple[SipResolver, Clock]:
    clock = Clock()
    open_ones = protocols or ("udp", "tcp")
    return (
        SipResolver(
            clock, lambda protocol, family: protocol in open_ones and (six or family == socket.AF_INET), names=zone
        ),
        clock,
    )


def found(resolution: Deferred[list[ServerAddress]]) -> list[ServerAddress]:
    results: list[Any] = []
    resolution.addBoth(results.append)
    assert results, "nothing yet"
    if not isinstance(results[0], list):
        results[0].raiseException()
    return list(results[0])


def test_literals_need_no_asking() -> None:
    zone = Zone()
    sip, _ = resolver(zone)
    assert sip.immediate(Target("192.0.2.1")) == [ServerAddress("udp", "192.0.2.1", 5060)]
    assert sip.immediate(Target("[2001:db8::1]", 5080, "tcp")) == [ServerAddress("tcp", "2001:db8::1", 5080)]
    assert sip.immediate(Target("192.0.2.1", secure=True)) == [ServerAddress("tls", "192.0.2.1", 5061)]
    assert sip.immediate(Target("example.com")) is None
    assert zone.asked == []


def test_a_port_means_addresses_only() -> None:
    zone = Zone([("example.com", RECORDS.Record_A("192.0.2.7"))])
    sip, _ = resolver(zone)
    assert found(sip.resolve(Target("example.com", 5080))) == [ServerAddress("udp", "192.0.2.7", 5080)]
    assert zone.asked == ["A example.com"]


def test_naptr_then_srv_then_addresses() -> None:
    zone = Zone(
        [
            ("example.com", RECORDS.Record_NAPTR(50, 50, b"s", b"SIPS+D2T", b"", b"_sips._tcp.example.com")),
            ("example.com", RECORDS.Record_NAPTR(90, 50, b"s", b"SIP+D2T", b"", b"_sip._tcp.example.com")),
            ("example.com", RECORDS.Record_NAPTR(100, 50, b"s", b"SIP+D2U", b"", b"_sip._udp.example.com")),
            ("_sip._tcp.example.com", RECORDS.Record_SRV(2, 0, 5070, b"second.example.com")),
            ("_sip._tcp.example.com", RECORDS.Record_SRV(1, 0, 5071, b"first.example.com")),
            ("first.example.com", RECORDS.Record_A("192.0.2.1")),
            ("second.example.com", RECORDS.Record_A("192.0.2.2")),
        ]
    )
    sip, _ = resolver(zone)
    assert [(each.protocol, each.host, each.port) for each in found(sip.resolve(Target("example.com")))] == [
        ("tcp", "192.0.2.1", 5071),
        ("tcp", "192.0.2.2", 5070),
    ]


def test_srv_without_naptr_and_a_given_protocol() -> None:
    zone = Zone(
        [
            ("_sip._tcp.example.com", RECORDS.Record_SRV(1, 0, 5071, b"h.example.com")),
            ("h.example.com", RECORDS.Record_A("192.0.2.1")),
        ]
    )
    sip, _ = resolver(zone)
    assert found(sip.resolve(Target("example.com", protocol="tcp")))[0].port == 5071
    assert "NAPTR example.com" not in zone.asked


def test_without_naptr_tcp_comes_first_and_udp_is_what_is_left() -> None:
    zone = Zone(
        [
            ("_sip._udp.example.com", RECORDS.Record_SRV(0, 0, 5060, b"h.example.com")),
            ("_sip._tcp.example.com", RECORDS.Record_SRV(1, 0, 5071, b"h.example.com")),
            ("h.example.com", RECORDS.Record_A("192.0.2.9")),
        ]
    )
    tried, _ = resolver(zone)
    addresses = found(tried.resolve(Target("example.com")))
    assert [(each.protocol, each.port) for each in addresses] == [("tcp", 5071), ("udp", 5060)]
    only_udp, _ = resolver(zone, "udp")
    assert [each.protocol for each in found(only_udp.resolve(Target("example.com")))] == ["udp"]


def test_no_srv_means_the_default_port() -> None:
    zone = Zone([("example.com", RECORDS.Record_A("192.0.2.7")), ("example.com", RECORDS.Record_AAAA("2001:db8::7"))])
    sip, _ = resolver(zone, six=True)
    assert found(sip.resolve(Target("example.com"))) == [
        ServerAddress("udp", "192.0.2.7", 5060),
        ServerAddress("udp", "2001:db8::7", 5060),
    ]
    four, _ = resolver(zone)
    assert len(found(four.resolve(Target("example.com")))) == 1


def test_answers_are_kept_for_their_ttl() -> None:
    zone = Zone([("example.com", RECORDS.Record_A("192.0.2.7"))], ttl=30)
    sip, clock = resolver(zone)
    target = Target("example.com", 5060)
    found(sip.resolve(target))
    clock.advance(29)
    assert sip.immediate(target) == [ServerAddress("udp", "192.0.2.7", 5060)]
    clock.advance(2)
    assert sip.immediate(target) is None


def test_a_name_that_does_not_exist() -> None:
    sip, clock = resolver(Zone())
    target = Target("nowhere.example.com")
    with pytest.raises(ResolveError, match=r"nowhere\.example\.com"):
        found(sip.resolve(target))
    with pytest.raises(ResolveError):
        sip.immediate(target)
    clock.advance(FAILURE_SECONDS + 1)
    assert sip.immediate(target) is None


def test_silent_servers_end_at_the_deadline() -> None:
    zone = Zone()
    zone.silent = True
    sip, clock = resolver(zone)
    first, second = sip.resolve(Target("example.com")), sip.resolve(Target("example.com"))
    assert len(zone.asked) == 1
    clock.advance(DEADLINE + 0.1)
    for resolution in (first, second):
        with pytest.raises(ResolveError, match="no answer"):
            found(resolution)


def test_a_timeout_of_one_query_fails_the_whole() -> None:
    zone = Zone()
    zone.failure = DNSQueryTimeoutError(1)  # type: ignore[no-untyped-call]
    sip, _ = resolver(zone)
    with pytest.raises(ResolveError, match="no answer"):
        found(sip.resolve(Target("example.com", 5060)))


def test_closing_fails_what_waits() -> None:
    zone = Zone()
    zone.silent = True
    sip, clock = resolver(zone)
    waiting = sip.resolve(Target("example.com"))
    sip.close()
    with pytest.raises(ResolveError, match="closing"):
        found(waiting)
    clock.advance(DEADLINE + 1)


def test_hosts_file_names_are_local() -> None:
    zone = Zone()
    sip, _ = resolver(zone)
    assert found(sip.resolve(Target("localhost")))[0].host.startswith("127.")
    assert zone.asked == []

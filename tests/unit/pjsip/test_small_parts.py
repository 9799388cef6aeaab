"""Timers, suspects, contact rewriting, address tables, security event fields."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pbx.errors import ObeliskError
from pbx.pjsip.host import TransportInfo
from pbx.pjsip.identify_ip import IdentifySections
from pbx.pjsip.nat import ends_with_connection, restored, rewritten
from pbx.pjsip.objects import Identify
from pbx.pjsip.objects.matching import parse_source
from pbx.pjsip.suspects import MAX_SUSPECTS, Suspects
from pbx.pjsip.timer_heap import TimerHeap
from pbx.pjsip.uri import SipUri
from pbx.security_events import SECURITY_EVENTS, FailedACL, SecurityAddress
from pbx.testing.clock import FakeClock


def test_deadlines_come_in_order_and_can_move() -> None:
    clock = FakeClock()
    due: list[tuple[float, str]] = []
    heap = TimerHeap(clock, lambda key: due.append((clock.monotonic(), key)))
    for key, at in (("a", 30), ("b", 10), ("c", 20)):
        heap.set(key, at)
    heap.set("a", 5)
    heap.set("c", 40)
    heap.discard("b")
    assert len(heap) == 2
    clock.pump([1] * 45)
    assert due == [(5, "a"), (40, "c")]
    assert not clock.task_clock.getDelayedCalls()


def test_one_timer_serves_thousands_and_old_entries_do_not_pile_up() -> None:
    clock = FakeClock()
    heap = TimerHeap(clock, lambda key: None)
    for round_ in range(20):
        for number in range(1000):
            heap.set(str(number), 1000 + round_ + number)
    assert len(clock.task_clock.getDelayedCalls()) == 1
    assert len(heap._heap) <= 2001
    heap.clear()
    assert not clock.task_clock.getDelayedCalls()


def test_a_key_may_be_set_again_while_it_comes_due() -> None:
    clock = FakeClock()
    times: list[float] = []

    def due(key: str) -> None:
        times.append(clock.monotonic())
        heap.set(key, clock.monotonic() + 2)

    heap = TimerHeap(clock, due)
    heap.set("x", 1)
    clock.pump([1] * 6)
    assert times == [1, 3, 5]


def test_suspects_are_bounded_and_forgotten() -> None:
    suspects = Suspects()
    for number in range(MAX_SUSPECTS + 5):
        suspects.record(f"10.0.{number >> 8}.{number & 255}", 1.0, 30.0)
    assert len(suspects) == MAX_SUSPECTS
    assert suspects.record("192.0.2.1", 2.0, 30.0).count == 1
    assert suspects.record("192.0.2.1", 3.0, 30.0).count == 2
    assert suspects.record("192.0.2.1", 40.0, 30.0).count == 1
    assert len(suspects) == 1
    suspects.clear("192.0.2.1")
    assert suspects.rows() == []


def test_rewriting_and_back() -> None:
    uri = SipUri.parse("sip:a@phone.example:5070;transport=udp;ob")
    there = rewritten(uri, ("192.0.2.1", 40000), "wss")
    assert str(there) == "sip:a@192.0.2.1:40000;ob;x-ast-orig-host=phone.example:5070;transport=ws"
    assert restored(there).host == "phone.example"
    assert restored(there).port == 5070
    assert rewritten(uri, ("phone.example", 5070), "udp") is uri
    assert restored(uri) is uri
    broken = SipUri.parse("sip:a@h;x-ast-orig-host=b:xx")
    assert restored(broken) is broken


def test_contacts_that_end_with_their_connection() -> None:
    tcp = TransportInfo("t", "tcp", "127.0.0.1", 5060, 3)
    uri = SipUri.parse("sip:a@192.0.2.1:40000;transport=tcp")
    assert ends_with_connection(uri, ("192.0.2.1", 40000), tcp, rewrite=True)
    assert not ends_with_connection(uri, ("192.0.2.1", 40000), tcp, rewrite=False)
    assert not ends_with_connection(uri, ("192.0.2.1", 40001), tcp, rewrite=True)
    ws = SipUri.parse("sip:a@192.0.2.1:40000;transport=ws")
    assert ends_with_connection(ws, ("192.0.2.1", 40000), TransportInfo("w", "wss", "h", 1, 4), rewrite=False)
    assert not ends_with_connection(uri, ("192.0.2.1", 40000), TransportInfo("u", "udp", "h", 1), rewrite=True)


def test_addresses_names_and_exclusions() -> None:
    asked: list[tuple[str, bool]] = []

    async def resolve(host: str, srv: bool) -> Iterable[str]:
        asked.append((host, srv))
        if host == "gone.example":
            raise ObeliskError("no address")
        return ["198.51.100.7", "2001:db8::7"]

    names = ("sbc.example", "gone.example")
    words = ("192.0.2.0/24", "!192.0.2.9", "2001:db8:1::/48")
    sections = [
        Identify("one", endpoint="trunk", match=tuple(map(parse_source, words))),
        Identify("two", endpoint="named", match=tuple(map(parse_source, names)), srv_lookups=False),
        Identify("three", endpoint="late", match=(parse_source("192.0.2.9"),)),
    ]  # fmt: skip
    compiled = IdentifySections(lambda: sections, resolve)
    compiled.refresh()
    found = {
        address: compiled.table.endpoint_of(address, 5060)
        for address in ("192.0.2.1", "192.0.2.9", "2001:db8:1::5", "198.51.100.7", "2001:db8::7", "203.0.113.1", "junk")
    }
    assert found == {
        "192.0.2.1": "trunk", "192.0.2.9": "late", "2001:db8:1::5": "trunk", "198.51.100.7": "named",
        "2001:db8::7": "named", "203.0.113.1": None, "junk": None,
    }  # fmt: skip
    assert asked == [("gone.example", False), ("sbc.example", False)]


def test_a_match_may_name_a_port() -> None:
    async def unasked(host: str, srv: bool) -> Iterable[str]:
        raise AssertionError(host)

    sections = [
        Identify("one", endpoint="a", match=(parse_source("192.0.2.1:5061"), parse_source("[2001:db8::1]:5061"))),
        Identify("two", endpoint="b", match=(parse_source("192.0.2.0:5062/24"),)),
        Identify("three", endpoint="c", match=(parse_source("192.0.2.0/24"), parse_source("!192.0.2.9:5060"))),
    ]
    compiled = IdentifySections(lambda: sections, unasked)
    compiled.refresh()
    sources = (
        ("192.0.2.1", 5061),
        ("192.0.2.1", 5062),
        ("192.0.2.1", 5063),
        ("192.0.2.9", 5060),
        ("192.0.2.9", 5061),
        ("2001:db8::1", 5061),
        ("2001:db8::1", 5060),
    )
    found = [compiled.table.endpoint_of(*source) for source in sources]
    assert found == ["a", "b", "c", None, "c", "a", None]
    assert [str(match) for match in sections[0].match] == [
        "192.0.2.1:5061/255.255.255.255",
        "[2001:db8::1]:5061/128",
    ]


@pytest.mark.parametrize("text", ["192.0.2.1:0", "192.0.2.1:99999", "a:b", "192.0.2.0:5060/99"])
def test_a_match_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="neither an address"):
        parse_source(text)


def test_security_events_show_what_the_manager_lists() -> None:
    here = SecurityAddress("udp", "127.0.0.1", 5060)
    there = SecurityAddress("tls", "2001:db8::1", 5061)
    event = FailedACL(
        time=0.25,
        service="PJSIP",
        account_id="alice",
        session_id="c",
        local=here,
        remote=there,
        acl_name="x",
        module="m",
    )
    fields = dict(event.fields())
    assert [*fields][:8] == [
        "EventTV", "Severity", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress", "RemoteAddress",
    ]  # fmt: skip
    assert fields["LocalAddress"] == "IPV4/UDP/127.0.0.1/5060"
    assert fields["RemoteAddress"] == "IPV6/TLS/2001:db8::1/5061"
    assert fields["ACLName"] == "x"
    assert ".250" in fields["EventTV"]


@pytest.mark.parametrize("kind", SECURITY_EVENTS)
def test_names_of_security_events_are_their_classes(kind: type) -> None:
    assert kind.name == kind.__name__  # type: ignore[attr-defined]

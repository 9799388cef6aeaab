"""``pjsip set logger``: messages in the log, by host and method, and nothing when off."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent, globalLogPublisher

from pbx.pjsip.host import IncomingRequest, PjsipHost, Priority, TransportSettings
from pbx.pjsip.trace import SipTrace


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    def observe(event: Any) -> None:
        if event.get("log_namespace") == "pbx.pjsip.trace":
            lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield lines
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]


def answer(each: IncomingRequest) -> bool:
    each.respond(200)
    return True


async def exchange(host: PjsipHost, number: int, method: str = "OPTIONS") -> None:
    info = host.transport("udp") or await host.listen(TransportSettings("udp"))
    raw = (
        f"{method} sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKt{number}\r\n"
        f"From: <sip:a@h>;tag=1\r\nTo: <sip:x@h>\r\nCall-ID: t{number}\r\nCSeq: 1 {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()

    def talk() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(5.0)
            udp.sendto(raw, ("127.0.0.1", info.port))
            return udp.recv(65_536)

    assert (await deferToThread(talk)).startswith(b"SIP/2.0 200")


@pytest_twisted.ensureDeferred
async def test_both_directions_whole(host: PjsipHost, logged: list[str]) -> None:
    host.on_request(Priority.APPLICATION, answer)
    trace = SipTrace(host)
    await exchange(host, 1)
    assert logged == []
    trace.everything()
    await exchange(host, 2)
    received, sent = logged
    assert received.startswith("<--- Received SIP request (")
    assert " from UDP:127.0.0.1:" in received
    assert "OPTIONS sip:x@h SIP/2.0\r\nVia:" in received
    assert sent.startswith("<--- Transmitting SIP response (")
    assert "SIP/2.0 200 OK\r\n" in sent
    trace.off()
    await exchange(host, 3)
    assert len(logged) == 2
    assert host.ingress.on_received is None
    assert host.table.on_sent is None


@pytest_twisted.ensureDeferred
async def test_by_host_and_method(host: PjsipHost, logged: list[str]) -> None:
    host.on_request(Priority.APPLICATION, answer)
    trace = SipTrace(host)
    assert trace.host("192.0.2.0/24") == "192.0.2.0/24"
    await exchange(host, 4)
    assert logged == []
    assert trace.host("127.0.0.1", more=True) == "127.0.0.1"
    await exchange(host, 5)
    assert len(logged) == 2
    assert trace.method("invite") == ["INVITE"]
    await exchange(host, 6)
    assert len(logged) == 2
    assert trace.method("OPTIONS", more=True) == ["INVITE", "OPTIONS"]
    await exchange(host, 7)
    assert len(logged) == 4
    trace.verbose(False)
    await exchange(host, 8)
    assert len(logged) == 4
    with pytest.raises(ValueError, match="does not appear"):
        trace.host("no address")
    with pytest.raises(ValueError, match="FROB"):
        trace.method("frob")

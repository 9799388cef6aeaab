"""Marked packets (tos, cos, tos_audio, cos_audio) and TCP keepalive, as the far end and the kernel see them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.sockets import mark_traffic

#: CS3 and EF, as the byte of the IP header.
CS3, EF = 0x60, 0xB8

MARKED = """
tos_audio = ef
cos_audio = 5

[udp](+)
tos = cs3
cos = 3

[tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:0
tos = cs3
tcp_keepalive_enable = yes
tcp_keepalive_idle_time = 7
tcp_keepalive_interval_time = 3
tcp_keepalive_probe_count = 2
"""


class Watcher:
    """A UDP socket that is told the type of service of what it gets."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.seen: list[tuple[bytes, int]] = []

    def look(self) -> bool:
        """Whether something has come."""
        try:
            while True:
                data, extra, _, _ = self.socket.recvmsg(2048, 256)
                tos = next(value[0] for _, kind, value in extra if kind == socket.IP_TOS)
                self.seen.append((data, tos))
        except BlockingIOError:
            return bool(self.seen)


@pytest.fixture
def watchers() -> Any:
    made = Watcher(), Watcher()
    yield made
    for watcher in made:
        watcher.socket.close()


@pytest.mark.parametrize(("options", "sip", "rtp"), [(MARKED, CS3, EF), ("", 0, 0)])
@ensureDeferred
async def test_packets(exchange: Any, phone: Any, sdp: Any, watchers: Any, sip: int, rtp: int) -> None:
    signalling, media = watchers
    signalling.socket.sendto(
        f"OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{signalling.port};branch=z9hG4bKm;rport\r\n"
        "From: <sip:1@127.0.0.1>;tag=m\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: marked\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
        ("127.0.0.1", exchange.port),
    )
    await exchange.until(signalling.look, "an answer to OPTIONS")
    assert {tos for _, tos in signalling.seen} == {sip}
    await phone.established("101", sdp(port=media.port))
    await exchange.until(media.look, "RTP")
    assert {tos for _, tos in media.seen} == {rtp}
    phone.request("BYE")
    await phone.response(200, "BYE")


@pytest.mark.parametrize("options", [MARKED])
@ensureDeferred
async def test_connection(exchange: Any) -> None:
    info = exchange.host.transport("tcp")
    caller = socket.create_connection((info.host, info.port))
    try:
        streams = exchange.host._listeners["tcp"]._streams
        await exchange.until(lambda: len(streams) == 1, "a connection")
        handle = next(iter(streams)).transport.getHandle()
        assert handle.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == CS3
        kept = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [handle.getsockopt(socket.IPPROTO_TCP, option) for option in kept] == [7, 3, 2]
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    finally:
        caller.close()
    await exchange.until(lambda: not streams, "no connection")


def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        mark_traffic(sock, EF, 5)
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == EF
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 5

"""Mistakes of ours that PJSIP answers with an assertion: the host refuses them, and goes on."""

from __future__ import annotations

import socket

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pbx.errors import ObeliskError
from pbx.pjsip._native.core import MAX_MODULES, PJSIP_MODULES
from pbx.pjsip.host import IncomingRequest, PjsipHost, Priority, Reply, TransportSettings

ACK = (
    b"ACK sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: ack\r\n"
    b"CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
)


async def options(host: PjsipHost, port: int) -> int:
    """The host's answer to its own OPTIONS."""
    done: Deferred[Reply] = Deferred()
    target = f"sip:x@127.0.0.1:{port}"
    host.send_request("OPTIONS", target, from_uri="sip:a@127.0.0.1", on_response=done.callback)
    return (await done).code


def ok(request: IncomingRequest) -> bool:
    request.respond(200)
    return True


@pytest_twisted.ensureDeferred
async def test_one_module_too_many(host: PjsipHost) -> None:
    """PJSIP has 32 places and eight modules of its own; it asserts that there is a place, and that names differ."""
    port = (await host.listen(TransportSettings("udp"))).port
    host.on_request(Priority.APPLICATION, ok, "OPTIONS")
    core = host.core
    free = MAX_MODULES - PJSIP_MODULES - len(core._modules)
    assert 10 < free < 24
    for number in range(free):
        core.register_module(b"mod-test-%d" % number, 60)
    with pytest.raises(ObeliskError, match="24 places for modules of ours: no mod-straw"):
        core.register_module(b"mod-straw", 60)
    with pytest.raises(ObeliskError, match="there is a PJSIP module mod-test-0 already"):
        core.register_module(b"mod-test-0", 60)
    assert await options(host, port) == 200


@pytest_twisted.ensureDeferred
async def test_a_heap_without_timers_is_not_asked_for_the_earliest(host: PjsipHost) -> None:
    port = (await host.listen(TransportSettings("udp"))).port
    host.on_request(Priority.APPLICATION, ok, "OPTIONS")
    core = host.core
    heap = core.lib.pjsip_endpt_get_timer_heap(core.endpt)
    assert core.lib.pj_timer_heap_count(heap) == 0, "nothing has been sent yet"
    with core.entered():
        pass
    assert await options(host, port) == 200


@pytest_twisted.ensureDeferred
async def test_nobody_answers_an_ack(host: PjsipHost) -> None:
    port = (await host.listen(TransportSettings("udp"))).port
    refused: list[str] = []

    def answer(request: IncomingRequest) -> bool:
        request.hold()
        try:
            request.respond(200)
        except ValueError as error:
            refused.append(str(error))
        request.try_respond(500)
        return True

    host.on_request(Priority.APPLICATION, answer, "ACK")
    host.on_request(Priority.APPLICATION, ok, "OPTIONS")
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(ACK, ("127.0.0.1", port))
        assert await options(host, port) == 200
    assert refused == ["an ACK is never answered"]

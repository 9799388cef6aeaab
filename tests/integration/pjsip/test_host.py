"""What the host does for those who stand on it: answers, requests, hooks, connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from pbx.cli.process import set_limits
from pbx.errors import ObeliskError
from pbx.pjsip.host import IncomingRequest, PjError, PjsipHost, Priority, Reply, TransportSettings
from pbx.sockets import FIRST_HIGH


def request(method: str, number: int, *extra: str, port: int = 5062, protocol: str = "UDP") -> bytes:
    lines = [
        f"{method} sip:x@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{protocol} 127.0.0.1:{port};rport;branch=z9hG4bK{number}",
        "Max-Forwards: 70",
        "From: <sip:a@127.0.0.1>;tag=1",
        "To: <sip:x@127.0.0.1>",
        f"Call-ID: call-{number}",
        f"CSeq: 1 {method}",
        *extra,
        "Content-Length: 0",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def answering(
    code: int = 200, reason: str | None = None, *, into: list[IncomingRequest] | None = None
) -> Callable[[IncomingRequest], bool]:
    """A hook that answers, and notes in ``into`` what it saw."""

    def answer(each: IncomingRequest) -> bool:
        if into is not None:
            into.append(each)
        each.respond(code, reason)
        return True

    return answer


class Client:
    """A UDP socket whose waiting leaves the reactor free."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.settimeout(5.0)
        self._socket.connect(("127.0.0.1", port))

    def send(self, raw: bytes) -> None:
        self._socket.send(raw)

    async def receive(self) -> str:
        data: bytes = await deferToThread(self._socket.recv, 65_536)
        return data.decode()

    async def ask(self, raw: bytes) -> str:
        self.send(raw)
        return await self.receive()

    def silent(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(65_536)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(5.0)
        return False

    def close(self) -> None:
        self._socket.close()


async def pause(seconds: float) -> None:
    from twisted.internet import reactor

    await deferLater(reactor, seconds)


async def client_of(host: PjsipHost) -> Client:
    return Client((await host.listen(TransportSettings("udp"))).port)


def ask(host: PjsipHost, uri: str, **more: Any) -> Deferred[Reply]:
    answer: Deferred[Reply] = Deferred()
    host.send_request("OPTIONS", uri, from_uri="<sip:me@127.0.0.1>", on_response=answer.callback, **more)
    return answer


@pytest_twisted.ensureDeferred
async def test_an_answer_with_headers_and_body(host: PjsipHost) -> None:
    client = await client_of(host)

    def answer(each: IncomingRequest) -> bool:
        each.respond(200, "Fine", [("X-A", "b")], b"hello", "text/plain")
        return True

    host.on_request(Priority.APPLICATION, answer)
    said = await client.ask(request("OPTIONS", 1))
    assert said.startswith("SIP/2.0 200 Fine\r\n")
    assert "\r\nX-A: b\r\n" in said
    assert "\r\nServer: Obelisk/test\r\n" in said
    assert "\r\nContent-Type: text/plain\r\n" in said
    assert said.endswith("\r\n\r\nhello")
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_retransmission_gets_the_same_answer_from_the_transaction(host: PjsipHost) -> None:
    client = await client_of(host)
    seen: list[IncomingRequest] = []
    host.on_request(Priority.APPLICATION, answering(into=seen))
    first = await client.ask(request("OPTIONS", 2))
    assert await client.ask(request("OPTIONS", 2)) == first
    assert [each.method for each in seen] == ["OPTIONS"]
    client.close()


@pytest.mark.parametrize(
    ("method", "extra", "status"),
    [("FROB", [], "501"), ("MESSAGE", [], "405"), ("BYE", [], "405"), ("CANCEL", [], "481")],
)
@pytest_twisted.ensureDeferred
async def test_what_nobody_takes(host: PjsipHost, method: str, extra: list[str], status: str) -> None:
    client = await client_of(host)
    host.allow = lambda: "INVITE, BYE"
    answer = await client.ask(request(method, 3, *extra))
    assert answer.split(" ")[1] == status
    assert ("Allow: INVITE, BYE" in answer) == (status == "405")
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_request_of_an_unknown_dialog(host: PjsipHost) -> None:
    client = await client_of(host)
    raw = request("INFO", 4).replace(b"To: <sip:x@127.0.0.1>", b"To: <sip:x@127.0.0.1>;tag=9")
    assert (await client.ask(raw)).startswith("SIP/2.0 481 ")
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_broken_hook_answers_500(host: PjsipHost) -> None:
    client = await client_of(host)

    def broken(each: IncomingRequest) -> bool:
        raise LookupError(each.method)

    host.on_request(Priority.APPLICATION, broken)
    assert (await client.ask(request("OPTIONS", 5))).startswith("SIP/2.0 500 ")
    client.close()


@pytest_twisted.ensureDeferred
async def test_hooks_come_in_order_of_priority_and_leave(host: PjsipHost) -> None:
    client = await client_of(host)
    seen: list[str] = []

    def first(each: IncomingRequest) -> bool:
        seen.append("transport")
        return False

    def second(each: IncomingRequest) -> bool:
        seen.append("application")
        each.respond(200)
        return True

    host.on_request(Priority.APPLICATION, second)
    unhook = host.on_request(Priority.TRANSPORT, first)
    await client.ask(request("OPTIONS", 6))
    unhook()
    await client.ask(request("OPTIONS", 7))
    assert seen == ["transport", "application", "application"]
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_held_request_is_answered_later(host: PjsipHost) -> None:
    client = await client_of(host)
    held: list[IncomingRequest] = []

    def hold(each: IncomingRequest) -> bool:
        each.hold()
        held.append(each)
        return True

    host.on_request(Priority.APPLICATION, hold)
    client.send(request("OPTIONS", 8))
    client.send(request("OPTIONS", 8))
    await pause(0.1)
    assert len(held) == 1
    assert not held[0].is_live
    held[0].respond(200, body=b"z" * 9000)
    answer = await client.receive()
    assert answer.startswith("SIP/2.0 200 OK")
    assert answer.endswith("z" * 9000)
    with pytest.raises(ValueError, match="answered already"):
        held[0].respond(200)
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_postponed_request_comes_again_with_its_context(host: PjsipHost) -> None:
    client = await client_of(host)
    seen: list[IncomingRequest] = []

    def handle(each: IncomingRequest) -> bool:
        seen.append(each)
        if each.context is None:
            each.postpone()
        else:
            each.respond(200, str(each.context))
        return True

    host.on_request(Priority.APPLICATION, handle)
    client.send(request("MESSAGE", 9))
    client.send(request("MESSAGE", 9))
    await pause(0.1)
    assert len(seen) == 1
    assert client.silent()
    assert host.inject(seen[0], context="later")
    assert (await client.receive()).startswith("SIP/2.0 200 later")
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_header_cannot_break_out_of_its_line(host: PjsipHost) -> None:
    client = await client_of(host)
    errors: list[str] = []

    def handle(each: IncomingRequest) -> bool:
        try:
            each.respond(200, headers=[("X", "a\r\nY: b")])
        except ValueError as error:
            errors.append(str(error))
            each.respond(403)
        return True

    host.on_request(Priority.APPLICATION, handle)
    assert (await client.ask(request("OPTIONS", 10))).startswith("SIP/2.0 403 ")
    assert "line break" in errors[0]
    client.close()


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest_twisted.ensureDeferred
async def test_requests_of_ours_are_answered(host: PjsipHost, protocol: str, address: str) -> None:
    try:
        info = await host.listen(TransportSettings("one", protocol, address))
    except OSError:
        pytest.skip(f"no {address} here")
    seen: list[IncomingRequest] = []
    host.on_request(Priority.APPLICATION, answering(202, "Yes", into=seen))
    where = f"[{address}]" if ":" in address else address
    reply = await ask(
        host,
        f"sip:x@{where}:{info.port};transport={protocol}",
        headers=[("X-Mine", "1")],
        body=b"b" * 6000,
        content_type="text/plain",
        transport="one",
    )
    assert (reply.code, reply.reason, reply.error) == (202, "Yes", None)
    assert seen[0].headers.get("X-Mine") == "1"
    assert seen[0].headers.get("User-Agent") == "Obelisk/test"
    assert seen[0].body == b"b" * 6000
    assert seen[0].transport.id == "one"
    assert (seen[0].transport.connection > 0) == (protocol == "tcp")


@pytest_twisted.ensureDeferred
async def test_a_route_is_the_next_hop(host: PjsipHost) -> None:
    info = await host.listen(TransportSettings("udp"))
    seen: list[IncomingRequest] = []
    host.on_request(Priority.APPLICATION, answering(into=seen))
    reply = await ask(host, "sip:far@example.invalid", route=[f"sip:127.0.0.1:{info.port};lr"])
    assert reply.code == 200
    assert [each.request_uri for each in seen] == ["sip:far@example.invalid"]


@pytest_twisted.ensureDeferred
async def test_failures_of_requests_are_told_once(host: PjsipHost) -> None:
    await host.listen(TransportSettings("udp"))
    await host.listen(TransportSettings("tcp", "tcp"))
    refused = await ask(host, "sip:x@127.0.0.1:1;transport=tcp")
    assert (refused.code, refused.message) == (503, None)
    assert "refused" in (refused.error or "")
    assert (await ask(host, "sip:x@127.0.0.1:1", timeout=0.2)).code == 408
    assert (await ask(host, "tel:+123")).code == 503
    with pytest.raises(PjError):
        ask(host, "not a uri")
    with pytest.raises(ObeliskError, match="no transport"):
        ask(host, "sip:x@127.0.0.1", transport="gone")


@pytest_twisted.ensureDeferred
async def test_connections_use_high_descriptors_and_answer_pings(host: PjsipHost) -> None:
    set_limits(0, dump_core=False)
    info = await host.listen(TransportSettings("tcp", "tcp"))
    host.on_request(Priority.APPLICATION, answering())

    def talk() -> tuple[bytes, bytes]:
        with socket.create_connection(("127.0.0.1", info.port), 5.0) as stream:
            stream.sendall(b"\r\n\r\n")
            pong = stream.recv(100)
            raw = request("OPTIONS", 20, protocol="TCP")
            for byte in raw:
                stream.sendall(bytes([byte]))
            return pong, stream.recv(65_536)

    pong, answer = await deferToThread(talk)
    assert pong == b"\r\n"
    assert answer.startswith(b"SIP/2.0 200 OK")
    descriptors: list[int] = []

    def note(each: IncomingRequest) -> bool:
        descriptors.extend(_descriptors(host))
        return False

    host.on_request(Priority.TRANSPORT, note)
    await deferToThread(talk)
    assert descriptors
    assert min(descriptors) >= FIRST_HIGH


def _descriptors(host: PjsipHost) -> list[int]:
    listener: Any = host._listeners["tcp"]
    return [stream.transport.fileno() for stream in listener._streams]


@pytest_twisted.ensureDeferred
async def test_too_many_connections_of_one_source_are_closed(host: PjsipHost) -> None:
    info = await host.listen(TransportSettings("tcp", "tcp", max_connections_per_source=2))

    def connect() -> list[bytes]:
        streams = [socket.create_connection(("127.0.0.1", info.port), 5.0) for _ in range(3)]
        for stream in streams:
            stream.sendall(b"\r\n\r\n")
        answers = []
        for stream in streams:
            try:
                answers.append(stream.recv(10))
            except ConnectionResetError:
                answers.append(b"")
            stream.close()
        return answers

    assert await deferToThread(connect) == [b"\r\n", b"\r\n", b""]
    await pause(0.1)
    assert await deferToThread(connect) == [b"\r\n", b"\r\n", b""]


@pytest_twisted.ensureDeferred
async def test_a_stream_that_is_no_sip_is_closed(host: PjsipHost) -> None:
    info = await host.listen(TransportSettings("tcp", "tcp"))

    def talk(raw: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", info.port), 5.0) as stream:
            stream.sendall(raw)
            parts = []
            while part := stream.recv(65_536):
                parts.append(part)
            return b"".join(parts)

    assert await deferToThread(talk, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    raw = request("OPTIONS", 21, protocol="TCP").replace(b"Content-Length: 0", b"Content-Length: x")
    assert (await deferToThread(talk, raw)).startswith(b"SIP/2.0 400 Bad Request")


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_after_a_stop() -> None:
    from twisted.internet import reactor

    for _ in range(2):
        host = PjsipHost(reactor)
        await host.start()
        await host.listen(TransportSettings("udp"))
        info = await host.listen(TransportSettings("tcp", "tcp"))
        host.on_request(Priority.APPLICATION, answering())
        assert (await ask(host, f"sip:x@127.0.0.1:{info.port};transport=tcp")).code == 200
        with pytest.raises(ObeliskError, match="already running"):
            await PjsipHost(reactor).start()
        await host.stop()
        await host.stop()
        assert host.table.count == 0
        assert host.transports() == []


@pytest_twisted.ensureDeferred
async def test_listening_twice_by_one_name_is_refused(host: PjsipHost) -> None:
    info = await host.listen(TransportSettings("a"))
    with pytest.raises(ObeliskError, match="already"):
        await host.listen(TransportSettings("a"))
    with pytest.raises(OSError, match="in use"):
        await host.listen(TransportSettings("b", port=info.port))
    with pytest.raises(ObeliskError, match="carrier pigeon"):
        await host.listen(TransportSettings("c", "carrier pigeon"))
    assert [each.id for each in host.transports()] == ["a"]

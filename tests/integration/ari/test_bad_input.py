"""What breaks the protocol or a bound is answered and harms nobody."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pbx.testing.ari import AriClient, AriEvents, HandshakeRefused
from pbx.testing.server import LiveServer

Connect = Callable[..., Awaitable[AriClient]]
Listen = Callable[..., Awaitable[AriEvents]]
AUTHORIZATION = b"Authorization: Basic " + base64.b64encode(b"ari:sesame-ari") + b"\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
        (b"FETCH /ari/channels HTTP/1.1\r\n\r\n", 501),
        (b"GET /ari/a b HTTP/1.1\r\n\r\n", 400),
        (b"GET /ari/a\x00b HTTP/1.1\r\n\r\n", 400),
        (b"GET /ari/channels HTTP/1.1\r\nNa me: x\r\n\r\n", 400),
        (b"GET /ari/channels HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST /ari/x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /ari/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /ari/x HTTP/1.1\r\nContent-Length: 40961\r\n\r\n", 413),
        (b"POST /ari/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na001\r\n" + b"x" * 0xA001 + b"\r\n0\r\n\r\n", 413),
        (b"GET /ari/" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /ari/channels HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET /ari/channels HTTP/1.1\r\nX: " + b"y" * 40000, 431),
    ],
)
async def test_requests_that_are_none(ari: AriClient, data: bytes, status: int) -> None:
    ari.connection.send(data)
    reply = await ari.connection.reply()
    assert reply.status == status
    assert reply.headers["connection"] == "close"
    assert reply.message
    await _closed(ari)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"{" * 5000,
        b'{"variable":{"a":1}}',
        b'{"variable":"a","value":["b"]}',
        b'{"variable":"nul\\u0000"}',
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
async def test_bodies_that_are_none(ari: AriClient, body: bytes) -> None:
    reply = await ari.post("/asterisk/variable", body=body, headers={"Content-Type": "application/json"})
    assert reply.status == 400
    assert reply.message
    assert (await ari.get("/asterisk/ping")).status == 200


async def test_a_body_of_41_kb_and_one_that_just_fits(ari: AriClient, connect: Connect) -> None:
    fits = b'{"variable":"BIG","value":"' + b"x" * (40960 - 29) + b'"}'
    assert len(fits) == 40960
    headers = {"Content-Type": "application/json"}
    assert (await ari.post("/asterisk/variable", body=fits, headers=headers)).status == 204
    assert (await ari.post("/asterisk/variable", body=fits + b" ", headers=headers)).status == 413
    assert (await (await connect()).get("/asterisk/ping")).status == 200


async def test_line_breaks_in_values(ari: AriClient) -> None:
    value = "one\r\nX-Injected: yes\r\n\r\ntwo"
    assert (await ari.post("/asterisk/variable", variable="LINES", value=value)).status == 204
    reply = await ari.get("/asterisk/variable", variable="LINES")
    assert reply.json["value"] == value
    assert "x-injected" not in reply.headers
    assert (await ari.post("/asterisk/variable", variable="LINES", value="nul\0")).status == 400


async def test_more_fields_than_there_are_parameters(ari: AriClient) -> None:
    assert (await ari.get("/asterisk/ping?" + "&".join(f"a{n}={n}" for n in range(300)))).status == 400
    assert (await ari.get("/asterisk/ping?unknown=1&&=&%zz=%")).status == 200


async def test_pipelined_requests_are_answered_in_order(ari: AriClient) -> None:
    batch = b"".join(ari.bytes_of("GET", "/asterisk/ping" if n % 2 else "/deviceStates/" + str(n)) for n in range(60))
    ari.connection.send(batch)
    for n in range(60):
        reply = await ari.connection.reply()
        assert ("ping" in reply.json) if n % 2 else (reply.json["name"] == str(n))


async def test_a_request_in_single_bytes(ari: AriClient, server: LiveServer) -> None:
    for byte in ari.bytes_of("GET", "/asterisk/ping"):
        ari.connection.send(bytes((byte,)))
        if byte in b"\r:":
            await server.sleep(0.001)
    assert (await ari.connection.reply()).status == 200


async def test_http_1_0_and_close(ari: AriClient) -> None:
    ari.connection.send(b"GET /ari/asterisk/ping HTTP/1.0\r\n" + AUTHORIZATION + b"\r\n")
    reply = await ari.connection.reply()
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    await _closed(ari)


async def test_an_upgrade_to_something_else_is_passed_over(ari: AriClient) -> None:
    request = ari.bytes_of("GET", "/asterisk/ping", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
    ari.connection.send(request + request)
    assert [(await ari.connection.reply()).status for _ in range(2)] == [200, 200]


async def _closed(client: AriClient) -> None:
    connection = client.connection
    await connection.changes.until(lambda: connection.closed, 8.0, lambda: "the server did not close")


async def test_slow_and_idle_clients_are_let_go(connect: Connect) -> None:
    slow, idle, silent = await connect(), await connect(), await connect()
    slow.connection.send(b"GET /ari/asterisk/ping HTTP/1.1\r\nX-Slow")
    assert (await idle.get("/asterisk/ping")).status == 200
    assert (await slow.connection.reply(6.0)).status == 408
    for client in (idle, silent):
        await _closed(client)


async def test_too_many_connections(connect: Connect) -> None:
    clients = [await connect() for _ in range(60)]
    refused = [await each.connection.reply() for each in clients[50:]]
    assert {each.status for each in refused} == {503}
    assert (await clients[0].get("/asterisk/ping")).status == 200
    for each in clients:
        await each.close()


async def test_a_flood_of_wrong_logins(connect: Connect, server: LiveServer) -> None:
    wrong = await connect("ari", "guess")
    wrong.connection.send(wrong.bytes_of("GET", "/channels") * 200)
    assert {(await wrong.connection.reply()).status for _ in range(200)} == {401}
    right = await connect()
    assert (await right.get("/asterisk/ping")).status == 200
    assert "guess" not in server.log_text()


@pytest.mark.parametrize(
    ("app", "headers", "status"),
    [
        ("x", {"Sec-WebSocket-Protocol": "chat"}, 400),
        ("x", {"Sec-WebSocket-Version": "12"}, 400),
        ("x", {"Sec-WebSocket-Key": "short"}, 400),
        ("x", {"Upgrade": "other"}, 426),
        ("", {}, 400),
        (" , ,", {}, 400),
        ("x" * 200, {}, 400),
    ],
)
async def test_handshakes_that_are_refused(listen: Listen, app: str, headers: Any, status: int) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        await listen(app, headers=headers)
    assert refused.value.reply.status == status
    if "protocol" in str(headers).lower() or "version" in str(headers).lower():
        assert refused.value.reply.headers["sec-websocket-version"] == "7, 8, 13"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\xc1\x85\0\0\0\0hello", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # an unknown opcode
        (b"\x82\x81\0\0\0\0x", 1003),  # binary
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),  # no UTF-8
        (b"\x81\xff\x00\x00\x00\x00\x00\x04\x00\x00\0\0\0\0" + b"x" * 0x40000, 1009),
    ],
)
async def test_frames_that_are_none(listen: Listen, frame: bytes, code: int) -> None:
    socket = await listen("bad-frames")
    socket.send_frame(frame)
    await socket.wait_closed()
    assert socket.close_code == code


async def test_a_socket_that_vanishes(listen: Listen, ari: AriClient) -> None:
    socket = await listen("vanishing")
    transport: Any = socket.connection.transport
    transport.abortConnection()
    await socket.wait_closed()
    for _ in range(100):
        if (await ari.get("/applications/vanishing")).status == 404:
            break
    assert (await ari.get("/applications/vanishing")).status == 404

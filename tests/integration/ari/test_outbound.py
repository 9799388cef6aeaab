"""Sockets that the exchange opens: kept connected, or opened for a call. The other end is played by the test."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import ssl
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from pbx.testing._waiting import PATIENCE_SECONDS, Changes
from pbx.testing.server import LiveServer

HTTP_CONF = "[general]\nenabled = yes\nbindaddr = @host@\n"
ARI_CONF = """
[general]
enabled = no

[writer]
type = user
password = sesame-local

[reader]
type = user
read_only = yes
password = sesame-local

[kept]
type = outbound_websocket
websocket_client_id = steady
apps = one,two
local_ari_user = writer

[wanted]
type = outbound_websocket
websocket_client_id = calls
apps = percall
local_ari_user = reader

[nobody]
type = outbound_websocket
websocket_client_id = silent
apps = alone
local_ari_user = writer
"""
CLIENT_CONF = """
[server](!)
type = websocket_client
uri = ws://127.0.0.1:{port}/steady?x=1
protocols = ari
username = exchange
password = sesame-remote
connection_timeout = 15000
reconnect_interval = 200

[steady](server)

[calls](server)
uri = ws://127.0.0.1:{port}/calls
connection_type = per_call_config

[silent](server)
uri = ws://127.0.0.1:1/
connection_type = per_call_config
reconnect_attempts = 2
reconnect_interval = 50
"""
EXTENSIONS = """
extensions = { internal = {
    ["100"] = function() app.Answer() app.Wait(30) end,
    ["101"] = function() app.Stasis("one", "a") end,
    ["102"] = function()
        app.Stasis("percall", "a", "b")
        app.UserEvent("After", "Status: " .. channel.STASISSTATUS:get())
        channel.GLOBAL("after"):set(channel.STASISSTATUS:get())
    end,
    ["103"] = function() app.Stasis("alone") channel.GLOBAL("alone"):set(channel.STASISSTATUS:get()) app.Wait(30) end,
} }
"""


class Peer(Protocol):
    """One connection of the exchange's."""

    def __init__(self, applications: Applications) -> None:
        self._applications = applications
        self._connection = WSConnection(ConnectionType.SERVER)
        self.request: Request | None = None
        self.messages: list[dict[str, Any]] = []
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, Request):
                self.request = event
                answer = RejectConnection(status_code=403) if self._applications.refuse else AcceptConnection("ari")
                transport.write(self._connection.send(answer))
                self._applications.peers.append(self)
            elif isinstance(event, TextMessage):
                self.messages.append(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                transport.write(self._connection.send(event.response()))
                transport.loseConnection()
        self._applications.changes.changed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True
        self._applications.changes.changed()

    def ask(self, method: str, uri: str, request_id: str) -> None:
        message = {"type": "RESTRequest", "method": method, "uri": uri, "request_id": request_id}
        transport: Any = self.transport
        transport.write(self._connection.send(TextMessage(data=json.dumps(message))))

    def drop(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class Applications(Factory):
    """The server that the exchange connects to."""

    noisy = False

    def __init__(self, reactor: Any) -> None:
        self.peers: list[Peer] = []
        self.refuse = False
        self.changes = Changes(reactor)
        self.port = 0

    def buildProtocol(self, addr: object) -> Peer:
        return Peer(self)

    async def until(self, find: Callable[[], Any], what: Callable[[], str]) -> Any:
        """What ``find`` gives, once it gives something."""
        await self.changes.until(lambda: bool(find()), PATIENCE_SECONDS, what)
        return find()

    async def peer(self, target: str) -> Peer:
        """The newest open connection to ``target``."""

        def find() -> Peer | None:
            found = [p for p in self.peers if not p.closed and p.request is not None and p.request.target == target]
            return found[-1] if found else None

        peer: Peer = await self.until(find, lambda: f"no connection to {target}")
        return peer

    async def message(self, peer: Peer, kind: str, number: int = 1, **wanted: str) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            found = [m for m in peer.messages if m["type"] == kind and all(m.get(k) == v for k, v in wanted.items())]
            return found[number - 1] if len(found) >= number else None

        message: dict[str, Any] = await self.until(
            find, lambda: f"no {kind} {wanted} but {[m['type'] for m in peer.messages]}"
        )
        return message


@pytest_twisted.async_yield_fixture(scope="module")
async def applications() -> AsyncIterator[Applications]:
    from twisted.internet import reactor as any_reactor

    reactor: Any = any_reactor
    factory = Applications(reactor)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    factory.port = port.getHost().port
    yield factory
    await port.stopListening()


@pytest_twisted.async_yield_fixture(scope="module")
async def server(applications: Applications) -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    files = {
        "http.conf": HTTP_CONF,
        "ari.conf": ARI_CONF,
        "websocket_client.conf": CLIENT_CONF.format(port=applications.port),
    }
    server = await LiveServer.start(reactor=reactor, extensions=EXTENSIONS, files=files)
    # The persistent socket is the server's own.
    await applications.peer("/steady?x=1")
    server.keep_descriptors()
    yield server
    await server.check_clean()
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


async def test_a_persistent_socket(applications: Applications, server: LiveServer) -> None:
    peer = await applications.peer("/steady?x=1")
    assert peer.request is not None
    headers = dict(peer.request.extra_headers)
    assert headers[b"authorization"] == b"Basic " + base64.b64encode(b"exchange:sesame-remote")
    assert peer.request.subprotocols == ["ari"]
    for name in ("one", "two"):
        await applications.message(peer, "ApplicationRegistered", application=name)
    await server.cli("channel originate Local/100@internal extension 101@internal")
    start = await applications.message(peer, "StasisStart", application="one")
    channel = start["channel"]["id"]
    peer.ask("POST", f"channels/{channel}/ring", "r1")
    assert (await applications.message(peer, "RESTResponse", request_id="r1"))["status_code"] == 204
    # ARI itself is off: nobody is served over HTTP.
    assert "kept" in await server.cli("ari show outbound-websockets")
    # The connection breaks; what happens meanwhile is told on the next one.
    applications.refuse = True
    peer.drop()
    await server.cli("channel request hangup all")
    await server.wait_no_channels()
    applications.refuse = False
    again = await applications.peer("/steady?x=1")
    await applications.message(again, "ApplicationRegistered", application="two")
    assert (await applications.message(again, "StasisEnd"))["channel"]["id"] == channel
    assert [m["type"] for m in again.messages[:2]] == ["ApplicationRegistered"] * 2


async def test_closed_by_the_console_it_comes_back(applications: Applications, server: LiveServer) -> None:
    peer = await applications.peer("/steady?x=1")
    assert "closed" in await server.cli("ari shutdown websocket sessions")
    await applications.until(lambda: peer.closed, lambda: "the socket is open")
    assert await applications.peer("/steady?x=1") is not peer


async def test_a_socket_for_a_call(applications: Applications, server: LiveServer) -> None:
    await server.cli("channel originate Local/100@internal extension 102@internal")
    peer = await applications.peer("/calls")
    start = await applications.message(peer, "StasisStart")
    name = start["application"]
    assert name == f"percall:{start['channel']['name']}"
    assert start["args"] == ["a", "b"]
    assert peer.messages[0]["type"] == "ApplicationRegistered"
    # The rights are those of the local user, who only reads.
    peer.ask("POST", f"channels/{start['channel']['id']}/answer", "w")
    assert (await applications.message(peer, "RESTResponse", request_id="w"))["status_code"] == 403
    peer.ask("GET", f"channels/{start['channel']['id']}", "g")
    assert (await applications.message(peer, "RESTResponse", request_id="g"))["status_code"] == 200
    await server.cli("channel request hangup all")
    await applications.message(peer, "StasisEnd")
    # It stays a while for what else it may be subscribed to.
    await server.sleep(1)
    assert not peer.closed
    await applications.until(lambda: peer.closed, lambda: "the socket is open")


async def test_a_server_that_does_not_answer_fails_the_call(applications: Applications, server: LiveServer) -> None:
    await server.cli("channel originate Local/100@internal extension 103@internal")
    for _ in range(150):
        if "alone=FAILED" in (await server.cli("dialplan show globals")).replace(" ", ""):
            break
        await server.sleep(0.1)
    else:
        raise AssertionError("the call did not go on")
    await server.cli("channel request hangup all")
    await server.wait_no_channels()


def _certificate(path: Path, address: str) -> None:
    """A certificate for ``address`` that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "applications.test")])
    now = dt.datetime.now(dt.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + pem)


TLS_CLIENT_CONF = """
[server](!)
type = websocket_client
protocols = ari
connection_timeout = 15000
reconnect_interval = 100
tls_enabled = yes

[trusted](server)
uri = wss://127.0.0.1:{right}/trusted
ca_list_file = {path}/right.pem
cert_file = {path}/right.pem

[stranger](server)
uri = wss://127.0.0.1:{right}/stranger
ca_list_file = {path}/wrong.pem

[misnamed](server)
uri = wss://127.0.0.1:{wrong}/misnamed
ca_list_file = {path}/wrong.pem

[forgiven](server)
uri = wss://127.0.0.1:{wrong}/forgiven
ca_list_file = {path}/wrong.pem
verify_server_hostname = no

[anybody](server)
uri = wss://127.0.0.1:{wrong}/anybody
verify_server_cert = no
"""
TLS_NAMES = ("trusted", "stranger", "misnamed", "forgiven", "anybody")


def _ari_conf(*names: str) -> str:
    sockets = "".join(
        f"[{name}]\ntype = outbound_websocket\nwebsocket_client_id = {name}\napps = app-{name}\nlocal_ari_user = user\n"
        for name in names
    )
    return f"[general]\nenabled = no\n[user]\ntype = user\npassword = sesame-local\n{sockets}"


async def test_tls_and_a_reload(tmp_path: Path) -> None:
    from twisted.internet import reactor as any_reactor

    reactor: Any = any_reactor
    factory = Applications(reactor)
    ports = {}
    for name, address in (("right", "127.0.0.1"), ("wrong", "127.0.0.2")):
        _certificate(tmp_path / f"{name}.pem", address)
        pem = str(tmp_path / f"{name}.pem")
        context: Any = ssl.DefaultOpenSSLContextFactory  # not typed
        ports[name] = reactor.listenSSL(0, factory, context(pem, pem), interface="127.0.0.1")
    numbers = {name: port.getHost().port for name, port in ports.items()}
    files = {
        "http.conf": HTTP_CONF,
        "ari.conf": _ari_conf(*TLS_NAMES),
        "websocket_client.conf": TLS_CLIENT_CONF.format(path=tmp_path, **numbers),
    }
    server = await LiveServer.start(reactor=reactor, files=files)
    try:
        for name in ("trusted", "forgiven", "anybody"):
            peer = await factory.peer(f"/{name}")
            await factory.message(peer, "ApplicationRegistered", application=f"app-{name}")
        # The others are tried again and again, and never get as far as a request.
        await server.wait_log("stranger.*certificate verify failed")
        await server.wait_log("misnamed.*Mismatch")
        assert {p.request.target for p in factory.peers if p.request} == {"/trusted", "/forgiven", "/anybody"}
        # A reload closes what is gone and leaves what is as before alone.
        kept, gone = await factory.peer("/trusted"), await factory.peer("/forgiven")
        (server.etc / "ari.conf").write_text(_ari_conf("trusted"))
        await server.cli("module reload res_ari")
        await factory.message(gone, "ApplicationUnregistered", application="app-forgiven")
        await factory.until(lambda: gone.closed, lambda: "the socket is open")
        assert not kept.closed
        # ... and so does one of the other file; it opens what has another address.
        conf = server.etc / "websocket_client.conf"
        conf.write_text(conf.read_text().replace("/trusted", "/moved"))
        await server.cli("module reload res_websocket_client")
        moved = await factory.peer("/moved")
        await factory.message(moved, "ApplicationRegistered", application="app-trusted")
        await factory.until(lambda: kept.closed, lambda: "the socket is open")
        # How many sockets were open when the server's descriptors were counted is a matter of moments: none is now.
        (server.etc / "ari.conf").write_text(_ari_conf())
        await server.cli("module reload res_ari")
        await factory.until(lambda: moved.closed, lambda: "the socket is open")
        await server.check_clean()
    finally:
        await server.stop()
        for port in ports.values():
            await port.stopListening()
    server.discard()

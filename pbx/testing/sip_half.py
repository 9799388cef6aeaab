"""The SIP half of an exchange in the test's own process, and a phone made of a UDP socket: every byte is the test's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.protocol import DatagramProtocol

from pbx.astdb import AstDb
from pbx.asterisk_conf import Options
from pbx.bus import Bus
from pbx.cli.registry import CommandRegistry
from pbx.clock import Clock
from pbx.config import ConfigLoader
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Channels
from pbx.core.device_state import DeviceState
from pbx.core.devices import DeviceStates
from pbx.core.technology import ChannelRequest, RequestFailed, Technologies
from pbx.modules import ModulePolicy, ModuleRegistry
from pbx.pjsip.digest import Algorithm, Authorization, expected_response, secret_hash
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.location import Location
from pbx.pjsip.message import SipMessage
from pbx.pjsip.modules import MODULES
from pbx.server import Server
from pbx.sorcery import Sorcery
from pbx.testing._waiting import PATIENCE_SECONDS
from pbx.testing.fake_media import FakeSwitchboard

_numbers = itertools.count(1)

PJSIP_CONF = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[tcp]
type=transport
protocol=tcp
bind=127.0.0.1:0

[phone](!)
type=endpoint
context=internal
allow=ulaw

[alice](phone)
auth=alice
aors=alice
[alice]
type=auth
username=alice
password=wonderland
[alice]
type=aor
max_contacts=2
contact=sip:alice@192.0.2.99
"""


class _Endpoints:
    """Stands for chan_pjsip: knows which endpoints can be reached and makes no calls."""

    name = "PJSIP"
    description = "Endpoints without calls"

    def __init__(self, server: Server) -> None:
        self._server = server

    def request(self, request: ChannelRequest) -> Channel:
        raise RequestFailed("there are no calls here", Cause.NO_ROUTE_DESTINATION)

    def device_state(self, resource: str) -> DeviceState:
        online = self._server.require(Location).is_online(resource)
        return DeviceState.NOT_INUSE if online else DeviceState.UNAVAILABLE


class SipHalf:
    """A server with the SIP modules alone; `restart` starts it anew over the same directories."""

    def __init__(
        self, root: Path, conf: str, reactor: Any, prepare: Callable[[Server], object] = lambda server: None
    ) -> None:
        """``prepare`` gets each new server before its modules load."""
        self.root = root
        self._prepare = prepare
        self._reactor = reactor
        (root / "etc").mkdir()
        self.write("pjsip.conf", conf)

    def write(self, name: str, text: str) -> None:
        (self.root / "etc" / name).write_text(text)

    async def start(self) -> None:
        server = self.server = Server(self._reactor)
        server.options = Options()
        server.clock = Clock(self._reactor)
        server.bus = Bus()
        server.config = ConfigLoader(self.root / "etc")
        server.astdb = AstDb(self.root / "astdb.sqlite3")
        server.sorcery = Sorcery(server.config, server.astdb)
        server.cli = CommandRegistry()
        server.channels = Channels(server.bus, server.clock, FakeSwitchboard())
        server.technologies = Technologies()
        server.technologies.register(_Endpoints(server))
        server.devices = DeviceStates(server.bus, server.clock, server.channels, server.technologies)
        server.modules = ModuleRegistry(server, MODULES)
        self.host = PjsipHost(self._reactor)
        server.provide(PjsipHost, self.host)
        server.astdb.open()
        server.astdb.start(server.clock)
        await self.host.start()
        self._prepare(server)
        await server.modules.start(ModulePolicy(require={module.name for module in MODULES}))
        server.set_booted()

    async def stop(self) -> None:
        await self.server.modules.stop()
        await self.host.stop()
        self.server.astdb.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def port(self, transport: str = "udp") -> int:
        info = self.host.transport(transport)
        assert info is not None
        return info.port

    async def cli(self, line: str) -> str:
        return (await self.server.cli.run(line)).output

    def events(self, *kinds: type) -> list[Any]:
        """A list that grows with the events of these kinds."""
        seen: list[Any] = []
        self.server.bus.subscribe_many(kinds, seen.append)
        return seen


class RawPhone(DatagramProtocol):
    """Sends SIP requests as text and gives the answers."""

    def __init__(self, reactor: Any, server: SipHalf) -> None:
        self._reactor = reactor
        self._server = server
        self._waiting: defer.Deferred[SipMessage] | None = None
        self.received: list[SipMessage] = []
        self.listener = reactor.listenUDP(0, self, interface="127.0.0.1")
        self.port: int = self.listener.getHost().port
        self.cseq = 0
        self.call_id = f"call-{next(_numbers)}"

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        message = SipMessage(datagram)
        self.received.append(message)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(message)

    def request(
        self,
        method: str,
        *,
        user: str = "alice",
        uri: str = "sip:127.0.0.1",
        to: str | None = None,
        contacts: tuple[str, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        authorization: str | None = None,
        cseq: int | None = None,
    ) -> bytes:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK-{next(_numbers)};rport",
            f"From: <sip:{user}@127.0.0.1>;tag=t{next(_numbers)}",
            f"To: <{to or f'sip:{user}@127.0.0.1'}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            *(f"Contact: {contact}" for contact in contacts),
            *(f"{name}: {value}" for name, value in headers),
        ]
        if authorization is not None:
            lines.append(f"Authorization: {authorization}")
        return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()

    def send(self, raw: bytes) -> defer.Deferred[SipMessage]:
        """Send, and wait for one message."""
        self._waiting = defer.Deferred()
        self.listener.write(raw, ("127.0.0.1", self._server.port()))
        return self._waiting.addTimeout(PATIENCE_SECONDS, self._reactor)

    async def ask(self, method: str, **parts: Any) -> SipMessage:
        return await self.send(self.request(method, **parts))

    async def ask_with_password(
        self, method: str, password: str = "wonderland", *, algorithm: str = "MD5", nonce: str = "", **parts: Any
    ) -> SipMessage:
        """Ask, be challenged, ask again."""
        if not nonce:
            challenge = await self.ask(method, **parts)
            if challenge.status_code != 401:
                return challenge
            nonce = nonce_of(challenge, algorithm)
        name = parts.get("user", "alice")
        return await self.ask(method, authorization=answer(method, name, password, nonce, algorithm), **parts)

    @property
    def contact(self) -> str:
        return f"<sip:alice@127.0.0.1:{self.port}>"


def nonce_of(challenge: SipMessage, algorithm: str = "MD5") -> str:
    """The nonce offered with ``algorithm``."""
    for value in challenge.headers.get_all("WWW-Authenticate"):
        if f"algorithm={algorithm}" in value:
            return str(re.findall(r'nonce="([^"]*)"', value)[0])
    raise AssertionError(f"no challenge for {algorithm}: {challenge.raw!r}")


def answer(method: str, name: str, password: str, nonce: str, algorithm: str = "MD5", realm: str = "asterisk") -> str:
    """An Authorization header's value."""
    kind = Algorithm(algorithm)
    blank = Authorization(name, realm, nonce, "sip:127.0.0.1", "", algorithm, "c", qop="auth", nc="00000001")
    response = expected_response(kind, secret_hash(kind, name, realm, password), method, blank)
    full = replace(blank, response=response)
    return (
        f'Digest username="{full.username}",realm="{full.realm}",nonce="{full.nonce}",uri="{full.uri}",'
        f'response="{full.response}",algorithm={full.algorithm},cnonce="{full.cnonce}",qop=auth,nc={full.nc}'
    )

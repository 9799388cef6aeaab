"""A whole exchange in the test's own process, and a phone made of a UDP socket: every byte it sends is the test's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer, task
from twisted.internet.protocol import DatagramProtocol

from pbx import app
from pbx.asterisk_conf import read_asterisk_conf
from pbx.media import MediaEngine
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.message import SipMessage
from pbx.pjsip.session.services import Sessions
from pbx.server import Server
from pbx.testing._waiting import PATIENCE_SECONDS

_numbers = itertools.count(1)

PJSIP = """
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:0

[phone]
type = endpoint
context = default
disallow = all
allow = ulaw,alaw
set_var = GREETING=hello
language = de
accountcode = acc
{options}

[phone]
type = identify
endpoint = phone
match = 127.0.0.1
"""

SDP = """\
v=0
o=phone 1 {version} IN IP4 127.0.0.1
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} RTP/AVP {formats}
{lines}"""


def sdp(
    *,
    port: int = 40000,
    formats: str = "0 101",
    lines: Sequence[str] = ("a=rtpmap:101 telephone-event/8000",),
    version: int = 1,
    address: str = "127.0.0.1",
) -> str:
    """An offer or answer of the phone."""
    more = "".join(f"{line}\n" for line in lines)
    text = SDP.format(port=port, formats=formats, version=version, address=address, lines=more)
    return text.replace("\n", "\r\n")


@pytest.fixture(name="sdp")
def sdp_fixture() -> Callable[..., str]:
    """`sdp`, for tests."""
    return sdp


class Exchange:
    """The exchange, with what tests look at."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.host = server.require(PjsipHost)
        self.engine = server.require(MediaEngine)
        self.sessions = server.require(Sessions)

    @property
    def port(self) -> int:
        info = self.host.transport("udp")
        assert info is not None
        return info.port

    @property
    def channels(self) -> list[str]:
        return [channel.name for channel in self.server.channels]

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for a condition; fails naming ``what``."""
        clock = self.server.reactor
        deadline = clock.seconds() + seconds
        while not condition():
            assert clock.seconds() < deadline, f"not in {seconds} s: {what}"
            await task.deferLater(clock, 0.01, lambda: None)

    async def wait_idle(self) -> None:
        """Nothing of any call is left but transactions that must linger."""
        await self.until(lambda: not self.channels, "no channel left")
        await self.until(lambda: all(session.over for session in self.host.invite), "no dialog left")
        assert len(self.sessions) == 0
        assert self.engine.transports_lent == 0
        assert self.engine.streams == 0


class Phone(DatagramProtocol):
    """Sends SIP as text; what comes is queued in order."""

    def __init__(self, reactor: Any, exchange: Exchange) -> None:
        self._reactor = reactor
        self._exchange = exchange
        self._queue: defer.DeferredQueue[SipMessage] = defer.DeferredQueue()
        self.listener = reactor.listenUDP(0, self, interface="127.0.0.1")
        self.port: int = self.listener.getHost().port
        self.call_id = f"call-{next(_numbers)}@test"
        self.tag = f"t{next(_numbers)}"
        self.remote_tag = ""
        self.cseq = 0
        self.branch = ""
        self.target = "100"

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        self._queue.put(SipMessage(datagram))

    def raw(self, text: str) -> None:
        """Any bytes to the exchange."""
        assert self.transport is not None
        self.transport.write(text.encode(), ("127.0.0.1", self._exchange.port))

    async def next(self, seconds: float = PATIENCE_SECONDS) -> SipMessage:
        """The next message, whatever it is."""
        waiting = self._queue.get()
        waiting.addTimeout(seconds, self._reactor)
        return await waiting

    async def response(self, code: int, method: str = "INVITE", seconds: float = PATIENCE_SECONDS) -> SipMessage:
        """The next response to ``method`` other than 100, which must be ``code``."""
        while True:
            message = await self.next(seconds)
            if message.is_request or message.cseq_method != method or message.status_code == 100:
                continue
            assert message.status_code == code, message.raw.decode()
            if message.to.tag and (code < 300 or not self.remote_tag):
                self.remote_tag = message.to.tag
            return message

    async def wanted(self, method: str, seconds: float = PATIENCE_SECONDS) -> SipMessage:
        """The next request of ``method``; responses before it are passed over."""
        while True:
            message = await self.next(seconds)
            if message.is_request and message.method == method:
                return message

    def silent(self) -> bool:
        """Whether nothing waits to be read."""
        return not self._queue.pending

    def request(
        self,
        method: str,
        *,
        headers: Sequence[str] = (),
        body: str = "",
        content_type: str = "application/sdp",
        cseq: int | None = None,
        branch: str = "",
        uri: str = "",
    ) -> str:
        """Send a request of the call; gives its text, for sending it again."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.branch = branch or f"z9hG4bK{next(_numbers)}"
        to_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        lines = [
            f"{method} {uri or f'sip:{self.target}@127.0.0.1:{self._exchange.port}'} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={self.branch}",
            f'From: "Phone" <sip:1001@127.0.0.1>;tag={self.tag}',
            f"To: <sip:{self.target}@127.0.0.1>{to_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
        ]
        if not any(header.startswith("Contact") for header in headers):
            lines.append(f"Contact: <sip:phone@127.0.0.1:{self.port}>")
        lines += headers
        if body:
            lines.append(f"Content-Type: {content_type}")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.raw(text)
        return text

    def invite(self, target: str = "100", body: str | None = None, headers: Sequence[str] = ()) -> str:
        """Call an extension."""
        self.target = target
        return self.request("INVITE", body=sdp() if body is None else body, headers=headers)

    def ack(self, body: str = "") -> str:
        """Acknowledge the 2xx."""
        return self.request("ACK", cseq=self.cseq, body=body)

    def ack_failure(self) -> str:
        """Acknowledge a final response that is no 2xx."""
        return self.request("ACK", cseq=self.cseq, branch=self.branch)

    def answer(
        self,
        request: SipMessage,
        code: int,
        reason: str = "X",
        *,
        body: str = "",
        headers: Sequence[str] = (),
        tag: str = "uas",
        contact: str = "",
    ) -> str:
        """Answer a request of the exchange; without a tag in To where ``tag`` is empty."""
        to = request.headers.get("To") or ""
        if "tag=" not in to and code > 100 and tag:
            to += f";tag={tag}"
        lines = [f"SIP/2.0 {code} {reason}"]
        lines += [f"Via: {via}" for via in request.headers.get_all("Via")]
        lines += [f"From: {request.headers.get('From')}", f"To: {to}", f"Call-ID: {request.call_id}"]
        lines += [f"CSeq: {request.headers.get('CSeq')}", contact or f"Contact: <sip:phone@127.0.0.1:{self.port}>"]
        lines += headers
        if body:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.raw(text)
        return text

    async def established(self, target: str = "100", body: str | None = None) -> SipMessage:
        """Call, wait for the 200, acknowledge it."""
        self.invite(target, body)
        answer = await self.response(200)
        self.ack()
        return answer


@pytest.fixture
def options() -> str:
    """What a test adds to the endpoint, by parametrising this name."""
    return ""


@pytest.fixture
def extensions() -> str:
    """extensions.lua of a test, by parametrising this name."""
    return LUA


LUA = """
extensions = {}
extensions.default = {
    ["100"] = function() app.Answer(); app.Hangup() end;
    ["101"] = function() app.Answer(); app.Wait(30) end;
    ["102"] = function() app.Busy() end;
    ["103"] = function() app.Ringing(); app.Wait(30) end;
    ["104"] = function() app.Progress(); app.Wait(0.3); app.Answer(); app.Wait(30) end;
    ["105"] = function() app.Wait(30) end;
    ["106"] = function() app.Hangup(34) end;
    ["12345"] = function() app.Answer() end;
}
"""


@pytest.fixture
def files() -> dict[str, str]:
    """More files of the configuration directory, by parametrising this name."""
    return {}


@pytest.fixture
def exchange(tmp_path: Path, options: str, extensions: str, files: dict[str, str]) -> Iterator[Exchange]:
    """The exchange, running; after the test nothing of any call may be left."""
    from twisted.internet import reactor

    etc = tmp_path / "etc"
    etc.mkdir()
    directories = {
        name: tmp_path / below
        for name, below in (
            ("astetcdir", "etc"),
            ("astvarlibdir", "lib"),
            ("astdbdir", "db"),
            ("astdatadir", "data"),
            ("astspooldir", "spool"),
            ("astrundir", "run"),
            ("astlogdir", "log"),
            ("astcachedir", "cache"),
        )
    }
    for directory in directories.values():
        directory.mkdir(exist_ok=True)
    lines = ["[directories]", *(f"{name} => {path}" for name, path in directories.items()), "[options]", "verbose = 0"]
    lines.append("test_events = yes")
    (etc / "asterisk.conf").write_text("\n".join(lines))
    (etc / "modules.conf").write_text("[modules]\nautoload = yes\n")
    (etc / "pjsip.conf").write_text(PJSIP.format(options=options))
    (etc / "rtp.conf").write_text("[general]\nrtpstart = 36000\nrtpend = 36999\n")
    (etc / "extensions.lua").write_text(extensions)
    for name, text in files.items():
        (etc / name).write_text(text)

    server = app.build(reactor, read_asterisk_conf(etc / "asterisk.conf"))
    pytest_twisted.blockon(defer.ensureDeferred(app.start(server)))
    made = Exchange(server)
    try:
        yield made
        pytest_twisted.blockon(defer.ensureDeferred(made.wait_idle()))
    finally:
        pytest_twisted.blockon(defer.ensureDeferred(app.stop(server)))


@pytest.fixture
def phone(exchange: Exchange) -> Iterator[Phone]:
    """A phone that the exchange knows by its address."""
    from twisted.internet import reactor

    made = Phone(reactor, exchange)
    yield made
    pytest_twisted.blockon(defer.maybeDeferred(made.listener.stopListening))

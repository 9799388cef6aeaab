"""A manager client for tests: asks, collects replies and lists, waits for events.

client = await AmiClient.connect(reactor, server.host)
await client.login("admin", "secret")
reply = await client.action("Ping")
channels = await client.list("CoreShowChannels")
hangup = await client.event("Hangup", Uniqueid=uniqueid)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from ami.codec import Codec, Message, encode_message
from ami.users import DEFAULT_PORT
from pbx.testing._waiting import PATIENCE_SECONDS

#: What a server may send; far above what it should.
MAX_LINE_BYTES = 1 << 20
MAX_LINES = 10_000
GREETING_END = b"\r\n"


class AmiMessage:
    """A reply or an event: ``message["Header"]`` (KeyError when absent), ``get``, ``get_all``, ``headers``."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def __getitem__(self, name: str) -> str:
        if name not in self._message:
            raise KeyError(f"{name} in {self!r}")
        return self._message.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._message

    def __repr__(self) -> str:
        return f"<{'; '.join(self._message.lines)}>"

    def get(self, name: str, default: str = "") -> str:
        return self._message.get(name, default)

    def get_all(self, name: str) -> list[str]:
        return self._message.get_all(name)

    @property
    def headers(self) -> list[tuple[str, str]]:
        return list(self._message.headers())

    @property
    def names(self) -> list[str]:
        """Header names in order."""
        return [name for name, _ in self._message.headers()]

    @property
    def is_event(self) -> bool:
        return "Event" in self._message

    def matches(self, fields: dict[str, str]) -> bool:
        return all(self.get(name) == value for name, value in fields.items())


class AmiReader:
    """Bytes of a manager's side as messages, without I/O."""

    def __init__(self) -> None:
        self.greeting: bytes | None = None
        self._codec = Codec(MAX_LINE_BYTES, MAX_LINES)
        self._start = b""

    def feed(self, data: bytes) -> list[AmiMessage]:
        """What is complete now."""
        if self.greeting is None:
            self._start += data
            if GREETING_END not in self._start:
                return []
            self.greeting, data = self._start.split(GREETING_END, 1)
        self._codec.receive_data(data)
        found = []
        while (message := self._codec.next_event()) is not None:
            found.append(AmiMessage(message))
        return found


class AmiClient(Protocol):
    """A connection to a manager. Make it with `connect`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._reader = AmiReader()
        self._ids = itertools.count(1)
        self._waiters: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        #: Everything that came, in order.
        self.messages: list[AmiMessage] = []
        self.closed = False
        #: How long to wait for anything.
        self.seconds = PATIENCE_SECONDS

    @classmethod
    async def connect(cls, reactor: Any, host: str, port: int = DEFAULT_PORT) -> AmiClient:
        """Connect and read the greeting. Raises Twisted's ConnectError, or TimeoutError without a greeting."""
        client = cls(reactor)
        await HostnameEndpoint(reactor, host.encode(), port).connect(Factory.forProtocol(lambda: client))
        await client.until(lambda: client.greeting or client.closed)
        return client

    # Protocol

    def dataReceived(self, data: bytes) -> None:
        self.messages += self._reader.feed(data)
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True
        self._look()

    # What came

    @property
    def greeting(self) -> str:
        return (self._reader.greeting or b"").decode()

    @property
    def events(self) -> list[AmiMessage]:
        """Events that came so far, list items among them."""
        return [each for each in self.messages if each.is_event]

    def event_names(self) -> list[str]:
        return [each["Event"] for each in self.events]

    # What a test does

    def send(self, action: str, /, *headers: tuple[str, str], **fields: str) -> str:
        """Send a request; gives its ActionID, which is made up unless given."""
        action_id = fields.pop("ActionID", None) or f"t{next(self._ids)}"
        self.send_raw(encode_message([("Action", action), ("ActionID", action_id), *fields.items(), *headers]))
        return action_id

    def send_raw(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    async def action(self, name: str, /, *headers: tuple[str, str], **fields: str) -> AmiMessage:
        """Ask and wait for the reply. Raises TimeoutError or ConnectionError."""
        return await self.reply(self.send(name, *headers, **fields))

    async def reply(self, action_id: str) -> AmiMessage:
        """The reply to a request sent."""

        def find() -> AmiMessage | None:
            return next((m for m in self.messages if not m.is_event and m.get("ActionID") == action_id), None)

        found: AmiMessage = await self.until(find)
        return found

    async def list(self, name: str, /, **fields: str) -> list[AmiMessage]:
        """Ask for a list; its items, without the closing event. Raises AssertionError when the reply is an Error."""
        action_id = self.send(name, **fields)
        reply = await self.reply(action_id)
        assert reply["Response"] == "Success", reply
        assert reply["EventList"] == "start", reply

        def find() -> AmiMessage | None:
            return next(
                (m for m in self.events if m.get("ActionID") == action_id and m.get("EventList") == "Complete"), None
            )

        end: AmiMessage = await self.until(find)
        items = [m for m in self.events if m.get("ActionID") == action_id and m is not end]
        assert int(end["ListItems"]) == len(items), end
        return items

    async def event(self, name: str, /, **fields: str) -> AmiMessage:
        """The first event of that name, come or to come, whose fields have these values."""

        def find() -> AmiMessage | None:
            return next((m for m in self.events if m["Event"] == name and m.matches(fields)), None)

        found: AmiMessage = await self.until(find)
        return found

    async def login(self, username: str, secret: str, **fields: str) -> AmiMessage:
        """Log in; gives the reply, which a test may expect to be an Error."""
        return await self.action("Login", Username=username, Secret=secret, **fields)

    async def until(self, find: Callable[[], Any], seconds: float | None = None) -> Any:
        """Wait until ``find`` gives something. Raises TimeoutError, or ConnectionError once the server has closed."""
        if found := find():
            return found
        waiter: Deferred[Any] = Deferred()
        entry = (find, waiter)
        self._waiters.append(entry)
        timer = self._reactor.callLater(self.seconds if seconds is None else seconds, self._too_late, entry)
        try:
            return await waiter
        finally:
            if timer.active():
                timer.cancel()

    async def wait_closed(self, seconds: float | None = None) -> None:
        """Until the server has closed the connection."""
        await self.until(lambda: self.closed, seconds)

    async def close(self) -> None:
        """Leave without a word."""
        if not self.closed:
            transport: Any = self.transport
            transport.loseConnection()
            await self.wait_closed()

    def _look(self) -> None:
        for entry in list(self._waiters):
            find, waiter = entry
            found = find()
            if found:
                self._waiters.remove(entry)
                waiter.callback(found)
            elif self.closed:
                self._waiters.remove(entry)
                waiter.errback(ConnectionError(f"the manager closed the connection; it said {self.messages[-5:]}"))

    def _too_late(self, entry: tuple[Callable[[], Any], Deferred[Any]]) -> None:
        if entry in self._waiters:
            self._waiters.remove(entry)
            entry[1].errback(TimeoutError(f"it did not come; last were {self.messages[-5:]}"))

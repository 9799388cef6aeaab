"""A manager over a fake core, and clients joined to it without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_twisted

from ami.actions import ACTIONS
from ami.codec import encode_message
from ami.manager import Manager
from ami.session import Session
from ami.users import read_manager_conf
from pbx.asterisk_conf import Options
from pbx.core.originate import Originator
from pbx.security_events import SecurityAddress
from pbx.testing.ami import AmiMessage, AmiReader
from pbx.testing.dialplan import DialplanHarness

MANAGER_CONF = """
[general]
enabled = yes

[admin]
secret = x1
read = all
write = all

[reader]
secret = x2
read = system,call,dialplan,user
write =

[caller]
secret = x3
read = call
write = call,originate
setvar = CAMPAIGN=7
"""

EXTENSIONS = """
extensions = {
    default = {
        ["100"] = function() app.Answer() app.Wait(60) end,
        ["200"] = function() app.Wait(60) end,
        ["s"] = function() app.Wait(60) end,
    },
}
hints = { default = { ["100"] = "Fake/phone" } }
"""


class FakeLink:
    """The way to a client that keeps what it was sent."""

    def __init__(self, host: str) -> None:
        self.local = SecurityAddress("TCP", "127.0.0.1", 5038)
        self.peer = SecurityAddress("TCP", host, 40000)
        self.queued = 0
        self.data = b""
        self.closed = False
        self.paused = False
        self.write_timeout = 0.0

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.data += data

    def close(self) -> None:
        self.closed = True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def set_write_timeout(self, seconds: float) -> None:
        self.write_timeout = seconds


class AmiPair:
    """A client and its session."""

    def __init__(self, manager: Manager, host: str = "127.0.0.1") -> None:
        self.link = FakeLink(host)
        self.manager = manager
        self.session: Session | None = manager.connected(self.link)
        self._reader = AmiReader()
        self._read = 0

    @property
    def live(self) -> Session:
        assert self.session is not None
        return self.session

    @property
    def greeting(self) -> str:
        self.receive()
        return (self._reader.greeting or b"").decode()

    def send(self, data: bytes) -> list[AmiMessage]:
        """Send bytes; gives what came back at once."""
        self.live.receive(data)
        return self.receive()

    def ask(self, name: str, **fields: str) -> list[AmiMessage]:
        """Send a request; gives all that came back at once."""
        return self.send(encode_message([("Action", name), *fields.items()]))

    def reply(self, name: str, **fields: str) -> AmiMessage:
        """Send a request; gives the one reply."""
        (found,) = [each for each in self.ask(name, **fields) if not each.is_event]
        return found

    def receive(self) -> list[AmiMessage]:
        """What has come since the last look."""
        self.manager._flush()
        data, self._read = self.link.data[self._read :], len(self.link.data)
        return self._reader.feed(data)

    def events(self) -> list[AmiMessage]:
        return [each for each in self.receive() if each.is_event]

    def login(self, user: str = "admin", secret: str = "x1", **fields: str) -> AmiMessage:
        return self.reply("Login", Username=user, Secret=secret, **fields)


Connect = Callable[..., AmiPair]


@pytest_twisted.async_yield_fixture
async def harness(tmp_path: Path) -> AsyncIterator[DialplanHarness]:
    harness = DialplanHarness(tmp_path, {"manager.conf": MANAGER_CONF, "extensions.lua": EXTENSIONS})
    server = harness.server
    server.options = Options("options")
    server.originator = Originator(server.channels, server.technologies, lambda: server.dialplan)
    await harness.start()
    yield harness
    await harness.stop()


@pytest.fixture
def manager(harness: DialplanHarness) -> Manager:
    return Manager(harness.server, read_manager_conf(harness.server.config), ACTIONS)


@pytest.fixture
def connect(manager: Manager) -> Connect:
    def make(host: str = "127.0.0.1") -> AmiPair:
        return AmiPair(manager, host)

    return make


@pytest.fixture
def admin(connect: Connect) -> AmiPair:
    pair = connect()
    assert pair.login()["Response"] == "Success"
    pair.receive()
    return pair


def first(events: list[AmiMessage], name: str) -> AmiMessage:
    """The first event of that name."""
    return next(each for each in events if each["Event"] == name)

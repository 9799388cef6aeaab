"""A live exchange whose calls run programs that the tests write."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from pbx.testing.ami import AmiClient, AmiMessage
from pbx.testing.server import LiveServer

MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@

[admin]
secret = sesame-admin
read = all
write = all

[agent]
secret = sesame-agent
read = all
write = agi
"""
EXTENSIONS = """
[idle]
exten => s,1,Answer()
 same => n,Wait(60)

[script]
exten => _X.,1,Answer()
 same => n,AGI(${EXTEN}.py,one,two words)
 same => n,UserEvent(Done,Status: ${AGISTATUS})
exten => _e.,1,Answer()
 same => n,EAGI(${EXTEN}.py)
 same => n,UserEvent(Done,Status: ${AGISTATUS})
exten => _h-.,1,Answer()
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,AGI(${EXTEN:2}.py)
exten => h,1,UserEvent(Over,Status: ${AGISTATUS},Seen: ${SEEN})

[elsewhere]
exten => s,1,UserEvent(Elsewhere,Status: ${AGISTATUS})
 same => n(there),UserEvent(There,Status: ${AGISTATUS})
 same => n,Wait(60)

[late]
exten => _X.,1,Answer()
 same => n,Hangup(17)
exten => h,1,AGI(${LATE}.py)
 same => n,UserEvent(Late,Status: ${AGISTATUS},Seen: ${SEEN})

[fast]
exten => _X.,1,Answer()
 same => n,AGI(agi://${HOST}:${PORT}/a/script?x=${EXTEN},first)
 same => n,UserEvent(Done,Status: ${AGISTATUS})
exten => h,1,UserEvent(Over,Status: ${AGISTATUS})

[async]
exten => s,1,Answer()
 same => n,AGI(agi:async,given)
 same => n,UserEvent(Done,Status: ${AGISTATUS})
 same => n,AGI(agi:async)
exten => h,1,UserEvent(Over,Status: ${AGISTATUS})
"""
#: What every script of the tests begins with.
HEAD = f"""#!{sys.executable} -S
import os, signal, sys, time

def read():
    return sys.stdin.readline()

env = {{}}
while (line := read().strip()):
    name, _, value = line.partition(": ")
    env[name] = value

def ask(command):
    sys.stdout.write(command + "\\n")
    sys.stdout.flush()
    return read().rstrip("\\n")
"""


def children_of(pid: int) -> list[int]:
    """The processes that a process has begun and not yet lost."""
    folder = Path(f"/proc/{pid}/task")
    return [int(each) for task in folder.iterdir() for each in (task / "children").read_text().split()]


def is_there(pid: int) -> bool:
    """Whether a process exists."""
    return Path(f"/proc/{pid}").exists()


class Exchange:
    """The exchange, and a manager on it."""

    def __init__(self, server: LiveServer, ami: AmiClient) -> None:
        self.server = server
        self.ami = ami

    def script(self, text: str, *, head: str = HEAD) -> str:
        """Write a program; the extension that runs it."""
        name = f"1{len(list(self.agi_directory.iterdir())):03}"
        path = self.agi_directory / f"{name}.py"
        path.write_text(head + text)
        path.chmod(0o755)
        return name

    @property
    def agi_directory(self) -> Path:
        path = self.server.path("astagidir")
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def call(self, context: str, exten: str, **variables: str) -> str:
        """Begin a call; the name of the channel that runs the extension."""
        fields = [("Variable", f"__{name}={value}") for name, value in variables.items()]
        await self.ami.action(
            "Originate",
            *fields,
            Channel=f"Local/{exten}@{context}",
            Context="idle",
            Exten="s",
            Priority="1",
            Async="on",
        )
        event = await self.ami.event("Newexten", Context=context, Exten=exten, Application="Answer")
        return event["Channel"]

    async def done(self, name: str = "Done") -> AmiMessage:
        """The UserEvent at the end."""
        return await self.ami.event("UserEvent", UserEvent=name)

    async def hang_up(self, channel: str) -> None:
        await self.ami.action("Hangup", Channel=channel)

    def children(self) -> list[int]:
        """The programs that run."""
        return children_of(self.server.pid)

    async def no_children(self, seconds: float = 10.0) -> None:
        """Until no program runs."""
        for _ in range(int(seconds / 0.05)):
            if not self.children():
                return
            await self.server.sleep(0.05)
        raise AssertionError(f"children left: {self.children()}")


@pytest_twisted.async_yield_fixture(scope="module")
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(
        reactor=reactor,
        extensions="extensions = {}",
        files={"manager.conf": MANAGER_CONF, "extensions.conf": EXTENSIONS},
    )
    yield server
    await server.check_clean()
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


@pytest_twisted.async_yield_fixture
async def exchange(server: LiveServer) -> AsyncIterator[Exchange]:
    from twisted.internet import reactor

    ami = await AmiClient.connect(reactor, server.host)
    await ami.login("admin", "sesame-admin")
    yield (made := Exchange(server, ami))
    await ami.close()
    await server.wait_no_channels()
    await made.no_children()

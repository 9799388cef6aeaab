"""Plays a scenario on an exchange and writes down what a manager saw, so that Obelisk and Asterisk can be compared.

A scenario is a dialplan and some calls. Each call is an Originate of a Local channel: ``;2`` runs the extension under
test, ``;1`` waits in the context ``far``. Calls are made one after the other, and the events of each are written down
by channel (`pbx.testing.event_stream`). ``tools/record_asterisk.py`` does this with an Asterisk and keeps the text in
``expected``; ``test_as_asterisk.py`` does it with Obelisk and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pbx.testing._waiting import pause
from pbx.testing.ami import AmiClient, AmiMessage
from pbx.testing.event_stream import EventStream
from pbx.testing.server import LiveServer

HERE = Path(__file__).parent
PLANS = HERE / "plans"
EXPECTED = HERE / "expected"

#: Seconds that anything may take.
SECONDS = 20.0
#: Lines at the top of an expectation that tell where it comes from.
COMMENT = ";"

MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@
displayconnects = no

[tester]
secret = sesame-tester
read = call,dialplan,user,dtmf,system
write = all
"""

#: What every scenario has: the far end of its calls.
FAR = """
[far]
exten => wait,1,Wait(60)
exten => press,1,Wait(0.5)
 same => n,Wait(60)
"""

#: Events of the exchange itself that come at times of their own.
LEFT_OUT = frozenset(("FullyBooted", "Cdr"))
#: What a reload that failed says: Asterisk that it has failed, Obelisk why.
RELOAD_FAILED = "An unknown error occurred"
#: A script's error in the log of Asterisk, which has no event for it.
_LOGGED_ERROR = re.compile(r"ERROR\[\d+\]\[C-\w+\] pbx_lua\.c: Error executing lua extension: \n(.*)")
_SCRIPT_PLACE = re.compile(r'\[string "(extensions\.lua)"\](?=:\d+:)')
#: Seconds after a call in which the states of its device are told, where their number is not known.
SETTLING = 0.3


def _is_local_device(event: AmiMessage) -> bool:
    return event["Event"] == "DeviceStateChange" and event.get("Device").startswith("Local/")


def _belongs(event: AmiMessage) -> bool:
    """Whether an event is written down as one of the call's.

    The states of Local devices are told by a thread that looks what they are when it gets to it: Asterisk itself gives
    others each time. What is always the same is how many are told, and the last. LuaError is none of Asterisk's, which
    has the same text in its log.
    """
    return event["Event"] not in LEFT_OUT and not _is_local_device(event) and event.get("UserEvent") != "LuaError"


@dataclass(frozen=True)
class Step:
    """What the manager does in the middle of a call: once an event has come, and some time has passed, an action.

    ``{1}`` and ``{2}`` in the action's fields are the names of the call's channels. An empty action only waits.
    """

    event: str
    fields: dict[str, str]
    action: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass(frozen=True)
class Load:
    """Put files of ``plans`` in place of those of the configuration, and reload the module."""

    lua: str = ""
    conf: str = ""


@dataclass(frozen=True)
class Call:
    """One call: Originate of ``Local/exten@context``, its far end in ``far``."""

    exten: str
    context: str = "lua"
    far: str = "wait"
    variables: tuple[str, ...] = ()
    caller: str = ""
    #: Milliseconds it may take to be answered.
    timeout: int = 10_000
    steps: tuple[Step | Load, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.exten}@{self.context}"


@dataclass(frozen=True)
class Ask:
    """An action whose answer, list items included, is written down."""

    action: str
    arguments: dict[str, str]
    #: The event that ends the list; without one the answer is a single message.
    end: str = ""

    @property
    def title(self) -> str:
        return " ".join((self.action, *self.arguments.values()))


@dataclass(frozen=True)
class Scenario:
    """A plan (files ``plans/NAME.lua`` and ``plans/NAME.conf``, either may be missing) and what is done with it."""

    name: str
    #: What of the contract it is about.
    about: str
    parts: tuple[Call | Ask | Load, ...]

    def text(self, suffix: str) -> str:
        path = PLANS / f"{self.name}.{suffix}"
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def expected(self) -> Path:
        return EXPECTED / f"{self.name}.txt"


async def start_server(reactor: Any, scenario: Scenario, **arguments: Any) -> LiveServer:
    """A server with the scenario's plan and a manager; ``arguments`` are further ones of LiveServer.start."""
    files = dict(arguments.pop("files", {}))
    files |= {"manager.conf": MANAGER_CONF, "extensions.conf": FAR + scenario.text("conf")}
    lua = scenario.text("lua") or "extensions = {}\n"
    return await LiveServer.start(reactor=reactor, extensions=lua, files=files, users=(), **arguments)


class Player:
    """Plays scenarios on one running server."""

    def __init__(self, reactor: Any, server: LiveServer, client: AmiClient) -> None:
        self._reactor = reactor
        self._server = server
        self._client = client
        client.seconds = SECONDS

    @classmethod
    async def of(cls, reactor: Any, server: LiveServer) -> Player:
        """A player with a manager of its own."""
        client = await AmiClient.connect(reactor, server.host)
        await client.login("tester", "sesame-tester")
        return cls(reactor, server, client)

    async def close(self) -> None:
        await self._client.close()

    async def play(self, scenario: Scenario, expected: str = "") -> str:
        """What was seen, as text; ``expected`` tells how many states of Local devices to wait for."""
        lines: list[str] = []
        counts = (int(found) for found in re.findall(r"^Local device: (\d+) told", expected, re.MULTILINE))
        for part in scenario.parts:
            title = "load" if isinstance(part, Load) else part.title
            lines += ["", f"== {title}"]
            if isinstance(part, Call):
                lines += await self._call(part, counts)
            elif isinstance(part, Load):
                lines += await self._load(part)
            else:
                lines += await self._ask(part)
        return "\n".join(lines[1:]) + "\n"

    async def _load(self, load: Load) -> list[str]:
        for name, source in (("extensions.lua", load.lua), ("extensions.conf", load.conf)):
            if source:
                text = (PLANS / source).read_text("utf-8")
                (self._server.etc / name).write_text(FAR + text if name.endswith("conf") else text, "utf-8")
        lines = []
        for module, changed in (("pbx_lua.so", load.lua), ("pbx_config.so", load.conf)):
            if changed:
                reply = await self._client.action("Reload", Module=module)
                good = reply["Response"] == "Success"
                event = await self._client.event("Reload", Module=module)
                self._client.messages.remove(event)
                lines.append(f"{changed}: {reply['Response']}: {reply.get('Message') if good else RELOAD_FAILED}")
                lines.append(f"Reload Module={event['Module']} Status={event['Status']}")
        return lines

    async def _ask(self, ask: Ask) -> list[str]:
        action_id = self._client.send(ask.action, **ask.arguments)
        reply = await self._client.reply(action_id)
        found = [reply]
        if ask.end and reply["Response"] == "Success":
            await self._client.until(lambda: self._of(ask.end, action_id))
            found += [m for m in self._client.events if m.get("ActionID") == action_id]
        return ["; ".join(f"{n}: {v}" for n, v in m.headers if n != "ActionID") for m in found]

    def _of(self, event: str, action_id: str) -> AmiMessage | None:
        return next((m for m in self._client.events if m["Event"] == event and m.get("ActionID") == action_id), None)

    async def _call(self, call: Call, counts: Iterator[int]) -> list[str]:
        client = self._client
        client.messages.clear()
        logged = len(self._logged_errors())
        stream = EventStream()
        fields = {"Channel": f"Local/{call.exten}@{call.context}", "Context": "far", "Exten": call.far, "Priority": "1"}
        if call.caller:
            fields["CallerID"] = call.caller
        variables = [("Variable", each) for each in call.variables]
        action_id = client.send("Originate", *variables, Async="yes", Timeout=str(call.timeout), **fields)
        lines: list[str] = []
        for step in call.steps:
            lines += await self._load(step) if isinstance(step, Load) else await self._step(step, stream)
        await client.until(lambda: self._count("Hangup") >= max(2, self._count("Newchannel")))
        response = await client.until(lambda: self._of("OriginateResponse", action_id))
        lines.insert(0, f"Originate: {response['Response']} {response['Reason']}")
        for event in client.events:
            if _belongs(event) and event is not response and event.get("ActionID") != action_id:
                stream.add(event)
        return [*lines, *stream.lines(), *await self._devices(counts), *self._script_errors(logged)]

    async def _devices(self, counts: Iterator[int]) -> list[str]:
        """How many states of Local devices a call had, and which was the last."""
        wanted = next(counts, None)
        if wanted is None:
            await pause(self._reactor, SETTLING)
        else:
            await self._client.until(lambda: len(self._device_states()) >= wanted)
        states = self._device_states()
        return [f"Local device: {len(states)} told, at last {states[-1] if states else 'none'}"]

    def _device_states(self) -> list[str]:
        return [event["State"] for event in self._client.events if _is_local_device(event)]

    def _script_errors(self, logged: int) -> list[str]:
        """The errors of scripts: from LuaError, and where there is none of it from what ``logged`` did not have."""
        found = [event["Error"] for event in self._client.events if event.get("UserEvent") == "LuaError"]
        found = found or self._logged_errors()[logged:]
        return ["Script error: " + _SCRIPT_PLACE.sub(r"\1", text) for text in found]

    def _logged_errors(self) -> list[str]:
        return _LOGGED_ERROR.findall(self._server.log_text())

    def _count(self, event: str) -> int:
        return sum(each["Event"] == event for each in self._client.events)

    async def _step(self, step: Step, stream: EventStream) -> list[str]:
        client = self._client
        await client.event(step.event, **step.fields)
        if step.after:
            await pause(self._reactor, step.after)
        if not step.action:
            return []
        names = [event["Channel"] for event in client.events if event["Event"] == "Newchannel"]
        given = {key: value.replace("{1}", names[0]).replace("{2}", names[1]) for key, value in step.arguments.items()}
        reply = await client.action(step.action, **given)
        return [stream.name(f"{step.action}: {reply['Response']}: {reply.get('Message')}")]


def without_comment(text: str) -> str:
    """An expectation without the lines on where it comes from."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(COMMENT))

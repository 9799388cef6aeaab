"""Real SIP phones for tests: PJSUA2 (the pjsua2 package's own classes), each in an operating system process of its own.

A phone has no sound device: it plays WAV files into its calls and records what it hears. It carries up to four calls
at once. Every wait takes a timeout in seconds and raises TimeoutError saying what was waited for and what was found.

    alice = await Phone.start("alice", reactor=reactor, directory=tmp_path)
    await alice.register("127.0.0.1:5060", password="secret")
    call = await alice.call("sip:600@127.0.0.1:5060")
    await call.confirmed()
    await call.record(tmp_path / "heard.wav")
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pbx.testing._waiting import PATIENCE_SECONDS, Changes, KeptProcess
from pbx.testing.addresses import process_address
from pbx.testing.message import SipMessage
from pbx.testing.phone_call import Ended, Headers, PhoneCall, PhoneError, RegistrationRefused

MAX_CALLS = 4

__all__ = ["MAX_CALLS", "Ended", "Phone", "PhoneCall", "PhoneError", "RegistrationRefused"]


class Phone:
    """A phone process. Make it with `start`."""

    def __init__(self, name: str, reactor: IReactorTime, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.changes = Changes(reactor)
        self.calls: dict[int, PhoneCall] = {}
        self.host = ""
        self.port = 0
        self.transport = "udp"
        self.registration_code = 0
        self.registration_reason = ""
        self.registration_expires = 0
        self._registration_answers = 0
        self._reactor = reactor
        self._incoming: list[PhoneCall] = []
        self._answers: dict[int, Deferred[dict[str, Any]]] = {}
        self._last_command = 0
        self._process = KeptProcess(reactor, self._line_received)
        self._process.changes = self.changes

    @classmethod
    async def start(
        cls,
        name: str,
        *,
        reactor: Any,
        directory: Path | str,
        host: str | None = None,
        port: int = 0,
        transport: str = "udp",
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        user_agent: str = "Obelisk test phone",
        lock_codec: bool = False,
    ) -> Phone:
        """Start a phone on ``host`` (its own address 127.x.y.z by default) and a free port; it is not registered.

        ``codecs`` are offered in this order. ``lock_codec``: after an answer with several codecs the phone asks, by
        UPDATE or re-INVITE, for one; a test that holds or changes the call then races with the phone itself. The
        phone's log is ``directory/phone-NAME.log``.
        """
        phone = cls(name, reactor, Path(directory))
        process = phone._process
        reactor.spawnProcess(
            process,
            sys.executable,
            [sys.executable, "-m", "pbx.testing._phone_process"],
            env=dict(os.environ),
            childFDs={0: "w", 1: "r", 2: "r"},
        )
        phone.host = host or process_address(process.pid)
        phone.transport = transport
        started = await phone.command(
            "start",
            name=name,
            host=phone.host,
            port=port,
            transport=transport,
            log=str(phone.log_path),
            codecs=list(codecs),
            user_agent=user_agent,
            lock_codec=lock_codec,
        )
        phone.port = int(started["address"].rpartition(":")[2])
        return phone

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log_path(self) -> Path:
        return self.directory / f"phone-{self.name}.log"

    @property
    def uri(self) -> str:
        """Where the phone itself is reached, without an exchange."""
        parameter = ";transport=tcp" if self.transport == "tcp" else ""
        return f"sip:{self.name}@{self.host}:{self.port}{parameter}"

    def log_text(self) -> str:
        """PJSIP's own log, messages included."""
        text = self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""
        return text + self._process.errors.decode("utf-8", "replace")

    async def register(
        self,
        registrar: str,
        *,
        user: str | None = None,
        password: str = "",
        realm: str = "*",
        expires: int = 300,
        timeout: float = PATIENCE_SECONDS,
    ) -> None:
        """Register at ``registrar`` (``host:port``); raises RegistrationRefused with the code of a final refusal."""
        await self.use_account(registrar, user=user, password=password, realm=realm)
        before = self._registration_answers
        await self.command("register", registrar=self._with_transport(f"sip:{registrar}"), expires=expires)
        await self._registration_answer(before, timeout)

    async def unregister(self, timeout: float = PATIENCE_SECONDS) -> None:
        before = self._registration_answers
        await self.command("unregister")
        await self._registration_answer(before, timeout)

    async def use_account(self, domain: str, *, user: str | None = None, password: str = "", realm: str = "*") -> None:
        """Call as ``sip:user@domain`` with these credentials from now on, without registering."""
        user = user or self.name
        identity = self._with_transport(f"sip:{user}@{domain}")
        await self.command("credentials", identity=identity, user=user, password=password, realm=realm)

    async def call(self, uri: str, *, headers: Headers = (), late_offer: bool = False) -> PhoneCall:
        """Send an INVITE; returns at once. ``late_offer`` sends it without SDP."""
        made = await self.command(
            "call",
            uri=self._with_transport(uri),
            headers=[list(header) for header in headers],
            late_offer=late_offer,
        )
        call = self._call(made["call"])
        call.call_id = made["call_id"]
        return call

    async def incoming(self, timeout: float = PATIENCE_SECONDS) -> PhoneCall:
        """The oldest call that has come in and has not been taken by this method yet."""

        def arrived() -> bool:
            self.check_alive()
            return bool(self._incoming)

        await self.changes.until(arrived, timeout, lambda: f"no call has come to {self.name}")
        return self._incoming.pop(0)

    @property
    def waiting_calls(self) -> int:
        """How many calls have come in and have not been taken by `incoming`."""
        return len(self._incoming)

    def kill(self) -> None:
        """End the process at once (SIGKILL), as when a phone loses power: nothing is said to anybody."""
        self._process.send_signal("KILL")

    async def stop(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Hang up, and end the process; kill it if that takes too long. Never raises for a phone that is gone."""
        if not self._process.ended:
            try:
                await self.command("stop", timeout=timeout)
            except (PhoneError, TimeoutError):
                self.kill()
        await self._process.end(timeout)

    def check_alive(self) -> None:
        """Raise PhoneError if the process has ended."""
        if self._process.ended:
            raise PhoneError(
                f"the phone {self.name} has ended (signal {self._process.signal_number}):\n{self.log_text()[-4000:]}"
            )

    async def command(self, do: str, *, timeout: float = PATIENCE_SECONDS, **arguments: Any) -> dict[str, Any]:
        """Tell the process to do something (see ``_phone_process``); returns its answer, raises PhoneError."""
        self.check_alive()
        self._last_command += 1
        number = self._last_command
        answered: list[dict[str, Any]] = []
        answer: Deferred[dict[str, Any]] = Deferred()
        answer.addCallback(answered.append)
        self._answers[number] = answer
        line = json.dumps({"id": number, "do": do, **arguments}).encode() + b"\n"
        transport: Any = self._process.transport
        transport.write(line)

        def arrived() -> bool:
            if not answered:
                self.check_alive()
            return bool(answered)

        try:
            await self.changes.until(arrived, timeout, lambda: f"the phone {self.name} did not {do}")
        finally:
            self._answers.pop(number, None)
        if "error" in answered[0]:
            raise PhoneError(f"{self.name} {do}: {answered[0]['error']}")
        found: dict[str, Any] = answered[0]["ok"]
        return found

    async def _registration_answer(self, before: int, timeout: float) -> None:
        def answered() -> bool:
            self.check_alive()
            return self._registration_answers > before

        await self.changes.until(answered, timeout, lambda: f"{self.name}: no answer to REGISTER")
        if self.registration_code != 200:
            raise RegistrationRefused(self.registration_code, self.registration_reason)

    def _with_transport(self, uri: str) -> str:
        return uri + ";transport=tcp" if self.transport == "tcp" and ";transport=" not in uri else uri

    def _call(self, number: int) -> PhoneCall:
        if number not in self.calls:
            self.calls[number] = PhoneCall(self, number)
        return self.calls[number]

    def _line_received(self, line: bytes) -> None:
        message = json.loads(line)
        if "event" in message:
            name = message.pop("event")
            handler = getattr(self, f"_on_{name}")
            if "call" in message:
                handler(self._call(message.pop("call")), **message)
            else:
                handler(**message)
        elif message["id"] in self._answers:
            self._answers[message["id"]].callback(message)
        self.changes.changed()

    def _on_registration(self, code: int, reason: str, expires: int, status: int) -> None:
        self.registration_code = code
        self.registration_reason = reason
        self.registration_expires = expires
        self._registration_answers += 1

    def _on_incoming(self, call: PhoneCall, remote_uri: str, local_uri: str, message: str) -> None:
        call.state = "INCOMING"
        call.remote_uri = remote_uri
        call.local_uri = local_uri
        call.message = SipMessage.parse(message)
        call.call_id = call.message.header("Call-ID") or ""
        self._incoming.append(call)

    def _on_call_state(self, call: PhoneCall, state: str, code: int, reason: str) -> None:
        call.state = state
        call.code = code
        call.reason = reason
        if state == "DISCONNECTED" and call in self._incoming:
            self._incoming.remove(call)

    def _on_response(self, call: PhoneCall, method: str, code: int, message: str) -> None:
        if not call.responses or call.responses[-1].text != message:
            call.responses.append(SipMessage.parse(message))

    def _on_request(self, call: PhoneCall, method: str, message: str) -> None:
        if not call.requests or call.requests[-1].text != message:
            call.requests.append(SipMessage.parse(message))

    def _on_media(self, call: PhoneCall, media: list[dict[str, Any]]) -> None:
        call.media = media

    def _on_dtmf(self, call: PhoneCall, digit: str, duration: int) -> None:
        call.digits += digit

    def _on_played(self, call: PhoneCall) -> None:
        call.times_played += 1

    def _on_transfer_request(self, call: PhoneCall, target: str, new_call: int) -> None:
        call.transfer_target = target
        call.transferred_to = self._call(new_call)

    def _on_transfer_status(self, call: PhoneCall, code: int, reason: str, final: bool) -> None:
        call.transfer_codes.append(code)

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
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pbx.testing.addresses import process_address
from pbx.testing._waiting import Changes, KeptProcess
from pbx.testing.message import SipMessage

COMMAND_SECONDS = 10.0
MAX_CALLS = 4
Headers = Sequence[tuple[str, str]]


class PhoneError(AssertionError):
    """A phone could not do what it was told, or a call ended while something else was waited for."""


class RegistrationRefused(PhoneError):
    """The registrar answered with something else than 200."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"registration refused: {code} {reason}")
        self.code = code
        self.reason = reason


class Ended(NamedTuple):
    """How a call ended: the last status code seen in it (200 after a BYE) and its reason phrase."""

    code: int
    reason: str


class PhoneCall:
    """One call at one phone, seen from that phone."""

    def __init__(self, phone: Phone, number: int) -> None:
        self.phone = phone
        self.number = number
        self.state = "NULL"
        self.code = 0
        self.reason = ""
        self.digits = ""
        self.media: list[dict[str, Any]] = []
        self.responses: list[SipMessage] = []
        self.requests: list[SipMessage] = []
        self.transfer_codes: list[int] = []
        self.times_played = 0
        self.remote_uri = ""
        self.local_uri = ""
        self.call_id = ""
        self.message: SipMessage | None = None
        """The INVITE that came in; None for a call made by this phone."""
        self.transfer_target = ""
        self.transferred_to: PhoneCall | None = None

    def __repr__(self) -> str:
        return (
            f"<call {self.number} at {self.phone.name}: {self.state} {self.code} {self.reason}, media {self.media}, "
            f"digits {self.digits!r}, responses {[m.status for m in self.responses]}>"
        )

    def header(self, name: str) -> str | None:
        """A header of the INVITE that came in."""
        return self.message.header(name) if self.message is not None else None

    # What to do

    async def ring(self) -> None:
        """Answer 180."""
        await self.answer(180)

    async def answer(self, code: int = 200, reason: str = "", headers: Headers = ()) -> None:
        await self._command("answer", code=code, reason=reason, headers=[list(header) for header in headers])

    async def hangup(self, code: int = 0, reason: str = "") -> None:
        """End it: BYE, CANCEL, or ``code`` (603 if 0) when it came in and has not been answered."""
        await self._command("hangup", code=code, reason=reason)

    async def hold(self) -> None:
        await self._command("hold")

    async def unhold(self) -> None:
        await self._command("unhold")

    async def send_dtmf(self, digits: str, *, method: str = "rfc4733", milliseconds: int = 120) -> None:
        """Send digits by RFC 4733 events (``rfc4733``) or by INFO (``info``)."""
        await self._command("send_dtmf", digits=digits, method=method, milliseconds=milliseconds)

    async def play(self, path: Path | str, *, loop: bool = True) -> None:
        """Speak a WAV file into the call, from now or from when it has audio."""
        await self._command("play", path=str(path), loop=loop)

    async def stop_playing(self) -> None:
        await self._command("stop_playing")

    async def record(self, path: Path | str) -> None:
        """Write what is heard to a WAV file, from now or from when there is audio."""
        await self._command("record", path=str(path))

    async def stop_recording(self) -> None:
        """Close the recording; it may be read afterwards."""
        await self._command("stop_recording")

    async def transfer(self, uri: str) -> None:
        """Blind transfer (REFER)."""
        await self._command("transfer", uri=uri)

    async def transfer_to(self, other: PhoneCall) -> None:
        """Attended transfer (REFER with Replaces) to another call of this phone."""
        await self._command("transfer_replaces", other=other.number)

    async def statistics(self) -> dict[str, int]:
        """RTP packets ``received``, ``sent`` and ``lost`` so far."""
        found = await self._command("statistics")
        return {name: int(value) for name, value in found.items()}

    # What to wait for

    async def ringing(self, timeout: float = 5.0) -> None:
        """Until a 180 or 183 has come."""
        await self._until(lambda: self.state in ("EARLY", "CONFIRMED"), timeout, "not ringing")

    async def confirmed(self, timeout: float = 5.0) -> None:
        """Until it is answered and acknowledged."""
        await self._until(lambda: self.state == "CONFIRMED", timeout, "not answered")

    async def disconnected(self, timeout: float = 5.0) -> Ended:
        await self._until(lambda: self.state == "DISCONNECTED", timeout, "not ended")
        return Ended(self.code, self.reason)

    async def dtmf(self, digits: str, timeout: float = 5.0) -> None:
        """Until exactly these digits have been received since the call began."""
        await self._until(lambda: len(self.digits) >= len(digits), timeout, f"did not receive {digits!r}")
        if self.digits != digits:
            raise PhoneError(f"received {self.digits!r}, not {digits!r}")

    async def media_state(self, state: str, timeout: float = 5.0) -> None:
        """Until the audio is ``active``, ``local_hold``, ``remote_hold`` or ``none``."""
        await self._until(
            lambda: any(media["state"] == state for media in self.media), timeout, f"audio is not {state}"
        )

    async def played(self, timeout: float = 10.0) -> None:
        """Until a file played without loop has reached its end."""
        await self._until(lambda: self.times_played > 0, timeout, "not played to the end")

    async def response(self, code: int, method: str = "INVITE", timeout: float = 5.0) -> SipMessage:
        """The response with this code to a request of ours in this call, waiting for it if need be."""

        def found() -> list[SipMessage]:
            return [m for m in self.responses if m.status == code and m.cseq_method == method]

        await self._until(lambda: bool(found()), timeout, f"no {code} to {method}")
        return found()[-1]

    async def _until(self, condition: Any, timeout: float, what: str) -> None:
        def holds() -> bool:
            if condition():
                return True
            if self.state == "DISCONNECTED":
                raise PhoneError(f"{what}; the call has ended: {self!r}")
            self.phone.check_alive()
            return False

        await self.phone.changes.until(holds, timeout, lambda: f"{what}: {self!r}")

    async def _command(self, do: str, **arguments: Any) -> dict[str, Any]:
        return await self.phone.command(do, call=self.number, **arguments)


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
    ) -> Phone:
        """Start a phone on ``host`` (its own address 127.x.y.z by default) and a free port; it is not registered.

        ``codecs`` are offered in this order. The phone's log is ``directory/phone-NAME.log``.
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
        timeout: float = 5.0,
    ) -> None:
        """Register at ``registrar`` (``host:port``); raises RegistrationRefused with the code of a final refusal."""
        await self.use_account(registrar, user=user, password=password, realm=realm)
        before = self._registration_answers
        await self.command("register", registrar=self._with_transport(f"sip:{registrar}"), expires=expires)
        await self._registration_answer(before, timeout)

    async def unregister(self, timeout: float = 5.0) -> None:
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

    async def incoming(self, timeout: float = 5.0) -> PhoneCall:
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

    async def stop(self, timeout: float = 5.0) -> None:
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
                f"the phone {self.name} has ended (signal {self._process.signal}):\n{self.log_text()[-4000:]}"
            )

    async def command(self, do: str, *, timeout: float = COMMAND_SECONDS, **arguments: Any) -> dict[str, Any]:
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

"""One call at a test phone: what to do with it and what to wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pbx.testing._waiting import PATIENCE_SECONDS
from pbx.testing.message import SipMessage

if TYPE_CHECKING:
    from pbx.testing.phone import Phone

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

    async def ringing(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Until a 180 or 183 has come."""
        await self._until(lambda: self.state in ("EARLY", "CONFIRMED"), timeout, "not ringing")

    async def confirmed(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Until it is answered and acknowledged."""
        await self._until(lambda: self.state == "CONFIRMED", timeout, "not answered")

    async def disconnected(self, timeout: float = PATIENCE_SECONDS) -> Ended:
        await self._until(lambda: self.state == "DISCONNECTED", timeout, "not ended")
        return Ended(self.code, self.reason)

    async def dtmf(self, digits: str, timeout: float = PATIENCE_SECONDS) -> None:
        """Until exactly these digits have been received since the call began."""
        await self._until(lambda: len(self.digits) >= len(digits), timeout, f"did not receive {digits!r}")
        if self.digits != digits:
            raise PhoneError(f"received {self.digits!r}, not {digits!r}")

    async def media_state(self, state: str, timeout: float = PATIENCE_SECONDS) -> None:
        """Until the audio is ``active``, ``local_hold``, ``remote_hold`` or ``none``."""
        await self._until(
            lambda: any(media["state"] == state for media in self.media), timeout, f"audio is not {state}"
        )

    async def played(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Until a file played without loop has reached its end."""
        await self._until(lambda: self.times_played > 0, timeout, "not played to the end")

    async def response(self, code: int, method: str = "INVITE", timeout: float = PATIENCE_SECONDS) -> SipMessage:
        """The response with this code to a request of ours in this call, waiting for it if need be."""

        def found() -> list[SipMessage]:
            return [m for m in self.responses if m.status == code and m.cseq_method == method]

        await self._until(lambda: bool(found()), timeout, f"no {code} to {method}")
        return found()[-1]

    async def _until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
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

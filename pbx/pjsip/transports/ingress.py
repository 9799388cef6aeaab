"""The way of every received message: trace, screen, PJSIP, and the answer to what none of them takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from pbx.pjsip._native.transport import PjTransport
from pbx.pjsip.message import SipMessage
from pbx.pjsip.screen import refusal, screen

log = Logger()

#: Lines logged per second about refused messages; the rest is counted.
LOG_LINES_PER_SECOND = 10

#: (raw, transport id and protocol, source)
ReceiveTrace = Callable[[bytes, PjTransport, tuple[str, int]], object]


class Ingress:
    """One per host."""

    def __init__(self, reactor: Any) -> None:
        """``reactor``: IReactorTime."""
        self._reactor = reactor
        #: called with every message before it is looked at; None costs nothing
        self.on_received: ReceiveTrace | None = None
        #: called with (Call-ID, why) when a message was repaired only so that its call can be ended
        self.on_unusable: Callable[[str, str], object] | None = None
        self.refused = 0
        self._second = 0.0
        self._lines = 0

    def receive(self, raw: bytes, transport: PjTransport, source: tuple[str, int]) -> None:
        """A datagram, or one framed message of a stream."""
        if not raw.strip(b"\r\n\0 \t"):
            return  # keep-alive of a NAT binding
        if self.on_received is not None:
            self.on_received(raw, transport, source)
        verdict = screen(raw, source)
        if verdict is None:
            if not transport.receive(raw, source):
                self.refuse(raw, transport, source, 400, "PJSIP cannot parse it")
            return
        if verdict.raw is None:
            self.refuse(raw, transport, source, verdict.code, verdict.reason)
            return
        if not transport.receive(verdict.raw, source, verdict.reading):
            self.refuse(raw, transport, source, 400, "PJSIP cannot parse it")
        elif verdict.unusable:
            call_id = SipMessage(raw).call_id
            self._log("repaired", raw, transport, source, verdict.reason)
            if self.on_unusable is not None:
                self.on_unusable(call_id, verdict.reason)

    def refuse(self, raw: bytes, transport: PjTransport, source: tuple[str, int], code: int, reason: str) -> None:
        """Answer a request that PJSIP does not get, where it can be answered, and say so in the log."""
        self.refused += 1
        answer = refusal(raw, code, source, reason) if code else None
        self._log("dropped" if answer is None else f"answered {code}", raw, transport, source, reason)
        if answer is None:
            return
        data, destination = answer
        try:
            transport.send_raw(data, destination)
        except OSError as error:
            log.debug("no {code} to {to[0]}:{to[1]}: {error}", code=code, to=destination, error=error)

    def _log(self, deed: str, raw: bytes, transport: PjTransport, source: tuple[str, int], reason: str) -> None:
        second = self._reactor.seconds() // 1
        if second != self._second:
            if self._lines > LOG_LINES_PER_SECOND:
                log.warn("{count} more malformed SIP messages", count=self._lines - LOG_LINES_PER_SECOND)
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= LOG_LINES_PER_SECOND:
            log.warn(
                "malformed SIP from {sender[0]}:{sender[1]} by {protocol}, {deed}: {reason} (Call-ID {call_id})",
                sender=source,
                protocol=transport.info.protocol,
                deed=deed,
                reason=reason,
                call_id=SipMessage(raw[:4096]).call_id[:128],
            )

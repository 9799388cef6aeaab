"""Incoming messages as Python sees them, and what becomes of a request: answered now or later, postponed, taken.

They are values read from the raw bytes, safe to keep. The C message behind them is gone when PJSIP returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.pjsip._native.errors import PjError, StaleMessage
from pbx.pjsip.message import SipMessage
from pbx.pjsip.nat import with_rport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.pjsip._native.receiver import Receiver


log = Logger()
CData = Any

#: A held request that nobody answers gets 500 after this (just under a UAC's 32 s, RFC 3261 timer F).
HOLD_SECONDS = 30.0
ACK = "ACK"


@dataclass(frozen=True)
class TransportInfo:
    """Where a message came in, or a listener. ``id``: name of the transport section; ``protocol``: udp, tcp, tls, ws,
    wss; ``host`` and ``port``: the bound address; ``connection``: number of the connection, 0 for a listener."""

    id: str
    protocol: str
    host: str
    port: int
    connection: int = 0

    @property
    def is_reliable(self) -> bool:
        return self.protocol != "udp"


class IncomingMessage(SipMessage):
    """A message with where it came from."""

    def __init__(
        self,
        receiver: Receiver,
        raw: bytes,
        transport: TransportInfo,
        source: tuple[str, int],
        rdata: CData,
        context: object = None,
    ) -> None:
        super().__init__(raw)
        self.transport = transport
        self.source = source
        self.context = context
        self._receiver = receiver
        self._rdata = rdata

    def rdata(self) -> CData:
        """The pjsip_rx_data *, floor 2 only; raises StaleMessage after the callback."""
        if self._rdata is None:
            raise StaleMessage(f"the C message of Call-ID {self.call_id} is gone: its callback has returned")
        return self._rdata

    @property
    def is_live(self) -> bool:
        """Whether PJSIP's message is still there (we are inside its callback)."""
        return self._rdata is not None


class IncomingResponse(IncomingMessage):
    """A response on its way up."""


class IncomingRequest(IncomingMessage):
    """A request that can be answered, now or later."""

    def __init__(
        self,
        receiver: Receiver,
        raw: bytes,
        transport: TransportInfo,
        source: tuple[str, int],
        rdata: CData,
        context: object = None,
    ) -> None:
        super().__init__(receiver, raw, transport, source, rdata, context)
        #: whether a final answer was sent, the request was taken by a dialog (`taken`), or postponed
        self.answered = False
        self._tsx: CData = None
        self._deadline: IDelayedCall | None = None

    def taken(self) -> None:
        """Somebody else answers it: a dialog, a session."""
        self.answered = True

    def respond(
        self,
        code: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str | None = None,
        *,
        stateless: bool = False,
        to_tag: str = "",
    ) -> None:
        """Answer, by a server transaction unless ``stateless``; ``to_tag`` begins a dialog of the caller's own.

        Raises ValueError for an ACK, a second final answer or a malformed header, PjError when PJSIP refuses, and
        StaleMessage for a late answer to a request that was not held.
        """
        if self.method == ACK:
            raise ValueError("an ACK is never answered")
        if self.answered:
            raise ValueError(f"the request with Call-ID {self.call_id} was answered already")
        self._receiver.answers.respond(self, code, reason, headers, body, content_type, stateless, to_tag)
        if code >= 200:
            self.answered = True
            cancel_timer(self._deadline)
            self._deadline = None

    def try_respond(self, code: int, *, stateless: bool = False) -> None:
        """`respond` where nobody is left to tell of a failure but the log."""
        try:
            self.respond(code, stateless=stateless)
        except (PjError, StaleMessage, ValueError) as error:
            log.warn("no {code} to Call-ID {call_id}: {error}", code=code, call_id=self.call_id, error=str(error))

    def answer_by_via(self) -> None:
        """Answer to the port that Via names, unless the sender itself asked for its source port by ``rport``."""
        if with_rport(self.raw) is not None:
            self.rdata().msg_info.via.rport_param = -1

    def hold(self) -> None:
        """Make the transaction now, so that retransmissions are absorbed; `respond` must follow, within 30 s."""
        if self.method == ACK or self._tsx is not None or self.answered:
            return
        self._receiver.answers.make_transaction(self, final=False)
        reactor = self._receiver.core.reactor
        self._deadline = reactor.callLater(HOLD_SECONDS, self._overdue)

    def _overdue(self) -> None:
        self._deadline = None
        if not self.answered:
            log.error(
                "{method} from {sender[0]}:{sender[1]} was not answered in time (Call-ID {call_id}): 500",
                method=self.method,
                sender=self.source,
                call_id=self.call_id,
            )
            self.try_respond(500)

    def postpone(self) -> None:
        """Swallow this request and its retransmissions until it is injected again, 32 s at most."""
        self.answered = True
        self._receiver.postpone(self)

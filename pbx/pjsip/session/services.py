"""What every session needs of the exchange, and the sessions there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.core.channel import Channel
from pbx.errors import ObeliskError
from pbx.pjsip.events import SessionEnding
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.location import Location
from pbx.pjsip.media_names import MediaNames
from pbx.pjsip.session.options import credentials_of
from pbx.pjsip.settings import PjsipSettings

if TYPE_CHECKING:
    from pbx.core.frames import Control
    from pbx.media import MediaEngine
    from pbx.pjsip._native.invite_call import Credential
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.session.session import PjsipSession
    from pbx.server import Server

log = Logger()

#: The code and the headers of an answer.
Answer = tuple[int, Sequence[tuple[str, str]]]
#: Takes a request inside a call; called inside PJSIP, so what it leads to waits (`PjsipSession.later`).
InCallHandler = Callable[["PjsipSession", "SipMessage"], Answer]
#: Takes an INFO inside a call by its headers, or passes it on with None.
InfoHandler = Callable[["PjsipSession", "SipMessage"], Answer | None]
#: Tells the far end what a channel indicates; False when that is not possible.
Indication = Callable[["PjsipSession", object], bool]


class Sessions:
    """The registry of PJSIP sessions, and the services they share."""

    def __init__(self, server: Server, engine: MediaEngine) -> None:
        self.server = server
        self.channels = server.channels
        self.clock = server.clock
        self.engine = engine
        self.host = server.require(PjsipHost)
        self.settings = server.require(PjsipSettings)
        self.location = server.require(Location)
        self._sessions: dict[str, PjsipSession] = {}
        #: Those whose endpoint has ``force_rport = no``.
        self._answered_by_via: set[PjsipSession] = set()
        #: Host names in session descriptions.
        self.media_names = MediaNames(self.host.resolver, self.host.inject)
        self.host.invite.gate.hold_back = self.media_names.hold_back
        self._number = 0
        #: Whether an INVITE with Replaces takes a call's place (res_pjsip_refer).
        self.replaces = False
        self._handlers: dict[str, InCallHandler] = {}
        self._info: list[InfoHandler] = []
        self._indications: dict[Control, Indication] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[PjsipSession]:
        return iter(list(self._sessions.values()))

    def register_method(self, method: str, handler: InCallHandler) -> Callable[[], None]:
        """Hand requests of ``method`` inside calls to ``handler``; the result withdraws it. ValueError when taken."""
        if method in self._handlers:
            raise ValueError(f"{method} inside calls has a handler already")
        self._handlers[method] = handler

        def withdraw() -> None:
            self._handlers.pop(method, None)

        return withdraw

    def register_info(self, handler: InfoHandler) -> Callable[[], None]:
        """Show each INFO inside a call to ``handler`` first; the result withdraws it."""
        self._info.append(handler)
        return lambda: self._info.remove(handler)

    def register_indication(self, kind: Control, handler: Indication) -> Callable[[], None]:
        """Hand what a channel indicates of ``kind`` to ``handler``; the result withdraws it. ValueError when taken."""
        if kind in self._indications:
            raise ValueError(f"{kind} has a handler already")
        self._indications[kind] = handler

        def withdraw() -> None:
            self._indications.pop(kind, None)

        return withdraw

    def indicate(self, session: PjsipSession, kind: Control, data: object) -> bool:
        """Whether somebody told the far end."""
        handler = self._indications.get(kind)
        return handler is not None and handler(session, data)

    def answer_info(self, session: PjsipSession, message: SipMessage) -> Answer | None:
        """What the first handler that takes an INFO answers, or None."""
        return next((answer for handler in self._info if (answer := handler(session, message)) is not None), None)

    def write_function(self, channel: Channel, expression: str, value: str) -> None:
        """Write a dialplan function on a channel; a failure is logged."""

        async def write() -> None:
            waiting = self.server.dialplan.write_function(channel, expression, value)
            if waiting is not None:
                await waiting

        def failed(failure: Failure) -> None:
            log.warn(
                "{channel}: {expression} was not set: {error}",
                channel=channel.name,
                expression=expression,
                error=failure.getErrorMessage(),
            )

        Deferred.fromCoroutine(write()).addErrback(failed)

    def handler(self, method: str) -> InCallHandler | None:
        """Who takes requests of ``method`` inside calls."""
        return self._handlers.get(method)

    def add(self, session: PjsipSession) -> None:
        self._sessions[session.channel.uniqueid] = session
        if not session.endpoint.force_rport:
            self._answered_by_via.add(session)
            self.host.receiver.is_answered_by_via = self._is_answered_by_via

    def remove(self, session: PjsipSession) -> None:
        if session in self._answered_by_via:
            self._answered_by_via.discard(session)
            if not self._answered_by_via:
                self.host.receiver.is_answered_by_via = None
        uniqueid = session.channel.uniqueid
        if self._sessions.get(uniqueid) is session:
            del self._sessions[uniqueid]
            self.server.bus.publish(SessionEnding(session.endpoint.id))

    def of_channel(self, channel: Channel) -> PjsipSession | None:
        """The session behind a channel; None when it is not a PJSIP channel."""
        return self._sessions.get(channel.uniqueid)

    def of_call_id(self, call_id: str) -> PjsipSession | None:
        """A session by its Call-ID: for the rare, so by search."""
        return next((s for s in self._sessions.values() if s.call_id == call_id), None)

    def _is_answered_by_via(self, call_id: str) -> bool:
        return any(session.call_id == call_id for session in self._answered_by_via)

    def new_name(self, endpoint_id: str) -> str:
        """``PJSIP/<endpoint>-<8 hex digits>``."""
        number = self._number
        self._number = (number + 1) & 0xFFFFFFFF
        return f"PJSIP/{endpoint_id}-{number:08x}"

    @property
    def user_agent(self) -> str:
        return self.settings.global_.user_agent

    def credentials(self, endpoint: Endpoint) -> list[Credential]:
        """What answers challenges to requests to ``endpoint``."""
        return credentials_of(endpoint, self.server.sorcery)

    def transport_towards(self, endpoint: Endpoint, protocol: str) -> str:
        """The id of the transport for requests to ``endpoint``. Raises ObeliskError when there is none."""
        if endpoint.transport:
            if self.host.transport(endpoint.transport) is None:
                raise ObeliskError(f"endpoint {endpoint.id}: transport '{endpoint.transport}' is not open")
            return endpoint.transport
        for info in self.host.transports():
            if info.protocol == protocol:
                return info.id
        raise ObeliskError(f"endpoint {endpoint.id}: there is no {protocol} transport")

"""Security events of SIP requests: built only when somebody reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.security_events import (
    ChallengeResponseFailed,
    ChallengeSent,
    FailedACL,
    InvalidAccountID,
    RequestNotSupported,
    SecurityAddress,
    SuccessfulAuth,
)

if TYPE_CHECKING:
    from typing import TypedDict

    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip.digest import Authorization
    from pbx.pjsip.host import IncomingRequest

    class Common(TypedDict):
        """What every event has."""

        time: float
        service: str
        account_id: str
        session_id: str
        local: SecurityAddress
        remote: SecurityAddress


SERVICE = "PJSIP"
UNKNOWN_ACCOUNT = "<unknown>"
MAX_NONCE_CHARS = 63
MAX_RESPONSE_CHARS = 255
"""What is quoted of a client's header; the rest is cut."""


class SecurityReporter:
    """Publishes what happened to a request. ``account`` is the endpoint's id, or `UNKNOWN_ACCOUNT`."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def _common(self, request: IncomingRequest, account: str) -> Common:
        transport = request.transport
        return {
            "time": self._clock.now(),
            "service": SERVICE,
            "account_id": account,
            "session_id": request.call_id,
            "local": SecurityAddress(transport.protocol, transport.host, transport.port),
            "remote": SecurityAddress(transport.protocol, request.source[0], request.source[1]),
        }

    def invalid_account(self, request: IncomingRequest, name: str) -> None:
        """No endpoint is meant by the request; ``name`` is its From user."""
        if self._bus.wanted(InvalidAccountID):
            self._bus.publish(InvalidAccountID(**self._common(request, name)))

    def failed_acl(self, request: IncomingRequest, account: str, acl_name: str) -> None:
        """An access list, or a limit that works like one, refused the request."""
        if self._bus.wanted(FailedACL):
            self._bus.publish(FailedACL(**self._common(request, account), acl_name=acl_name))

    def not_supported(self, request: IncomingRequest, account: str, request_type: str) -> None:
        """The endpoint asks for what it does not have."""
        if self._bus.wanted(RequestNotSupported):
            self._bus.publish(RequestNotSupported(**self._common(request, account), request_type=request_type))

    def challenge_sent(self, request: IncomingRequest, account: str, nonce: str) -> None:
        """A 401 went out."""
        if self._bus.wanted(ChallengeSent):
            self._bus.publish(ChallengeSent(**self._common(request, account), challenge=nonce))

    def challenge_failed(self, request: IncomingRequest, account: str, given: Authorization | None) -> None:
        """The answer to a challenge was wrong."""
        if self._bus.wanted(ChallengeResponseFailed):
            nonce = given.nonce[:MAX_NONCE_CHARS] if given is not None else ""
            response = given.response[:MAX_RESPONSE_CHARS] if given is not None else ""
            common = self._common(request, account)
            self._bus.publish(ChallengeResponseFailed(**common, challenge=nonce, response=response))

    def success(self, request: IncomingRequest, account: str, *, using_password: bool) -> None:
        """The request is the endpoint's."""
        if self._bus.wanted(SuccessfulAuth):
            self._bus.publish(SuccessfulAuth(**self._common(request, account), using_password=using_password))

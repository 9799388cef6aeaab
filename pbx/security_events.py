"""Security events: what an interface says on the bus about who tried to get in (Asterisk's security event framework).

SIP, AMI and ARI publish these; the manager's ``security`` class and the security log read them. No event carries a
password: challenges, and what a client computed from them, are as far as it goes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

INFORMATIONAL = "Informational"
ERROR = "Error"


@dataclass(frozen=True, slots=True)
class SecurityAddress:
    """One end of the conversation, written as ``IPV4/UDP/192.0.2.1/5060``."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        try:
            family = f"IPV{ip_address(self.host).version}"
        except ValueError:
            family = "IPV4"
        return f"{family}/{self.transport.upper()}/{self.host}/{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What all have: ``time`` and ``session_time`` are Unix seconds, ``session_id`` is the Call-ID for SIP."""

    name: ClassVar[str]
    severity: ClassVar[str] = ERROR
    version: ClassVar[int] = 1
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = ()
    """(manager field, attribute) of what this kind adds."""

    time: float
    service: str
    account_id: str
    session_id: str
    local: SecurityAddress
    remote: SecurityAddress
    module: str = ""
    session_time: float | None = None

    def fields(self) -> Iterator[tuple[str, str]]:
        """Names and values in the order in which the manager and the security log write them."""
        yield "EventTV", _timestamp(self.time)
        yield "Severity", self.severity
        yield "Service", self.service
        yield "EventVersion", str(self.version)
        yield "AccountID", self.account_id
        yield "SessionID", self.session_id
        yield "LocalAddress", str(self.local)
        yield "RemoteAddress", str(self.remote)
        for name, attribute in self.own_fields:
            yield name, str(getattr(self, attribute))
        if self.module:
            yield "Module", self.module
        if self.session_time is not None:
            yield "SessionTV", _timestamp(self.session_time)


def _timestamp(seconds: float) -> str:
    """Seconds and microseconds as the manager writes a time of day."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
    zone = time.strftime("%z", time.localtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}{zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedACL(SecurityEvent):
    """An access list refused the sender."""

    name: ClassVar[str] = "FailedACL"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("ACLName", "acl_name"),)

    acl_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidAccountID(SecurityEvent):
    """Nobody is called that."""

    name: ClassVar[str] = "InvalidAccountID"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit(SecurityEvent):
    """Too many sessions."""

    name: ClassVar[str] = "SessionLimit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotSupported(SecurityEvent):
    """The request is not one that this service knows, or not for this account."""

    name: ClassVar[str] = "RequestNotSupported"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("RequestType", "request_type"),)

    request_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotAllowed(SecurityEvent):
    """The account may not do this."""

    name: ClassVar[str] = "RequestNotAllowed"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (
        ("RequestType", "request_type"),
        ("RequestParams", "request_params"),
    )

    request_type: str
    request_params: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBadFormat(SecurityEvent):
    """The request could not be understood."""

    name: ClassVar[str] = "RequestBadFormat"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (
        ("RequestType", "request_type"),
        ("RequestParams", "request_params"),
    )

    request_type: str
    request_params: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthMethodNotAllowed(SecurityEvent):
    """This way to authenticate is not open to the account."""

    name: ClassVar[str] = "AuthMethodNotAllowed"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("AuthMethod", "auth_method"),)

    auth_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessfulAuth(SecurityEvent):
    """The sender proved who it is."""

    name: ClassVar[str] = "SuccessfulAuth"
    severity: ClassVar[str] = INFORMATIONAL
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("UsingPassword", "using_password_text"),)

    using_password: bool

    @property
    def using_password_text(self) -> str:
        return "1" if self.using_password else "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedAddress(SecurityEvent):
    """A session was continued from another address."""

    name: ClassVar[str] = "UnexpectedAddress"
    version: ClassVar[int] = 2
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("ExpectedAddress", "expected"),)

    expected: SecurityAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeSent(SecurityEvent):
    """The sender was asked to prove who it is."""

    name: ClassVar[str] = "ChallengeSent"
    severity: ClassVar[str] = INFORMATIONAL
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("Challenge", "challenge"),)

    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeResponseFailed(SecurityEvent):
    """The answer to a challenge was wrong."""

    name: ClassVar[str] = "ChallengeResponseFailed"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Challenge", "challenge"),
        ("Response", "response"),
        ("ExpectedResponse", "expected_response"),
    )

    challenge: str
    response: str
    expected_response: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidPassword(SecurityEvent):
    """The password was wrong."""

    name: ClassVar[str] = "InvalidPassword"
    version: ClassVar[int] = 2
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Challenge", "challenge"),
        ("ReceivedChallenge", "received_challenge"),
        ("ReceivedHash", "received_hash"),
    )

    challenge: str = ""
    received_challenge: str = ""
    received_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidTransport(SecurityEvent):
    """The account may not be used over this transport."""

    name: ClassVar[str] = "InvalidTransport"
    own_fields: ClassVar[tuple[tuple[str, str], ...]] = (("AttemptedTransport", "attempted_transport"),)

    attempted_transport: str


SECURITY_EVENTS: tuple[type[SecurityEvent], ...] = (
    AuthMethodNotAllowed,
    ChallengeResponseFailed,
    ChallengeSent,
    FailedACL,
    InvalidAccountID,
    InvalidPassword,
    InvalidTransport,
    RequestBadFormat,
    RequestNotAllowed,
    RequestNotSupported,
    SessionLimit,
    SuccessfulAuth,
    UnexpectedAddress,
)
"""All of them, for readers that take every kind."""

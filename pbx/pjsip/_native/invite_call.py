"""What an invite session is made from: values of a call to be sent, and what it can do of RFC 3262, 3311 and 4028."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# pjsip_inv_option
SUPPORT_100REL, SUPPORT_TIMER, SUPPORT_UPDATE = 1, 2, 4
REQUIRE_100REL, REQUIRE_TIMER, ALWAYS_USE_TIMER = 32, 64, 128


@dataclass(frozen=True, slots=True)
class Credential:
    """What answers a challenge: ``realm`` "*" fits any; ``secret`` is a password, or MD5(user:realm:password) in hex
    when ``digest`` is set."""

    realm: str
    username: str
    secret: str
    digest: bool = False


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """RFC 3262 and RFC 4028 in one session. ``flags``: the module's SUPPORT_ and REQUIRE_ bits; times in seconds."""

    flags: int = SUPPORT_100REL | SUPPORT_TIMER | SUPPORT_UPDATE
    min_session_expires: int = 90
    session_expires: int = 1800


@dataclass(frozen=True, slots=True)
class Call:
    """An INVITE to be sent. URIs are texts as they go into their headers, ``route`` the proxies to pass in order."""

    target: str
    from_header: str
    to_header: str
    contact: str
    offer: bytes
    options: SessionOptions = SessionOptions()
    headers: Sequence[tuple[str, str]] = ()
    #: Parameters of From, which ``from_header`` cannot hold; values are quoted where they need it.
    from_params: Sequence[tuple[str, str]] = ()
    credentials: Sequence[Credential] = ()
    route: Sequence[str] = ()
    rewrite_contact: bool = False
    #: Name of the transport to send by; empty leaves it to PJSIP.
    transport: str = ""

"""An endpoint's signalling options as floor 2 wants them: 100rel, session timers, credentials."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip._native.invite_call import (
    ALWAYS_USE_TIMER,
    REQUIRE_100REL,
    REQUIRE_TIMER,
    SUPPORT_100REL,
    SUPPORT_TIMER,
    SUPPORT_UPDATE,
    Credential,
    SessionOptions,
)
from pbx.pjsip.digest import Algorithm
from pbx.pjsip.objects import Auth
from pbx.pjsip.objects.enums import Prack, Timers
from pbx.pjsip.uri import SipUri

if TYPE_CHECKING:
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.sorcery import Sorcery

log = Logger()

#: Option tags that an INVITE may require of us (RFC 3261 8.2.2.3).
UNDERSTOOD = frozenset(("100rel", "timer", "replaces", "norefersub"))
#: Option tags that Supported names, in calls and in answers to OPTIONS.
OFFERED = ("100rel", "timer")

_TIMER_FLAGS = {
    Timers.NO: 0,
    Timers.YES: SUPPORT_TIMER,
    Timers.REQUIRED: SUPPORT_TIMER | REQUIRE_TIMER,
    Timers.ALWAYS: SUPPORT_TIMER | ALWAYS_USE_TIMER,
}


def unsupported(endpoint: Endpoint, message: SipMessage, *, replaces: bool = True) -> list[str]:
    """The option tags of Require that we cannot honour: the value of Unsupported in a 420."""
    if "Require" not in message.headers:
        return []
    wanted = message.headers.values("Require")
    understood = set(UNDERSTOOD)
    if endpoint.prack is Prack.NO:
        understood.discard("100rel")
    if endpoint.timers is Timers.NO:
        understood.discard("timer")
    if not replaces:
        understood.discard("replaces")
    return [tag for tag in wanted if tag.lower() not in understood]


def options_in(endpoint: Endpoint, message: SipMessage) -> SessionOptions:
    """For a call from ``endpoint``: its options met with what the INVITE supports and requires."""
    flags = SUPPORT_UPDATE | _TIMER_FLAGS[endpoint.timers]
    headers = message.headers
    required = {tag.lower() for tag in headers.values("Require")} if "Require" in headers else frozenset[str]()
    if endpoint.prack is not Prack.NO:
        flags |= SUPPORT_100REL
        supports = "100rel" in required
        if not supports and endpoint.prack in (Prack.REQUIRED, Prack.PEER_SUPPORTED):
            supports = "100rel" in {tag.lower() for tag in headers.values("Supported")}
        if supports:
            flags |= REQUIRE_100REL
    if "timer" in required:
        flags |= REQUIRE_TIMER
    return _options(flags, endpoint.timers_min_se, endpoint.timers_sess_expires)


@lru_cache(maxsize=256)
def _options(flags: int, min_session_expires: int, session_expires: int) -> SessionOptions:
    return SessionOptions(flags, min_session_expires, session_expires)


def options_out(endpoint: Endpoint) -> SessionOptions:
    """For a call to ``endpoint``."""
    flags = SUPPORT_UPDATE | _TIMER_FLAGS[endpoint.timers]
    if endpoint.prack is not Prack.NO:
        flags |= SUPPORT_100REL
    if endpoint.prack is Prack.REQUIRED:
        flags |= REQUIRE_100REL
    return _options(flags, endpoint.timers_min_se, endpoint.timers_sess_expires)


def credentials_of(endpoint: Endpoint, sorcery: Sorcery) -> list[Credential]:
    """The endpoint's outbound_auth objects; one that is missing is logged."""
    found: list[Credential] = []
    for name in endpoint.outbound_auth:
        auth = sorcery.get(Auth, name)
        if auth is None:
            log.warn("endpoint {endpoint}: there is no auth '{auth}'", endpoint=endpoint.id, auth=name)
            continue
        digest = auth.hashes.get(Algorithm.MD5)
        if auth.password:
            found.append(Credential(auth.realm, auth.username, auth.password))
        elif digest is not None:
            found.append(Credential(auth.realm, auth.username, digest, digest=True))
    return found


@lru_cache(maxsize=1024)
def contact_header(host: str, port: int, protocol: str, *, user: str = "") -> str:
    """Our own Contact on a transport."""
    params: dict[str, str | None] = {}
    if protocol in ("ws", "wss"):
        params["transport"] = "ws"
    elif protocol != "udp":
        params["transport"] = protocol
    if not host:
        raise ObeliskError("our own address is not known")
    return f"<{SipUri('sip', user, host, port, params)}>"

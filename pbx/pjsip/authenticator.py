"""Digest authentication of requests (res_pjsip_authenticator_digest): `digest` applied to endpoints and auths."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.pjsip.digest import (
    Authorization,
    NonceSource,
    Secret,
    Verdict,
    challenge,
    parse_authorizations,
    verify,
)
from pbx.pjsip.objects import Auth

if TYPE_CHECKING:
    from pbx.clock import Clock
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.lookup import Lookup
    from pbx.pjsip.objects import Endpoint, GlobalSettings
    from pbx.pjsip.settings import PjsipSettings

log = Logger()


class Outcome(Enum):
    """What authentication says of a request."""

    SUCCESS = "success"
    CHALLENGE = "challenge"
    FAILED = "failed"
    """Wrong credentials; a challenge is to be sent all the same."""
    ERROR = "error"
    """The configuration does not let anybody in."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome with the values of the WWW-Authenticate headers to answer with."""

    outcome: Outcome
    challenges: tuple[str, ...] = ()
    nonce: str = ""
    given: Authorization | None = field(default=None, repr=False)


ERROR = Result(Outcome.ERROR)


class DigestAuthenticator:
    """Judges requests. Nothing is stored per request: nonces prove themselves."""

    def __init__(self, settings: PjsipSettings, clock: Clock, nonces: NonceSource | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._nonces = NonceSource() if nonces is None else nonces
        self._secrets: dict[str, tuple[Auth, GlobalSettings, Secret]] = {}
        # Nobody knows it, so the unknown cost as much time as the known, and look the same.
        self._nobody = secrets.token_hex(16)

    def check(self, endpoint: Endpoint | None, request: IncomingRequest, lookup: Lookup) -> Result:
        """Judge ``request`` against the endpoint's auths; None stands for an unknown sender. Raises Unfetched."""
        wanted = [self._artificial()] if endpoint is None else self._wanted(endpoint, lookup)
        if not wanted:
            return ERROR
        values = request.headers.get_all("Authorization")
        given = parse_authorizations(values) if values else []
        now, source, method = self._clock.now(), request.source[0], request.method
        verdicts: list[Verdict] = []
        for each in wanted:
            verdict = verify(each, method, given, self._nonces, source, now)
            if verdict is Verdict.ACCEPTED:
                return Result(Outcome.SUCCESS, given=given[0])
            verdicts.append(verdict)
        failed = all(verdict is Verdict.FAILED for verdict in verdicts)
        challenges: dict[tuple[str, str], str] = {}
        nonce = ""
        for each, verdict in zip(wanted, verdicts, strict=True):
            nonce = self._nonces.make(each.realm, source, now)
            for algorithm in each.algorithms:
                text = challenge(each.realm, nonce, self._nonces.opaque, algorithm, stale=verdict is Verdict.STALE)
                challenges.setdefault((each.realm, algorithm.value), text)
        if not challenges:
            return ERROR
        outcome = Outcome.FAILED if failed else Outcome.CHALLENGE
        return Result(outcome, tuple(challenges.values()), nonce, given[0] if given else None)

    def _wanted(self, endpoint: Endpoint, lookup: Lookup) -> list[Secret]:
        """The endpoint's accounts; none when one of them is missing, for then nobody may pass."""
        found: list[Secret] = []
        for name in endpoint.auth:
            auth = lookup.get(Auth, name)
            if auth is None:
                log.error(
                    "endpoint '{endpoint}' names auth '{auth}', which does not exist", endpoint=endpoint.id, auth=name
                )
                return []
            found.append(self._secret(auth))
        return found

    def _secret(self, auth: Auth) -> Secret:
        settings = self._settings.global_
        known = self._secrets.get(auth.id)
        if known is not None and known[0] is auth and known[1] is settings:
            return known[2]
        secret = auth.secret(settings.default_realm, settings.default_auth_algorithms_uas)
        if not secret.algorithms:
            log.error("auth '{auth}' has no password or hash for any algorithm that is asked for", auth=auth.id)
        self._secrets[auth.id] = (auth, settings, secret)
        return secret

    def _artificial(self) -> Secret:
        settings = self._settings.global_
        return Secret("", settings.default_realm, settings.default_auth_algorithms_uas, self._nobody)

    def forget(self) -> None:
        """Drop what was derived from auth objects: after a reload some are gone."""
        self._secrets.clear()

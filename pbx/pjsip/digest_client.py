"""The client's side of digest (RFC 3261 section 22.2, RFC 7616, RFC 8760): answers to challenges. Values in and out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pbx.pjsip.digest import (
    Algorithm,
    algorithm_named,
    available_algorithms,
    hexadecimal_digest,
    parse_parameters,
    secret_hash,
)
from pbx.pjsip.uri import quote

#: Challenges of one response that are looked at.
MAX_CHALLENGES = 16
_AVAILABLE = frozenset(available_algorithms())


@dataclass(frozen=True, slots=True)
class Secret:
    """Who we are in ``realm`` ("" or "*" for any): a password, or H(A1) by algorithm; and the algorithms to be used."""

    realm: str
    username: str
    password: str = field(default="", repr=False)
    hashes: tuple[tuple[Algorithm, str], ...] = field(default=(), repr=False)
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)

    def h_a1(self, algorithm: Algorithm, realm: str) -> str | None:
        """H(A1), None where the algorithm is not to be used or cannot be."""
        if algorithm not in self.algorithms:
            return None
        if self.password:
            return secret_hash(algorithm, self.username, realm, self.password)
        return dict(self.hashes).get(algorithm)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One readable Digest challenge."""

    realm: str
    nonce: str
    algorithm: Algorithm
    opaque: str | None
    qop: str
    stale: bool


def challenges(values: Iterable[str]) -> list[Challenge]:
    """The Digest challenges among the values of WWW-Authenticate or Proxy-Authenticate; others are left out."""
    found: list[Challenge] = []
    for value in list(values)[:MAX_CHALLENGES]:
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() != "digest":
            continue
        try:
            parameters = parse_parameters(rest)
        except ValueError:
            continue
        algorithm = algorithm_named(parameters.get("algorithm", "MD5"))
        qops = [word.strip().lower() for word in parameters.get("qop", "").split(",")]
        qop = "auth" if "auth" in qops else ""
        if algorithm is None or algorithm not in _AVAILABLE or (qops != [""] and not qop):
            continue
        if "realm" in parameters and "nonce" in parameters:
            stale = parameters.get("stale", "").lower() == "true"
            found.append(
                Challenge(parameters["realm"], parameters["nonce"], algorithm, parameters.get("opaque"), qop, stale)
            )
    return found


def answer(
    challenge: Challenge, secret: Secret, method: str, uri: str, *, cnonce: str = "", count: int = 1
) -> str | None:
    """The value of Authorization for a request; None when ``secret`` cannot answer this algorithm."""
    h_a1 = secret.h_a1(challenge.algorithm, challenge.realm)
    if h_a1 is None:
        return None
    cnonce = cnonce or secrets.token_hex(8)
    h_a2 = hexadecimal_digest(challenge.algorithm, f"{method}:{uri}")
    middle = f"{challenge.nonce}:{count:08x}:{cnonce}:auth" if challenge.qop else challenge.nonce
    response = hexadecimal_digest(challenge.algorithm, f"{h_a1}:{middle}:{h_a2}")
    parts = [
        f"username={quote(secret.username)}",
        f"realm={quote(challenge.realm)}",
        f"nonce={quote(challenge.nonce)}",
        f"uri={quote(uri)}",
        f'response="{response}"',
        f"algorithm={challenge.algorithm.value}",
    ]
    if challenge.opaque is not None:
        parts.append(f"opaque={quote(challenge.opaque)}")
    if challenge.qop:
        parts += [f'cnonce="{cnonce}"', "qop=auth", f"nc={count:08x}"]
    return "Digest " + ", ".join(parts)


def answers(offered: Sequence[Challenge], known: Sequence[Secret], method: str, uri: str) -> list[str]:
    """One answer for each realm that a secret fits, to its topmost challenge that can be answered (RFC 8760 2.4).

    A secret of that realm goes before one of any realm. Empty when nobody fits.
    """
    found: dict[str, str] = {}
    for challenge in offered:
        if challenge.realm in found:
            continue
        fitting = [each for each in known if each.realm == challenge.realm]
        fitting += [each for each in known if each.realm in ("", "*")]
        for secret in fitting:
            value = answer(challenge, secret, method, uri)
            if value is not None:
                found[challenge.realm] = value
                break
    return list(found.values())

"""The server's side of HTTP digest as SIP uses it (RFC 3261 section 22, RFC 7616, RFC 8760): values in, values out.

Nonces carry their time of issue and a keyed hash over it, the realm and the sender's address, so none are stored; a
nonce that is too old, or that another run of the exchange made, answers ``stale=true`` when the password was right.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

MAX_AUTHORIZATION_CHARS = 4096
"""A longer Authorization value is refused unread; real ones have 200 to 600 characters."""
MAX_AUTHORIZATION_PARAMETERS = 32
MAX_AUTHORIZATION_HEADERS = 8
"""How many Authorization headers of one request are looked at."""

ENCODING = "utf-8"
"""Names and passwords are hashed as UTF-8 (RFC 7616 section 4); raw bytes of a header survive as surrogates."""


class DigestError(ValueError):
    """A digest header that cannot be read; the text says why and quotes no secret."""


class Algorithm(Enum):
    """Digest algorithms by their IANA names."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"
    SHA_512_256 = "SHA-512-256"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha_256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha_512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


_HASHES: Mapping[Algorithm, Callable[[bytes], str]] = {
    Algorithm.MD5: _md5,
    Algorithm.SHA_256: _sha_256,
    Algorithm.SHA_512_256: _sha_512_256,
}
DIGEST_LENGTHS: Mapping[Algorithm, int] = {Algorithm.MD5: 32, Algorithm.SHA_256: 64, Algorithm.SHA_512_256: 64}
"""Hex digits of each algorithm's result."""
_BY_NAME = {algorithm.value.lower(): algorithm for algorithm in Algorithm}


def algorithm_named(name: str) -> Algorithm | None:
    """The algorithm called ``name`` (any case), or None when it is unknown."""
    return _BY_NAME.get(name.strip().lower())


def available_algorithms() -> tuple[Algorithm, ...]:
    """Those this Python can compute: SHA-512-256 depends on its OpenSSL."""
    return tuple(a for a in Algorithm if a is not Algorithm.SHA_512_256 or "sha512_256" in hashlib.algorithms_available)


def hexadecimal_digest(algorithm: Algorithm, text: str) -> str:
    """``H(text)`` of RFC 7616 as lower-case hex."""
    return _HASHES[algorithm](text.encode(ENCODING, "surrogateescape"))


def secret_hash(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """``H(A1)``: what ``md5_cred`` and ``password_digest`` store instead of the password."""
    return hexadecimal_digest(algorithm, f"{username}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parameters of one ``Authorization: Digest`` header; absent ones are empty."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = ""
    cnonce: str = ""
    opaque: str = ""
    qop: str = ""
    nc: str = ""


# auth-param = token BWS "=" BWS ( token / quoted-string ), RFC 7235 section 2.1. Phones also send stray commas, quote
# what should be bare (nc, algorithm) or the reverse; all are taken.
_PARAMETER = re.compile(
    r'[\s,]*([A-Za-z][A-Za-z0-9_*-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?=,|$)', re.DOTALL
)
_REST = re.compile(r"[\s,]*$")
_FIELDS = frozenset(Authorization.__slots__)
#: RFC 7616 has eight digits; clients that send fewer are let in by others, and nothing depends on the number.
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}")


def parse_parameters(text: str) -> dict[str, str]:
    """The parameters of a Digest header after its scheme, names in lower case, the first of each name.

    Raises DigestError when the text cannot be read to its end or has too many.
    """
    found: dict[str, str] = {}
    at = count = 0
    while match := _PARAMETER.match(text, at):
        at = match.end()
        count += 1
        if count > MAX_AUTHORIZATION_PARAMETERS:
            raise DigestError("the header has too many parameters")
        found.setdefault(match[1].lower(), match[2] if match[2] is not None else match[3])
    if not _REST.match(text, at):
        raise DigestError("the header cannot be read")
    return found


def parse_authorization(value: str) -> Authorization | None:
    """Read an Authorization header's value. None when its scheme is not Digest.

    Raises DigestError when it is too long, cut short, or lacks a parameter that every answer needs.
    """
    if len(value) > MAX_AUTHORIZATION_CHARS:
        raise DigestError("the Authorization header is too long")
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found = {name: text for name, text in parse_parameters(rest).items() if name in _FIELDS}
    for needed in ("username", "realm", "nonce", "uri", "response"):
        if needed not in found:
            raise DigestError(f"the Authorization header has no {needed}")
    return Authorization(**found)


def parse_authorizations(values: Iterable[str]) -> list[Authorization]:
    """All readable Digest credentials of a request; what cannot be read is left out, as if it had not been sent."""
    found: list[Authorization] = []
    for count, value in enumerate(values):
        if count == MAX_AUTHORIZATION_HEADERS:
            break
        try:
            parsed = parse_authorization(value)
        except DigestError:
            continue
        if parsed is not None:
            found.append(parsed)
    return found


def expected_response(algorithm: Algorithm, ha1: str, method: str, given: Authorization) -> str:
    """The answer a client that knows ``ha1`` gives (RFC 7616 section 3.4.1; without qop that of RFC 2069)."""
    ha2 = hexadecimal_digest(algorithm, f"{method}:{given.uri}")
    if given.qop:
        return hexadecimal_digest(algorithm, f"{ha1}:{given.nonce}:{given.nc}:{given.cnonce}:{given.qop}:{ha2}")
    return hexadecimal_digest(algorithm, f"{ha1}:{given.nonce}:{ha2}")


class NonceSource:
    """Makes and recognises this process's nonces: ``<Unix time>/<keyed hash>``."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secrets.token_bytes(32) if secret is None else secret
        self.opaque = self._hash("opaque")
        """Sent with each challenge; clients return it unread, and nothing depends on it."""

    def _hash(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode(ENCODING, "surrogateescape"), "sha256")[:16].hex()

    def make(self, realm: str, source: str, now: float) -> str:
        """A nonce for ``source``, the sender's IP address."""
        issued = int(now)
        return f"{issued}/{self._hash(f'{issued}:{source}:{realm}')}"

    def is_fresh(self, nonce: str, realm: str, source: str, now: float, lifetime: float) -> bool:
        """Whether we made ``nonce`` for this sender and realm not more than ``lifetime`` seconds ago."""
        stamp, slash, given = nonce.partition("/")
        if not slash or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            return False
        genuine = hmac.compare_digest(self._hash(f"{stamp}:{source}:{realm}"), given) if given.isascii() else False
        return genuine and -1 <= now - int(stamp) <= lifetime


@dataclass(frozen=True, slots=True)
class Secret:
    """One account that a request may authenticate as.

    ``hashes`` holds H(A1) per algorithm; ``password``, if there is one, serves those without. ``algorithms`` are the
    ones accepted and challenged with, most wanted first.
    """

    username: str
    realm: str
    algorithms: Sequence[Algorithm]
    password: str | None = field(default=None, repr=False)
    hashes: Mapping[Algorithm, str] = field(default_factory=dict, repr=False)
    nonce_lifetime: float = 32.0

    def ha1(self, algorithm: Algorithm) -> str | None:
        """H(A1) for ``algorithm``, or None when this account cannot use it."""
        stored = self.hashes.get(algorithm)
        if stored is not None:
            return stored
        return None if self.password is None else secret_hash(algorithm, self.username, self.realm, self.password)


class Verdict(Enum):
    """What a request's credentials are worth."""

    NOT_GIVEN = "not given"
    ACCEPTED = "accepted"
    STALE = "stale"
    """The password was right and the nonce is not ours or too old."""
    FAILED = "failed"


def verify(
    secret: Secret, method: str, given: Iterable[Authorization], nonces: NonceSource, source: str, now: float
) -> Verdict:
    """Judge the credentials of a request of ``method`` from the address ``source`` against ``secret``."""
    verdict = Verdict.NOT_GIVEN
    for authorization in given:
        verdict = Verdict.FAILED
        if authorization.realm != secret.realm or not answers(secret, method, authorization):
            continue
        fresh = nonces.is_fresh(authorization.nonce, secret.realm, source, now, secret.nonce_lifetime)
        return Verdict.ACCEPTED if fresh else Verdict.STALE
    return verdict


def answers(secret: Secret, method: str, given: Authorization) -> bool:
    """Whether ``given`` proves knowledge of ``secret``, whatever its nonce."""
    algorithm = Algorithm.MD5 if not given.algorithm else algorithm_named(given.algorithm)
    if algorithm is None or algorithm not in secret.algorithms:
        return False
    if given.qop and (given.qop.lower() != "auth" or not given.cnonce or not _NONCE_COUNT.fullmatch(given.nc)):
        return False
    ha1 = secret.ha1(algorithm)
    if ha1 is None:
        return False
    expected = expected_response(algorithm, ha1, method, given)
    same = hmac.compare_digest(expected, given.response.lower()) if given.response.isascii() else False
    return same and given.username == secret.username


def challenge(realm: str, nonce: str, opaque: str, algorithm: Algorithm, *, stale: bool) -> str:
    """The value of a WWW-Authenticate header."""
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    tail = ",stale=true" if stale else ""
    return f'Digest realm="{quoted}",nonce="{nonce}",opaque="{opaque}",algorithm={algorithm.value},qop="auth"{tail}'

"""Secrets of manager users: plain, or hashed with scrypt so that a stolen manager.conf gives nobody a login.

A hashed secret is ``$scrypt$ln=15,r=8,p=1$<salt>$<hash>`` (base64 without padding, as passlib and the PHC format write
it). ``python -m ami.secrets`` makes one. MD5 challenges need the plain secret, so a user with a hashed one logs in with
``Secret`` only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import sys
from dataclasses import dataclass

PREFIX = "$scrypt$"
_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
#: 2**15 blocks of r=8: 32 MiB and some 60 ms a try.
COST_LOG2 = 15
MAX_COST_LOG2 = 20
BLOCK_SIZE = 8
SALT_BYTES = 16
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class HashedSecret:
    """A secret of which only the hash is known."""

    cost_log2: int
    block_size: int
    parallel: int
    salt: bytes
    digest: bytes

    def matches(self, secret: str) -> bool:
        """Whether ``secret`` is the one. Takes tens of milliseconds: not for the reactor's thread."""
        return hmac.compare_digest(self._hash(secret), self.digest)

    def _hash(self, secret: str) -> bytes:
        return _scrypt(secret, self.salt, self.cost_log2, self.block_size, self.parallel, len(self.digest))


def _scrypt(secret: str, salt: bytes, cost_log2: int, block_size: int, parallel: int, length: int) -> bytes:
    memory = 128 * block_size * ((1 << cost_log2) + parallel + 2)
    return hashlib.scrypt(
        secret.encode("utf-8", "surrogateescape"),
        salt=salt,
        n=1 << cost_log2,
        r=block_size,
        p=parallel,
        maxmem=memory + (1 << 20),
        dklen=length,
    )


def parse_secret(text: str) -> str | HashedSecret:
    """A secret as manager.conf has it. Raises ValueError for a hash that is malformed."""
    if not text.startswith(PREFIX):
        return text
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("is not of the form $scrypt$ln=15,r=8,p=1$SALT$HASH")
    cost, block, parallel = (int(found[n]) for n in (1, 2, 3))
    if not (1 <= cost <= MAX_COST_LOG2 and 1 <= block <= 32 and 1 <= parallel <= 16):
        raise ValueError(f"has parameters out of range: ln at most {MAX_COST_LOG2}, r 32, p 16")
    try:
        salt, digest = _decode(found[4]), _decode(found[5])
    except binascii.Error as error:
        raise ValueError(f"is not base64: {error}") from error
    return HashedSecret(cost, block, parallel, salt, digest)


def hash_secret(secret: str, *, cost_log2: int = COST_LOG2) -> str:
    """``secret`` hashed with a new salt, as manager.conf takes it."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = _scrypt(secret, salt, cost_log2, BLOCK_SIZE, 1, HASH_BYTES)
    return f"{PREFIX}ln={cost_log2},r={BLOCK_SIZE},p=1${_encode(salt)}${_encode(digest)}"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def main() -> int:
    """Ask for a secret and write its hash."""
    import getpass

    secret = getpass.getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not secret:
        return 1
    sys.stdout.write(hash_secret(secret) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The one place that decides who a client is and what it may do, whichever transport it uses.

`Gate.authenticate` finds the user of a request's credentials; `refusal` says, in Asterisk's order, why a user may not
do something. REST and REST over WebSocket both ask here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ari.config import AriConfig, PasswordFormat, User
from pbx.security_events import InvalidAccountID, InvalidPassword, SecurityAddress, SecurityEvent

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock

#: Credentials known to be right, so that a crypt(3) hash is computed once and not for each request.
MAX_REMEMBERED = 1024
#: Methods that change nothing.
READING = frozenset(("GET", "OPTIONS"))


class Slow(Exception):
    """The password can be checked by hashing only, which takes milliseconds: call ``check`` in a thread."""

    def __init__(self, check: Callable[[], bool], done: Callable[[bool], User | None]) -> None:
        super().__init__()
        self.check = check
        self.done = done


class Gate:
    """Credentials to users."""

    def __init__(self, config: AriConfig, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        #: Remembered credentials are kept under this key only, never as they are.
        self._key = secrets.token_bytes(32)
        self.configure(config)

    def configure(self, config: AriConfig) -> None:
        """Take users; nothing remembered counts any more."""
        self.config = config
        self._remembered: dict[bytes, User] = {}

    def authenticate(
        self, authorization: bytes, fields: Mapping[str, str], peer: SecurityAddress, local: SecurityAddress
    ) -> User | None:
        """The user of a Basic header, or of ``api_key`` where there is none; None where neither is right.

        Raises Slow where only a thread should find out.
        """
        given = authorization or fields.get("api_key", "").encode("utf-8", "surrogateescape")
        if not given:
            return None
        mark = hashlib.blake2b(given, key=self._key, digest_size=16).digest()
        user = self._remembered.get(mark)
        if user is not None:
            return user
        name, password = self._split(authorization) if authorization else _pair(fields.get("api_key", ""))
        found = self.config.users.get(name)

        def tell(right: bool) -> User | None:
            if right and found is not None:
                if len(self._remembered) >= MAX_REMEMBERED:
                    self._remembered.clear()
                if self.config.users.get(name) is found:
                    self._remembered[mark] = found
                return found
            self._failed(InvalidAccountID if found is None else InvalidPassword, name, peer, local)
            return None

        if found is not None and found.password_format is PasswordFormat.CRYPT and found.password:
            raise Slow(lambda: _crypt_matches(password, found.password), tell)
        expected = "" if found is None else found.password
        same = hmac.compare_digest(password.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
        return tell(same and bool(expected))

    @staticmethod
    def _split(authorization: bytes) -> tuple[str, str]:
        scheme, _, rest = authorization.partition(b" ")
        if scheme.lower() != b"basic":
            return "", ""
        try:
            text = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError):
            return "", ""
        return _pair(text)

    def _failed(
        self, kind: type[InvalidAccountID | InvalidPassword], name: str, peer: SecurityAddress, local: SecurityAddress
    ) -> None:
        if not self._bus.wanted(kind):
            return
        event: SecurityEvent = kind(
            time=self._clock.now(), service="ARI", account_id=name[:80], session_id="", local=local, remote=peer
        )
        self._bus.publish(event)


def _pair(text: str) -> tuple[str, str]:
    name, _, password = text.partition(":")
    return name, password


def _crypt_matches(password: str, expected: str) -> bool:
    import warnings

    with warnings.catch_warnings():
        # In the standard library up to 3.12, the last Python this program runs on.
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    try:
        made = crypt.crypt(password, expected)
    except (OSError, ValueError):
        return False
    return hmac.compare_digest(str(made).encode(), expected.encode("utf-8", "replace"))


def refusal(config: AriConfig, user: User | None, method: str, address: str, *, booted: bool) -> tuple[int, str] | None:
    """Why a request may not be made: a status and a text, or None where it may.

    The order is Asterisk's: authentication, access list, boot, read only.
    """
    if user is None:
        return 401, "Authentication required"
    if not config.admits(user, address):
        return 403, "Forbidden"
    if not booted:
        return 503, "Asterisk not booted"
    if user.read_only and method not in READING:
        return 403, "Write access denied"
    return None

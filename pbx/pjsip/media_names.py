"""Host names where a session description should have addresses (RFC 8866 5.7 allows both): looked up before answering.

Asterisk asks the name server and waits, and all its calls of that endpoint with it. Here the message is put aside and
comes again when the answer is there, or known to be none; then it is read with addresses in the place of the names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, DeferredList

from pbx.pjsip.bodies import session_description
from pbx.pjsip.resolver import MEDIA, ResolveError, SipResolver, Target, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.pjsip.host import IncomingRequest, IncomingResponse

#: Names that one description may have looked up, and messages that may wait for theirs at once.
MAX_NAMES = 4
MAX_WAITING = 256
#: Any port: it says that SRV records do not count.
_PORT = 9

#: A c= line whose address may be a name: it has a letter that no IP address has, or begins with one.
_NAMED = re.compile(
    rb"^c=IN[ \t]+IP([46])[ \t]+(?=[^\r\n]*[g-zG-Z])([A-Za-z0-9][A-Za-z0-9.-]{0,252})[ \t]*\r?$", re.MULTILINE
)


def has_names(description: bytes) -> bool:
    """Whether there is a name to look up."""
    return _NAMED.search(description) is not None


class MediaNames:
    """What is known of names in descriptions, and the messages that wait to know more."""

    def __init__(self, resolver: SipResolver, inject: Callable[[IncomingRequest | IncomingResponse], object]) -> None:
        """``inject`` lets a message that was put aside come in again."""
        self._resolver = resolver
        self._inject = inject
        self._waiting: set[bytes] = set()
        self._injecting = False

    def settled(self, description: bytes) -> bytes:
        """The description with addresses for the names that are known to have one."""
        return _NAMED.sub(self._replaced, description)

    def _replaced(self, match: re.Match[bytes]) -> bytes:
        found = self._known(match[2].decode("ascii"))
        if not found:
            return match[0]
        six = match[1] == b"6"
        address = next((each for each in found if (":" in each) is six), found[0])
        end = b"\r" if match[0].endswith(b"\r") else b""
        return f"c=IN IP{6 if ':' in address else 4} {address}".encode("ascii") + end

    def _known(self, name: str) -> list[str] | None:
        """Addresses, none for a name that has none; None where nothing is known."""
        try:
            answer = self._resolver.immediate(Target(name, _PORT, MEDIA))
        except ResolveError:
            return []
        return None if answer is None else [each.host for each in answer]

    def unknown(self, description: bytes) -> list[str]:
        """Names that must be looked up before the description can be judged."""
        names = dict.fromkeys(match[2].decode("ascii") for match in _NAMED.finditer(description))
        return [name for name in names if literal(name) is None and self._known(name) is None][:MAX_NAMES]

    def look_up(self, names: list[str]) -> Deferred[None]:
        """Fires when all is known of them, within the resolver's deadline. Never fails."""
        asked = [self._resolver.resolve(Target(name, _PORT, MEDIA)) for name in names]
        return DeferredList(asked, consumeErrors=True).addCallback(lambda _results: None)

    def hold_back(self, message: IncomingRequest | IncomingResponse) -> bool:
        """Put a message of a call aside until its names are known; False where it can be read now.

        Its retransmissions are put aside with it.
        """
        if self._injecting:
            return False
        if message.raw in self._waiting:
            return True
        description = session_description(message.headers.get("Content-Type") or "", message.body)
        names = self.unknown(description) if description else []
        if not names or len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.add(message.raw)
        self.look_up(names).addCallback(self._again, message)
        return True

    def _again(self, _nothing: None, message: IncomingRequest | IncomingResponse) -> None:
        self._waiting.discard(message.raw)
        self._injecting = True
        try:
            self._inject(message)
        finally:
            self._injecting = False

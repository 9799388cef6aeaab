"""The session descriptions that nearly every phone sends, taken apart by one regular expression.

What varies between the calls of a phone is kept apart from what is the same each time, so that the outcome of the
latter can be remembered.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

#: One audio line, addresses only where every description has them. What varies is o=, the address and the port.
_USUAL = re.compile(
    rb"\Av=0\r\no=([^\r\n]+)\r\ns=[^\r\n]*\r\nc=IN IP4 (\d+\.\d+\.\d+\.\d+)\r\nt=0 0\r\n"
    rb"m=audio ([1-9]\d{0,4}) (RTP/AVP [\d ]+\r\n(?:a=(?!rtcp)[^\r\n]+\r\n)+)\Z"
)
#: What may stand before such a section where nothing but the section matters.
ANY_HEAD = b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 "


class Usual(NamedTuple):
    """A description that `_USUAL` matches: what varies, and the rest from the profile of its audio line on."""

    origin: bytes
    host: str
    port: int
    section: bytes


def recognise(text: bytes | str) -> Usual | None:
    """The parts of a usual description; None for any other text."""
    found = _USUAL.match(text) if isinstance(text, bytes) else None
    if found is None:
        return None
    host, port = found[2].decode("ascii"), int(found[3])
    if port > 65535 or host == "0.0.0.0" or not _is_ipv4(host):
        return None
    return Usual(found[1], host, port, found[4])


def _is_ipv4(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return host.count(".") == 3

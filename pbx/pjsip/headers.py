"""The header store behind PJSIP_HEADER and SIP_HEADER (res_pjsip_header_funcs): what came in, what goes out.

The message is kept as its raw bytes and parsed when a header is first asked for. Names compare without regard to case;
a name that ends in ``*`` stands for all that begin so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.errors import ObeliskError
from pbx.pjsip.uri import NameAddr, SipSyntaxError, escape

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip.message import SipMessage

#: The key of `Channel.extra`.
EXTRA_KEY = "pjsip.headers"
#: The key of `Channel.inheritable`: headers that the INVITEs of dialled channels carry, as (name, value) pairs.
INHERITED_KEY = "pjsip.headers"
#: Headers one channel may add to its INVITE, and the longest value: a runaway script must not grow without end.
MAX_ADDED = 128
MAX_VALUE = 4096


#: What a dialplan gets as PJSIP prints it: the name in quotes, the URI without a port (RFC 3261 19.1.1, table 1).
_PARTIES = frozenset(("from", "f", "to", "t"))


class HeaderError(ObeliskError):
    """A header cannot be added: its name or value would break the message, or there are too many."""


def _as_pjsip(header: str, value: str) -> str:
    if header.lower() not in _PARTIES:
        return value
    try:
        party = NameAddr.parse(value)
    except SipSyntaxError:
        return value
    return str(replace(party, uri=replace(party.uri, port=0)))


class HeaderStore:
    """Headers of one channel: an incoming call's are its INVITE's, an outgoing call's those that its INVITE will have.

    As in Asterisk both kinds are read, changed and taken away alike; nothing of the message itself changes thereby.
    """

    __slots__ = ("_from_params", "_own", "answer", "received")

    def __init__(self, received: SipMessage | None = None) -> None:
        #: The INVITE of an incoming call, and the 200 to the one of an outgoing call.
        self.received = received
        self.answer: SipMessage | None = None
        #: What there is now; None until the received INVITE is first looked into.
        self._own: list[tuple[str, str]] | None = [] if received is None else None
        #: Parameters for From: whether of its URI, name, value.
        self._from_params: list[tuple[bool, str, str]] = []

    @property
    def added(self) -> list[tuple[str, str]]:
        """What goes into the channel's own INVITE, in order; nothing of an incoming call."""
        return list(self._all()) if self.received is None else []

    def _all(self) -> list[tuple[str, str]]:
        if self._own is None:
            self._own = [] if self.received is None else list(self.received.headers)
        return self._own

    def read(self, name: str, number: int = 1) -> str | None:
        """The value of the ``number``-th header of that name or prefix, or None."""
        found = [pair for pair in self._all() if _matches(pair[0], name)]
        return _as_pjsip(*found[number - 1]).strip() if 1 <= number <= len(found) else None

    def names(self, prefix: str = "") -> list[str]:
        """The distinct names that begin with ``prefix``, in order of appearance (PJSIP_HEADERS)."""
        return _distinct(header for header, _ in self._all() if header.lower().startswith(prefix.lower()))

    def add(self, name: str, value: str) -> None:
        """Add a header to the channel's INVITE. Raises HeaderError."""
        headers = self._all()
        if len(headers) >= MAX_ADDED + (0 if self.received is None else len(self.received.headers)):
            raise HeaderError(f"more than {MAX_ADDED} headers were added")
        headers.append(_checked(name, value))

    def update(self, name: str, value: str, number: int = 1) -> bool:
        """Change the ``number``-th header of that name; False when there is none. Raises HeaderError."""
        headers = self._all()
        places = [index for index, (header, _) in enumerate(headers) if header.lower() == name.lower()]
        if not 1 <= number <= len(places):
            return False
        index = places[number - 1]
        headers[index] = _checked(headers[index][0], value)
        return True

    def remove(self, name: str) -> int:
        """Take headers away by name or prefix; how many there were."""
        headers = self._all()
        kept = [pair for pair in headers if not _matches(pair[0], name)]
        removed = len(headers) - len(kept)
        headers[:] = kept
        return removed

    # The answer

    def _answer(self, name: str) -> list[tuple[str, str]]:
        headers = [] if self.answer is None else list(self.answer.headers)
        return [pair for pair in headers if _matches(pair[0], name)]

    def read_answer(self, name: str, number: int = 1) -> str | None:
        """As `read`, of the 200 to the channel's INVITE."""
        found = self._answer(name)
        return _as_pjsip(*found[number - 1]) if 1 <= number <= len(found) else None

    def answer_names(self, prefix: str) -> list[str]:
        """As `names`, of the 200 to the channel's INVITE."""
        return _distinct(header for header, _ in self._answer(f"{prefix}*"))

    # The parameters of From

    def add_from_param(self, name: str, value: str, *, uri: bool) -> None:
        """Add a parameter to the From of the channel's INVITE, or to its URI. Raises HeaderError."""
        if len(self._from_params) >= MAX_ADDED:
            raise HeaderError(f"more than {MAX_ADDED} parameters were added")
        if not _TOKEN.fullmatch(name):
            raise HeaderError(f"{name!r} is not the name of a parameter")
        if len(value) > MAX_VALUE or not value.isprintable():
            raise HeaderError(f"the value of parameter {name} cannot be sent")
        self._from_params.append((uri, name, value))

    def with_uri_params(self, from_header: str) -> str:
        """A From with the parameters that were added to its URI."""
        added = {name: value or None for of_uri, name, value in self._from_params if of_uri}
        if not added:
            return from_header
        address = NameAddr.parse(from_header)
        return str(replace(address, uri=replace(address.uri, params={**address.uri.params, **added})))

    @property
    def from_params(self) -> list[tuple[str, str]]:
        """The parameters that were added to From itself, as they are sent: PJSIP escapes and does not quote."""
        return [(name, escape(value, _PARAM_UNSAFE)) for of_uri, name, value in self._from_params if not of_uri]


_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,256}")
#: What cannot stand in a parameter's value (PJSIP's pjsip_PARAM_CHAR_SPEC).
_PARAM_UNSAFE = re.compile(r"[^A-Za-z0-9\-_.!~*'()\[\]/:&+$%`]")


def header_store(channel: Channel) -> HeaderStore | None:
    """The channel's store; None when it is not a PJSIP channel."""
    found = channel.extra.get(EXTRA_KEY)
    return found if isinstance(found, HeaderStore) else None


def _distinct(names: Iterable[str]) -> list[str]:
    """Each name once, as it was written first, in order."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.lower(), name)
    return list(found.values())


def inheritable_headers(channel: Channel) -> tuple[tuple[str, str], ...]:
    """What PJSIP_INHERITABLE_HEADER set on the channel or on the one that dialled it, in order."""
    found = channel.inheritable.get(INHERITED_KEY)
    return found if isinstance(found, tuple) else ()


def change_inheritable(channel: Channel, action: str, name: str, value: str, number: int = 1) -> None:
    """``add``, ``update`` or ``remove`` (by name or prefix). Raises HeaderError."""
    headers = list(inheritable_headers(channel))
    if action == "add":
        if len(headers) >= MAX_ADDED:
            raise HeaderError(f"more than {MAX_ADDED} headers were added")
        headers.append(_checked(name, value))
    elif not headers:
        raise HeaderError(f"no inheritable headers had been previously added to channel {channel.name}")
    elif action == "update":
        places = [index for index, (header, _) in enumerate(headers) if header.lower() == name.lower()]
        if not 1 <= number <= len(places):
            raise HeaderError(f"there is no inheritable header '{name}' number {number}")
        headers[places[number - 1]] = _checked(headers[places[number - 1]][0], value)
    else:
        headers = [(header, old) for header, old in headers if not _matches(header, name)]
    channel.inheritable[INHERITED_KEY] = tuple(headers)


def _matches(header: str, name: str) -> bool:
    if name.endswith("*"):
        return header.lower().startswith(name[:-1].lower())
    return header.lower() == name.lower()


def _checked(name: str, value: str) -> tuple[str, str]:
    name = name.strip()
    if not name or not name.isascii() or any(c in name for c in '()<>@,;:\\"/[]?={} \t\r\n'):
        raise HeaderError(f"{name!r} is not the name of a header")
    if "\r" in value or "\n" in value or "\0" in value:
        raise HeaderError(f"the value of header {name} holds a line break")
    if len(value) > MAX_VALUE:
        raise HeaderError(f"the value of header {name} is longer than {MAX_VALUE} characters")
    return name, value

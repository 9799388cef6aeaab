"""Whether two SIP URIs mean the same (RFC 3261 section 19.1.4), as a registrar must know."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pbx.pjsip.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNIFICANT = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that matter even when only one of both URIs has them."""


@lru_cache(maxsize=8192)
def parsed(text: str) -> SipUri:
    """A URI of the store, parsed once. Raises SipSyntaxError."""
    return SipUri.parse(text)


def _folded(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _header_set(text: str) -> frozenset[str]:
    return frozenset(part for part in text.lower().split("&") if part)


def same_uri(one: SipUri, other: SipUri) -> bool:
    """Scheme, user (case counts), password, host, port and significant parameters agree; shared ones do not differ."""
    if one.scheme != other.scheme or one.user != other.user or one.password != other.password:
        return False
    if one.host.lower() != other.host.lower() or one.port != other.port:
        return False
    for name in SIGNIFICANT:
        if (name in one.params) != (name in other.params):
            return False
    for name, value in one.params.items():
        if name in other.params and _folded(value) != _folded(other.params[name]):
            return False
    return _header_set(one.headers) == _header_set(other.headers)


def find_same(wanted: SipUri, texts: Iterable[str]) -> str | None:
    """The first of ``texts`` that means ``wanted``."""
    for text in texts:
        if same_uri(wanted, parsed(text)):
            return text
    return None

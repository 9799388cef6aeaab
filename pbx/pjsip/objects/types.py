"""Value types of pjsip.conf beyond the general ones of `pbx.config.types`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from pbx.config import types
from pbx.config.types import ValueType
from pbx.core.party import PartyId, parse_callerid
from pbx.pjsip.digest import DIGEST_LENGTHS, Algorithm, algorithm_named, available_algorithms

E = TypeVar("E", bound=Enum)

MAX_URI_CHARS = 256
"""PJSIP prints URIs into buffers of this size (PJSIP_MAX_URL_SIZE)."""
MAX_HOST_CHARS = 128
MAX_GROUP = 63
"""Call groups are numbered 0 to 63."""


def choice(kind: type[E], also: Mapping[str, E] | None = None) -> ValueType[E]:
    """One of ``kind``'s words, in any letter case; ``also`` gives further spellings, ``yes``/``no`` any truth word."""
    spellings = {str(member.value).lower(): member for member in kind} | dict(also or {})

    def parse(text: str) -> E:
        word = text.strip().lower()
        if word not in spellings:
            if "yes" in spellings and types.is_true(word):
                word = "yes"
            elif "no" in spellings and types.is_false(word):
                word = "no"
        try:
            return spellings[word]
        except KeyError:
            raise ValueError(f"must be one of {', '.join(w for w in spellings if w)}") from None

    return types.custom("one of " + ", ".join(w for w in spellings if w), parse, lambda member: str(member.value))


def words(name: str, allowed: tuple[str, ...]) -> ValueType[tuple[str, ...]]:
    """A comma list of known words without repeats, lower case, in the order given."""

    def parse(text: str) -> tuple[str, ...]:
        given = tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
        for word in given:
            if word not in allowed:
                raise ValueError(f"{word!r} is not one of {', '.join(allowed)}")
        return given

    return types.custom(name, parse, ",".join)


IDENTIFY_METHODS = ("username", "auth_username", "ip", "header", "request_uri")
IDENTIFY_BY = words("identification methods", IDENTIFY_METHODS)
REDIRECT_METHODS = words("SIP methods", ("message",))
#: How Asterisk shows that there is no caller id.
_UNKNOWN = "<unknown>"
CALLER_ID: ValueType[PartyId] = types.custom(
    "caller id",
    lambda text: PartyId() if text == _UNKNOWN else parse_callerid(text),
    lambda party: str(party) or _UNKNOWN,
)


def _parse_algorithms(text: str) -> tuple[Algorithm, ...]:
    found: dict[Algorithm, None] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        algorithm = algorithm_named(word)
        if algorithm is None:
            raise ValueError(f"unknown digest algorithm {word!r}; known are {', '.join(a.value for a in Algorithm)}")
        if algorithm not in available_algorithms():
            raise ValueError(f"digest algorithm {word!r} is not supported by this Python's OpenSSL")
        found[algorithm] = None
    return tuple(found)


ALGORITHMS: ValueType[tuple[Algorithm, ...]] = types.custom(
    "digest algorithms", _parse_algorithms, lambda value: ",".join(algorithm.value for algorithm in value)
)

Digests = tuple[tuple[Algorithm, str], ...]
"""Stored H(A1) values, lower-case hex, by algorithm."""


def _parse_digests(text: str) -> Digests:
    return _fold_digests((), "", text)


def _fold_digests(so_far: Digests, _word: str, text: str) -> Digests:
    found = dict(so_far)
    for word in filter(None, (word.strip() for word in text.split(","))):
        name, colon, value = word.partition(":")
        if not colon:
            name, value = "MD5", word
        algorithm = algorithm_named(name)
        if algorithm is None or algorithm not in available_algorithms():
            raise ValueError(f"unknown digest algorithm {name!r}")
        value = value.strip().lower()
        if len(value) != DIGEST_LENGTHS[algorithm] or not all(c in "0123456789abcdef" for c in value):
            raise ValueError(f"a {algorithm.value} hash has {DIGEST_LENGTHS[algorithm]} hexadecimal digits")
        found[algorithm] = value
    return tuple(found.items())


DIGESTS: ValueType[Digests] = types.custom(
    "hashed credentials",
    _parse_digests,
    lambda value: ",".join(f"{algorithm.value}:{digest}" for algorithm, digest in value),
    _fold_digests,
)


def _parse_groups(text: str) -> frozenset[int]:
    groups: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        low, dash, high = part.partition("-")
        if not low.strip().isdigit() or (dash and not high.strip().isdigit()):
            raise ValueError(f"{part!r} is neither a group nor a range of groups")
        first, last = int(low), int(high) if dash else int(low)
        if last > MAX_GROUP or first > last:
            raise ValueError(f"groups go from 0 to {MAX_GROUP}")
        groups.update(range(first, last + 1))
    return frozenset(groups)


def _format_groups(groups: frozenset[int]) -> str:
    return ", ".join(str(group) for group in sorted(groups))


GROUPS: ValueType[frozenset[int]] = types.custom("call groups", _parse_groups, _format_groups)


def _parse_ip(text: str) -> str:
    text = text.strip()
    if text:
        ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    return text


IP_ADDRESS: ValueType[str] = types.custom("IP address", _parse_ip)


def check_sip_uri(uri: str) -> str:
    """``uri`` when it is a sip: or sips: URI that PJSIP can print; raises ValueError otherwise."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() not in {"sip", "sips"} or not rest:
        raise ValueError(f"{uri!r} is not a sip: or sips: URI")
    host = rest.split("@")[-1].split(";")[0].split("?")[0]
    if len(uri) >= MAX_URI_CHARS or len(host) >= MAX_HOST_CHARS or any(c.isspace() for c in uri):
        raise ValueError(f"{uri[:40]!r}... is too long or holds blanks")
    return uri


def _parse_contacts(text: str) -> tuple[str, ...]:
    return tuple(check_sip_uri(uri) for uri in filter(None, (uri.strip() for uri in text.split(","))))


CONTACTS: ValueType[tuple[str, ...]] = types.custom(
    "SIP URIs",
    _parse_contacts,
    ",".join,
    lambda so_far, _word, text: tuple(dict.fromkeys(so_far + _parse_contacts(text))),
)


@dataclass(frozen=True, slots=True)
class CodecPreferences:
    """A ``codec_prefs_*`` value: which side's list leads, how both are combined, what is kept."""

    prefer: str = "pending"
    operation: str = "intersect"
    keep: str = "all"
    transcode: str = "allow"

    def __str__(self) -> str:
        return f"prefer:{self.prefer}, operation:{self.operation}, keep:{self.keep}, transcode:{self.transcode}"


_CODEC_PREFERENCES = {
    "prefer": ("pending", "configured"),
    "operation": ("union", "intersect", "only_preferred", "only_nonpreferred"),
    "keep": ("all", "first"),
    "transcode": ("allow", "prevent"),
}


def codec_preferences(default: CodecPreferences, barred: str = "") -> ValueType[CodecPreferences]:
    """``prefer: x, operation: y, keep: z, transcode: w``; parts left out come from ``default``."""

    def parse(text: str) -> CodecPreferences:
        values = {name: getattr(default, name) for name in _CODEC_PREFERENCES}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, word = (piece.strip().lower() for piece in part.partition(":"))
            if name not in _CODEC_PREFERENCES:
                raise ValueError(f"{name!r} is not one of {', '.join(_CODEC_PREFERENCES)}")
            if word not in _CODEC_PREFERENCES[name] or word == barred:
                raise ValueError(f"{name} cannot be {word!r}")
            values[name] = word
        return CodecPreferences(**values)

    return types.custom("codec preferences", parse, str)

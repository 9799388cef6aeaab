"""``type=identify``: which addresses, header values or request URIs belong to an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.pjsip.objects.matching import MATCHES, SourceMatch, pattern


def _header(text: str) -> str:
    if text:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise ValueError("must be Header-Name: value, or Header-Name: /regular expression/")
        pattern(value.strip())
    return text


def _request_uri(text: str) -> str:
    pattern(text)
    return text


@dataclass(frozen=True, slots=True)
class Identify(ConfigObject):
    """Requests that match belong to ``endpoint``."""

    type_name: ClassVar[str] = "identify"

    endpoint: str = option(types.STRING, "", help="the endpoint")
    match: tuple[SourceMatch, ...] = option(
        MATCHES, (), help="addresses, networks or host names; ! excludes; may be repeated"
    )
    srv_lookups: bool = option(types.BOOL, True, help="look up SRV records of host names")
    match_header: str = option(types.custom("header match", _header), "", help="Header: value, or Header: /expression/")
    match_request_uri: str = option(types.custom("URI match", _request_uri), "", help="request URI, or /expression/")

    def applied(self) -> Identify:
        if not self.endpoint:
            raise OptionError("endpoint", "identify must name an endpoint")
        if not (self.match or self.match_header or self.match_request_uri):
            raise OptionError("match", "identify needs match, match_header or match_request_uri")
        return self

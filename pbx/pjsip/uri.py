"""SIP URIs and name-addr values as plain Python objects (RFC 3261 sections 19.1, 20.10 and 25.1; RFC 3966 for tel).

Parsing is lenient where phones are: white space around parameters, a missing ``sip:`` is not accepted, unknown schemes
are kept whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from pbx.errors import ObeliskError

#: Longest URI or name-addr looked at; PJSIP's own limit for a URI is 256, headers with long parameters exist.
MAX_LENGTH = 8192
#: URIs up to this length are remembered once parsed.
REMEMBERED_LENGTH = 256

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
# user-unreserved and unreserved of RFC 3261 25.1, plus what phones send unescaped in a user part
_USER_KEEP = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,;?/#]")
_PARAM_KEEP = re.compile(r"[^A-Za-z0-9\-_.!~*'()\[\]/:&+$%]")
_TOKEN_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t]*\Z")
_QUOTED_UNSAFE = re.compile(r'([\\"])')


class SipSyntaxError(ObeliskError):
    """A URI, name-addr or message breaks SIP's grammar; the text shows what was being parsed."""


def unescape(text: str) -> str:
    """Decode %xx; what does not decode as UTF-8 is kept as Latin-1."""
    if "%" not in text:
        return text
    raw = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return raw


def escape(text: str, keep: re.Pattern[str] = _USER_KEEP) -> str:
    """Encode as %xx what ``keep`` (a pattern of unsafe characters) finds."""
    return keep.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8")), text)


def split_params(text: str) -> dict[str, str | None]:
    """``a=1;lr`` as {"a": "1", "lr": None}; names in lower case, first one wins."""
    params: dict[str, str | None] = {}
    for piece in split_quoted(text, ";"):
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if name and name not in params:
            params[name] = unquote(value.strip()) if equals else None
    return params


def split_quoted(text: str, separator: str) -> list[str]:
    """Split at ``separator`` outside double quotes and angle brackets."""
    if '"' not in text and "<" not in text:
        return text.split(separator)
    pieces: list[str] = []
    start, quoted, angled, position = 0, False, False, 0
    while position < len(text):
        char = text[position]
        if quoted:
            if char == "\\":
                position += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            angled = True
        elif char == ">":
            angled = False
        elif char == separator and not angled:
            pieces.append(text[start:position])
            start = position + 1
        position += 1
    pieces.append(text[start:])
    return pieces


def unquote(text: str) -> str:
    """A quoted-string without its quotes and backslashes; anything else as it is."""
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def quote(text: str) -> str:
    """``text`` as a quoted-string; line breaks become spaces."""
    return '"' + _QUOTED_UNSAFE.sub(r"\\\1", text.replace("\r", " ").replace("\n", " ")) + '"'


@dataclass(frozen=True)
class SipUri:
    """A URI. For sip and sips every part is decoded; for tel ``user`` is the number; of other schemes ``user`` is all.

    ``host`` of an IPv6 reference has no brackets; ``port`` is 0 when absent; ``headers`` is the text after ``?``.
    """

    scheme: str
    user: str = ""
    host: str = ""
    port: int = 0
    params: dict[str, str | None] = field(default_factory=dict, hash=False)
    password: str | None = None
    headers: str = ""

    def param(self, name: str) -> str | None:
        """A parameter's value; None when absent or without value."""
        return self.params.get(name)

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """A shared object: ``params`` are not to be changed. Raises SipSyntaxError."""
        # The same phones call the same numbers: most URIs were parsed before.
        return _remembered(text) if len(text) <= REMEMBERED_LENGTH else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> SipUri:
        text = text.strip()
        if len(text) > MAX_LENGTH:
            raise SipSyntaxError(f"URI of {len(text)} characters is too long")
        scheme, colon, rest = text.partition(":")
        scheme = scheme.lower()
        if not colon or not rest or not _SCHEME.match(scheme) or any(char in rest for char in ' \t\r\n<>"'):
            raise SipSyntaxError(f"not a URI: {text[:80]!r}")
        if scheme == "tel":
            number, _, params = rest.partition(";")
            return cls(scheme, unescape(number), params=split_params(params) if params else {})
        if scheme not in ("sip", "sips"):
            return cls(scheme, rest)
        user, at, hostpart = rest.rpartition("@")
        hostpart, _, headers = hostpart.partition("?")
        hostport, semicolon, params = hostpart.partition(";")
        password: str | None = None
        if at:
            user, has_password, secret = user.partition(":")
            if has_password:
                password = unescape(secret)
            if not user:
                raise SipSyntaxError(f"URI with an empty user: {text[:80]!r}")
        host, port = split_host_port(hostport)
        if not host:
            raise SipSyntaxError(f"URI without a host: {text[:80]!r}")
        return cls(scheme, unescape(user), host, port, split_params(params) if semicolon else {}, password, headers)

    def __str__(self) -> str:
        if self.scheme == "tel":
            return f"tel:{self.user}{format_params(self.params)}"
        if not self.is_sip:
            return f"{self.scheme}:{self.user}"
        user = escape(self.user) if self.user else ""
        if user and self.password is not None:
            user += ":" + escape(self.password)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{'@' if user else ''}{host}{port}{format_params(self.params)}{headers}"


@lru_cache(maxsize=2048)
def _remembered(text: str) -> SipUri:
    return SipUri._parse(text)


def split_host_port(text: str) -> tuple[str, int]:
    """``host:port``, ``[v6]:port`` or a bare host as (host, port or 0); raises SipSyntaxError."""
    text = text.strip()
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise SipSyntaxError(f"bad IPv6 reference: {text[:80]!r}")
        port = rest[1:]
    else:
        host, _, port = text.partition(":")
    if not port:
        return host.lower(), 0
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise SipSyntaxError(f"bad port in {text[:80]!r}")
    return host.lower(), int(port)


def format_params(params: dict[str, str | None]) -> str:
    """``;a=1;lr`` for a URI."""
    return "".join(
        f";{name}" if value is None else f";{name}={escape(value, _PARAM_KEEP)}" for name, value in params.items()
    )


def format_header_params(params: dict[str, str | None]) -> str:
    """``;a=1;b="x y"`` for a header: values that are no token are quoted."""
    out = []
    for name, value in params.items():
        if value is None:
            out.append(f";{name}")
        elif value and re.fullmatch(r"[A-Za-z0-9\-.!%*_+`'~:\[\]]+", value):
            out.append(f";{name}={value}")
        else:
            out.append(f";{name}={quote(value)}")
    return "".join(out)


@dataclass(frozen=True)
class NameAddr:
    """``"display" <uri>;params``: the value of From, To, Contact, Route and their kind.

    A Contact of ``*`` has ``uri.scheme == "*"``.
    """

    uri: SipUri
    display: str = ""
    params: dict[str, str | None] = field(default_factory=dict, hash=False)

    @property
    def tag(self) -> str:
        """The tag parameter, "" when absent."""
        return self.params.get("tag") or ""

    @property
    def is_star(self) -> bool:
        return self.uri.scheme == "*"

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Raises SipSyntaxError."""
        text = text.strip()
        if len(text) > MAX_LENGTH:
            raise SipSyntaxError(f"address of {len(text)} characters is too long")
        if text == "*":
            return cls(SipUri("*"))
        display = ""
        rest = text
        if text.startswith('"'):
            end = 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise SipSyntaxError(f"quote not closed: {text[:80]!r}")
            display, rest = unquote(text[: end + 1]), text[end + 1 :].strip()
            if not rest.startswith("<"):
                raise SipSyntaxError(f"no <URI> after the display name: {text[:80]!r}")
        if "<" in rest:
            name, _, rest = rest.partition("<")
            if not display:
                if not _TOKEN_NAME.match(name) and not name.isprintable():
                    raise SipSyntaxError(f"bad display name: {text[:80]!r}")
                display = name.strip()
            inner, bracket, params = rest.partition(">")
            if not bracket:
                raise SipSyntaxError(f"no > after the URI: {text[:80]!r}")
            params = params.strip()
            if params and not params.startswith(";"):
                raise SipSyntaxError(f"unexpected text after the URI: {text[:80]!r}")
            return cls(SipUri.parse(inner), display, split_params(params[1:]) if params else {})
        # addr-spec without brackets: what follows a semicolon after the user belongs to the header (RFC 3261 20)
        user, at, host = rest.rpartition("@") if rest.count("@") == 1 else ("", "", rest)
        host, semicolon, params = host.partition(";")
        return cls(SipUri.parse(user + at + host), "", split_params(params) if semicolon else {})

    @classmethod
    def parse_list(cls, text: str) -> list[NameAddr]:
        """A comma-separated list; raises SipSyntaxError."""
        return [cls.parse(piece) for piece in split_quoted(text, ",") if piece.strip()]

    def __str__(self) -> str:
        if self.is_star:
            return "*"
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{format_header_params(self.params)}"

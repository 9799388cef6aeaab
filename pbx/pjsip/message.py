"""A SIP message as Python sees it: parsed on demand from the raw bytes, hence safe to keep and to pass around.

PJSIP parses every message too, for its transactions and dialogs; decisions of ours (whose request is it, may it, where
does it go) are taken on this reading alone, so that both never mix within one decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pbx.pjsip.lazy import lazy
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri, split_quoted

#: Compact forms (RFC 3261 20, and the IANA registry of SIP header fields).
COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding",
    "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact",
    "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via",
    "x": "session-expires", "y": "identity",
}  # fmt: skip

_LINE = re.compile(rb"\r\n(?![ \t])|\n(?![ \t])|\r(?![ \t\n])")
_FOLD = re.compile(rb"[ \t]*(?:\r\n|\n|\r)[ \t]+")
_FIELD = re.compile(r"^([^:\n]*):(.*)$", re.MULTILINE)
_END_OF_HEAD = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n")
_CSEQ = re.compile(r"\s*(\d{1,10})\s+([^\s]+)\s*\Z")
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """(start line and headers, body)."""
    end = raw.find(b"\r\n\r\n")
    head = raw[:end]
    breaks = head.count(b"\n")
    if end >= 0 and head.count(b"\r\n") == breaks and head.count(b"\r") == breaks:
        return head, raw[end + 4 :]  # no other kind of line break comes before
    match = _END_OF_HEAD.search(raw)
    return (raw, b"") if match is None else (raw[: match.start()], raw[match.end() :])


def head_lines(head: bytes) -> list[bytes]:
    """The lines of a message's head, folded lines joined by one space (RFC 3261 7.3.1)."""
    if head.find(b"\n ") >= 0 or head.find(b"\n\t") >= 0 or head.find(b"\r ") >= 0 or head.find(b"\r\t") >= 0:
        head = _FOLD.sub(b" ", head)
    lines = head.split(b"\r\n")
    breaks = len(lines) - 1
    return lines if head.count(b"\r") == breaks and head.count(b"\n") == breaks else _LINE.split(head)


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """A header's name in lower case, its compact form spelled out."""
    name = name.lower()
    return COMPACT.get(name, name) if len(name) == 1 else name


def text_of(raw: bytes) -> str:
    """UTF-8, and Latin-1 where it is not."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Headers:
    """Header fields in order. Names compare without case and by either form."""

    __slots__ = ("_first", "_pairs")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._first = {canonical(name): value for name, value in reversed(pairs)}

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, name: str) -> bool:
        return canonical(name) in self._first

    def get(self, name: str) -> str | None:
        """The first field of that name, as it was sent, or None."""
        return self._first.get(canonical(name))

    def get_all(self, name: str) -> list[str]:
        """Every field of that name in order."""
        wanted = canonical(name)
        return [value for each, value in self._pairs if canonical(each) == wanted] if wanted in self._first else []

    def values(self, name: str) -> list[str]:
        """Every value of a list header (Allow, Supported, Contact, Route...), fields split at their commas."""
        return [piece.strip() for field in self.get_all(name) for piece in split_quoted(field, ",") if piece.strip()]


class SipMessage:
    """A request or a response. Properties raise SipSyntaxError when the part they show is missing or malformed;
    `headers`, `raw` and `body` never do."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start_line[:60]!r}>"

    @lazy
    def _parts(self) -> tuple[bytes, bytes]:
        return split_head(self.raw.lstrip(b"\r\n"))

    @lazy
    def start_line(self) -> str:
        return text_of(self._parts[0].split(b"\n", 1)[0].rstrip(b"\r"))

    @lazy
    def headers(self) -> Headers:
        lines = head_lines(self._parts[0])[1:]
        try:
            text = b"\n".join(lines).decode("utf-8")
        except UnicodeDecodeError:
            text = "\n".join([text_of(line) for line in lines])
        return Headers([(name.strip(), value.strip()) for name, value in _FIELD.findall(text)])

    @property
    def is_request(self) -> bool:
        return not self.raw.lstrip(b"\r\n").startswith(b"SIP/")

    @lazy
    def _words(self) -> list[str]:
        words = self.start_line.split(" ", 2)
        if len(words) < 3:
            if len(words) == 2 and not self.is_request:
                return [*words, ""]
            raise SipSyntaxError(f"bad start line: {self.start_line[:80]!r}")
        return words

    @property
    def method(self) -> str:
        """The request's method; of a response, its CSeq's."""
        return self._words[0] if self.is_request else self.cseq_method

    @property
    def request_uri(self) -> str:
        return self._words[1]

    @lazy
    def uri(self) -> SipUri:
        """The Request-URI."""
        return SipUri.parse(self.request_uri)

    @lazy
    def status_code(self) -> int:
        """100 to 699; 0 for a request."""
        if self.is_request:
            return 0
        try:
            return int(self._words[1])
        except ValueError:
            raise SipSyntaxError(f"bad status line: {self.start_line[:80]!r}") from None

    @property
    def reason(self) -> str:
        """The reason phrase of a response."""
        return "" if self.is_request else self._words[2]

    def _required(self, name: str) -> str:
        value = self.headers.get(name)
        if value is None:
            raise SipSyntaxError(f"no {name} header")
        return value

    @lazy
    def from_(self) -> NameAddr:
        return NameAddr.parse(self._required("From"))

    @property
    def to_text(self) -> str:
        """To as it was sent."""
        return self._required("To")

    @lazy
    def to(self) -> NameAddr:
        return NameAddr.parse(self._required("To"))

    @lazy
    def contacts(self) -> list[NameAddr]:
        return [NameAddr.parse(value) for value in self.headers.values("Contact")]

    @lazy
    def call_id(self) -> str:
        """ "" when absent: it is asked for most by log lines about broken messages."""
        return self.headers.get("Call-ID") or ""

    @lazy
    def _cseq(self) -> tuple[int, str]:
        match = _CSEQ.match(self._required("CSeq"))
        if match is None:
            raise SipSyntaxError(f"bad CSeq: {self._required('CSeq')[:80]!r}")
        return int(match[1]), match[2]

    @property
    def cseq(self) -> int:
        return self._cseq[0]

    @property
    def cseq_method(self) -> str:
        return self._cseq[1]

    @lazy
    def via_branch(self) -> str:
        """The topmost Via's branch, "" when it has none."""
        match = _BRANCH.search(self.headers.get("Via") or "")
        return match[1] if match else ""

    @lazy
    def content_type(self) -> str:
        """The media type in lower case without parameters, "" when absent."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    @lazy
    def body(self) -> bytes:
        """The body, cut to Content-Length where that is shorter (RFC 3261 18.3).

        Without a Content-Type there is none, as for PJSIP: what some devices leave behind a blank line is no body.
        """
        if "Content-Type" not in self.headers:
            return b""
        body = self._parts[1]
        if not body:
            return body
        length = self.headers.get("Content-Length")
        if length is not None and length.isascii() and length.isdigit() and len(length) < 10:
            return body[: int(length)]
        return body

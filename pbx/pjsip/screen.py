"""What is looked at before PJSIP's parser sees a message: everything known to abort or confuse it.

PJSIP 2.15.1 is built with assertions on, so a message that trips one ends the process. `screen` passes ordinary
messages after a handful of byte searches; whatever looks unusual is read line by line in `_examine`. The result is the
bytes to give to PJSIP (sometimes repaired), an answer to send, or nothing.

Guarded here, with where it is fixed in pjproject after 2.15.1 (pull request or advisory):

* Record-Route with ``hide`` and no ``lr``: assertion when any answer is printed (#5185)
* Contact or Record-Route that is no sip or sips URI where it would become a dialog's target: assertion when sending
* multipart bodies: reads past the buffer, empty ones printed (advisories, #4844, #5129): PJSIP never parses one
* Content-Length that overflows (#4863), is repeated, or disagrees with the datagram
* more than 32 values in Accept, Allow, Supported, Require, Unsupported; empty values there (#4655, an advisory)
* a quote that is not closed before the end of the message (#5148)
* CSeq of 2**31 or more: PJSIP's parser complains of it as of an error of ours
* an empty IPv6 reference ``[]`` (#4847)
* NUL bytes, bare CR or LF, lines without a colon (#4902): PJSIP would read another message than we do
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pbx.pjsip.message import canonical, text_of
from pbx.pjsip.uri import split_quoted

#: Longest message accepted on any transport, in bytes; longer ones are answered 513 where that is possible.
MAX_MESSAGE = 65_000
#: Longest start line and headers accepted, in bytes.
MAX_HEAD = 32_768
#: Header lines accepted.
MAX_LINES = 512
#: PJSIP_GENERIC_ARRAY_MAX_COUNT
MAX_ARRAY = 32
#: RFC 3261 8.1.1.5
MAX_CSEQ = 2**31 - 1
#: Commas in a whole head below which no header can hold too many values.
FEW_COMMAS = 24

NUL, BACKSLASH, BRACKET = b"\0\\["

#: Methods whose Contact becomes a dialog's remote target.
TARGET_METHODS = frozenset({b"INVITE", b"SUBSCRIBE", b"NOTIFY", b"UPDATE", b"REFER"})
ARRAY_HEADERS = frozenset({"accept", "allow", "supported", "require", "unsupported"})
#: Headers PJSIP keeps one of; a second one makes its reading differ from ours.
SINGLE_HEADERS = frozenset({"from", "to", "call-id", "cseq", "content-length", "content-type", "max-forwards"})

REQUIRED = frozenset({b"via", b"from", b"to", b"call-id", b"cseq"})
SHORT_FORMS = (
    (b"v", b"via"),
    (b"f", b"from"),
    (b"t", b"to"),
    (b"i", b"call-id"),
    (b"l", b"content-length"),
    (b"c", b"content-type"),
    (b"m", b"contact"),
)
SHORT = frozenset(short for short, _ in SHORT_FORMS)
#: The header that takes a message the long way.
RECORD_ROUTE = b"record-route"

_HEADERS = re.compile(rb"\n([a-z0-9\-.!%*_+`'~]+)[ \t]*:[ \t]*(.*)\r(?=\n)")
_START = re.compile(rb"(?:([A-Za-z0-9\-.!%*_+`'~]{1,32}) ([^\s<>]+) SIP/2\.0|SIP/2\.0 ([1-6]\d\d)(?: [^\r\n]*)?)\r\n")
_CSEQ = re.compile(rb"\d{1,9}[ \t]+([^ \t]+)[ \t]*\Z")
_NUMBER = re.compile(rb"\d{1,20}\Z")
_PLAIN_CONTACT = re.compile(rb"(?:\"[^\"\\]*\"[ \t]*|[^\"<,]*)<sips?:[^<>\",]+>[^,]*\Z|sips?:[^<>\",]+\Z")
_ODD_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")
_NAME = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+[ \t]*\Z")
_SIP_URI = re.compile(rb"\s*(?:\"(?:[^\"\\]|\\.)*\"\s*<|[^\"<]*<|)\s*sips?:[^\s<>]", re.IGNORECASE)
_LOOSE = re.compile(rb";[ \t]*lr(?=[;=>\s,]|\Z)", re.IGNORECASE)
_HIDE = re.compile(rb";[ \t]*hide(?=[;=>\s,]|\Z)", re.IGNORECASE)
_PORT = re.compile(rb"sip/2\.0/[a-z]+[ \t]+(?:\[[0-9a-f:.]+\]|[^\s:;,]+)(?:[ \t]*:[ \t]*(\d{1,5}))?", re.IGNORECASE)
_RPORT = re.compile(rb";[ \t]*rport[ \t]*(?=[;,\s]|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """What to do with a message.

    ``raw``: the bytes for PJSIP, None to keep it from PJSIP; ``reading``: the same as Python is to read them.
    ``code``: the answer to a request that is refused, 0 for none. ``reason``: why it was refused or repaired, for the
    log. ``unusable``: the message was repaired only so that the call it belongs to can be ended.
    """

    raw: bytes | None
    code: int = 0
    reason: str = ""
    unusable: bool = False
    reading: bytes | None = None


def _refused(code: int, reason: str) -> Verdict:
    return Verdict(None, code, reason)


def screen(raw: bytes, source: tuple[str, int] = ("", 0)) -> Verdict | None:
    """None when ``raw`` may go to PJSIP as it is; otherwise what to do with it."""
    end = raw.find(b"\r\n\r\n")
    if end < 0 or end > MAX_HEAD or len(raw) > MAX_MESSAGE:
        return _examine(raw, source)
    low = raw[: end + 2].lower()
    start = _START.match(raw)
    fields = _HEADERS.findall(low)
    headers = dict(fields)
    if (
        low.count(b"\n") != len(fields) + 1
        or low.count(b"\r") != len(fields) + 1
        or len(headers) != len(fields)
        or RECORD_ROUTE in headers
        # Numbers, and `find`: with bytes before it `in` makes an exception and drops it.
        or NUL in low
        or BACKSLASH in low
        or BRACKET in low
        or low.find(b"multipart") >= 0
        or low.count(b",") > FEW_COMMAS
        or low.count(b'"') & 1
        or len(fields) > MAX_LINES
        or start is None
        or not _is_complete(headers.keys())
    ):
        return _examine(raw, source)
    length = headers.get(b"content-length", headers.get(b"l"))
    if length is not None and length != b"%d" % (len(raw) - end - 4):
        return _examine(raw, source)
    cseq = _CSEQ.match(headers[b"cseq"])
    if cseq is None or (start[1] is not None and cseq[1] != start[1].lower()):
        return _examine(raw, source)
    contact = headers.get(b"contact", headers.get(b"m"))
    if contact is not None and not _PLAIN_CONTACT.match(contact):
        return _examine(raw, source)
    return None


def _is_complete(names: AbstractSet[bytes]) -> bool:
    """Whether the five headers every message has are there, no header by both its forms."""
    if names >= REQUIRED and names.isdisjoint(SHORT):
        return True
    for short, long in SHORT_FORMS:
        if short in names:
            if long in names:
                return False
        elif long in REQUIRED and long not in names:
            return False
    return b"cseq" in names


def _examine(raw: bytes, source: tuple[str, int]) -> Verdict | None:
    """The long way: line by line."""
    if len(raw) > MAX_MESSAGE:
        return _refused(513, f"message of {len(raw)} bytes")
    message = raw.lstrip(b"\r\n")
    end = message.find(b"\r\n\r\n")
    if end < 0 or _ODD_BREAK.search(message[: end + 4]):
        head, body = _normalised(message)
    else:
        head, body = message[:end], message[end + 4 :]
    if len(head) > MAX_HEAD:
        return _refused(513, f"headers of {len(head)} bytes")
    if b"\0" in head:
        return _refused(400, "NUL in a header")
    start = _START.match(head + b"\r\n")
    if start is None:
        return _refused(_start_line_code(head), "bad start line")
    lines = _FOLD.sub(b" ", head).split(b"\r\n")
    if len(lines) > MAX_LINES:
        return _refused(400, f"{len(lines)} header lines")
    return _Examination(start, lines, body, source).verdict(raw)


def _normalised(message: bytes) -> tuple[bytes, bytes]:
    """(head, body) of a message whose lines end in bare CR or LF, the head's breaks made CRLF."""
    first = re.search(rb"\r\n\r\n|\n\n|\n\r\n|\r\r", message)
    head, body = (message, b"") if first is None else (message[: first.start()], message[first.end() :])
    return _ODD_BREAK.sub(b"\r\n", head), body


def _start_line_code(head: bytes) -> int:
    """400, or 505 for a request of another version of SIP."""
    line = head.split(b"\r\n", 1)[0]
    version = re.search(rb" SIP/(\d+\.\d+)\Z", line, re.IGNORECASE)
    return 505 if version is not None and version[1] != b"2.0" else 400


class _Examination:
    """The careful reading of one message."""

    def __init__(self, start: re.Match[bytes], lines: list[bytes], body: bytes, source: tuple[str, int]) -> None:
        self.method = start[1]
        self.status = int(start[3]) if start[3] else 0
        self.lines = lines
        self.body = body
        self.source = source
        self.seen: dict[str, int] = {}
        self.arrays: dict[str, int] = {}
        self.length: int | None = None
        self.cseq_method = b""
        self.refusal: Verdict | None = None
        self.unusable = ""
        #: the line of a multipart's Content-Type: PJSIP gets another word there, so that it leaves the body alone
        self.multipart = 0

    def verdict(self, raw: bytes) -> Verdict | None:
        out = [self.lines[0]]
        for line in self.lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not _NAME.match(name):
                return _refused(400, "a header line without a name")
            kept = self._header(canonical(name.decode("ascii").strip()), name, value.strip())
            if self.refusal is not None:
                return self.refusal
            if kept is not None:
                out.append(kept)
                if self.multipart < 0:
                    self.multipart = len(out) - 1
        refused = self._whole()
        if refused is not None:
            return refused
        reading = b"\r\n".join(out) + b"\r\n\r\n" + self.body
        message = reading
        if self.multipart:
            out[self.multipart] = out[self.multipart].replace(b": m", b": x", 1).replace(b": M", b": x", 1)
            message = b"\r\n".join(out) + b"\r\n\r\n" + self.body
        elif message == raw:
            return None
        return Verdict(message, 0, self.unusable, bool(self.unusable), reading)

    def _refuse(self, reason: str) -> None:
        self.refusal = _refused(400, reason)

    def _header(self, name: str, written: bytes, value: bytes) -> bytes | None:
        """The line to give to PJSIP, None to leave it out; may refuse the message."""
        count = self.seen[name] = self.seen.get(name, 0) + 1
        if name in SINGLE_HEADERS and count > 1:
            self._refuse(f"{count} {name} headers")
        elif not _quotes_closed(value):
            self._refuse(f"a quote not closed in {name}")
        elif b"[]" in value:
            self._refuse(f"an empty IPv6 reference in {name}")
        elif name in ARRAY_HEADERS:
            return self._array(name, written, value)
        elif name == "content-length":
            if not value.isdigit() or len(value) > 9:
                self._refuse("bad Content-Length")
            else:
                self.length = int(value)
        elif name == "content-type" and value[:9].lower() == b"multipart":
            self.multipart = -1  # its place in the output is known to `verdict`
        elif name == "cseq":
            self._cseq(value)
        elif name in ("contact", "record-route"):
            return self._address(name, written, value)
        return written + b": " + value

    def _cseq(self, value: bytes) -> None:
        words = value.split()
        if not words or not _NUMBER.match(words[0]) or int(words[0]) > MAX_CSEQ:
            self._refuse("CSeq is no number below 2**31")
        else:
            self.cseq_method = words[-1]

    def _array(self, name: str, written: bytes, value: bytes) -> bytes | None:
        values = [each for each in value.split(b",") if each.strip()]
        room = MAX_ARRAY - self.arrays.get(name, 0)
        self.arrays[name] = self.arrays.get(name, 0) + len(values)
        if self.arrays[name] > MAX_ARRAY:
            if name == "require":
                self._refuse(f"{self.arrays[name]} values in {name}")
                return None
            values = values[: max(0, room)]
        if not values:
            return written + b":" if name in ("accept", "allow", "supported") and not value else None
        return written + b": " + b",".join(values)

    def _address(self, name: str, written: bytes, value: bytes) -> bytes | None:
        if name == "contact" and self.method == b"REGISTER":
            return written + b": " + value
        bad = ""
        for piece in split_quoted(text_of(value), ","):
            encoded = piece.encode("utf-8")
            if not _SIP_URI.match(encoded):
                bad = f"{name} is not a sip or sips URI"
            elif name == "record-route" and _HIDE.search(encoded) and not _LOOSE.search(encoded):
                bad = "Record-Route with hide and without lr"
        if not bad:
            return written + b": " + value
        if self.status == 0:
            if name == "contact" and self.method not in TARGET_METHODS:
                return written + b": " + value
            self._refuse(bad)
            return None
        self.unusable = bad
        if name == "record-route" or not self.source[0]:
            return None
        host = f"[{self.source[0]}]" if ":" in self.source[0] else self.source[0]
        return written + b": <sip:%s:%d>" % (host.encode("ascii"), self.source[1])

    def _whole(self) -> Verdict | None:
        for name in ("via", "from", "to", "call-id", "cseq"):
            if name not in self.seen:
                return _refused(400, f"no {name} header")
        if self.method and self.cseq_method != self.method:
            return _refused(400, "CSeq names another method")
        if self.length is not None:
            if self.length > len(self.body):
                return _refused(400, f"Content-Length {self.length} with a body of {len(self.body)} bytes")
            self.body = self.body[: self.length]
        return None


def _quotes_closed(value: bytes) -> bool:
    if b'"' not in value:
        return True
    quoted = False
    position = 0
    while position < len(value):
        byte = value[position]
        if byte == 0x5C and quoted:
            position += 1
        elif byte == 0x22:
            quoted = not quoted
        position += 1
    return not quoted


REASONS = {400: "Bad Request", 505: "Version Not Supported", 513: "Message Too Large"}
_COPIED = {"from": b"From", "to": b"To", "call-id": b"Call-ID", "cseq": b"CSeq"}
#: Longest header copied into such an answer.
MAX_COPIED = 2048


def refusal(raw: bytes, code: int, source: tuple[str, int], detail: str = "") -> tuple[bytes, tuple[str, int]] | None:
    """(answer, where to) for a request that PJSIP will never see; None where RFC 3261 leaves nothing to answer.

    Made of the request's own Via, From, To, Call-ID and CSeq (RFC 3261 8.2.6.2), sent to the source by 18.2.2 and
    RFC 3581.
    """
    head = _normalised(raw.lstrip(b"\r\n")[:MAX_HEAD])[0]
    if head.startswith(b"SIP/") or head[:4].upper() == b"ACK ":
        return None
    vias: list[bytes] = []
    copied: dict[str, bytes] = {}
    for line in _FOLD.sub(b" ", head).split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        value = value.strip()
        if not colon or not _NAME.match(name) or not value or b"\0" in value or len(value) > MAX_COPIED:
            continue
        known = canonical(name.decode("ascii").strip())
        if known == "via":
            vias.append(value)
        elif known in _COPIED and known not in copied:
            copied[known] = value
    if not vias or len(copied) < len(_COPIED):
        return None
    port = _PORT.match(vias[0])
    if port is None:
        return None
    destination = (source[0], int(port[1]) if port[1] and 0 < int(port[1]) < 65536 else 5060)
    received = b";received=" + source[0].encode("ascii")
    top, _, rest = vias[0].partition(b",")
    if _RPORT.search(top):
        top = _RPORT.sub(b";rport=%d" % source[1], top, count=1)
        destination = source
    vias[0] = top + received + (b"," + rest if rest else b"")
    if b"tag=" not in copied["to"].lower():
        copied["to"] += b";tag=%08x" % (hash(raw) & 0xFFFFFFFF)
    reason = REASONS.get(code, "Bad Request") + (f" ({detail})" if detail else "")
    lines = [b"SIP/2.0 %d %s" % (code, reason.encode("utf-8"))]
    lines += [b"Via: " + via for via in vias]
    lines += [_COPIED[name] + b": " + copied[name] for name in _COPIED]
    return b"\r\n".join([*lines, b"Content-Length: 0", b"", b""]), destination

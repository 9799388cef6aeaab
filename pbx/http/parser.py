"""Bytes to requests, with httptools (llhttp) doing the grammar, and every size bounded. No I/O here.

Feed what came to `RequestParser.feed`; it gives the requests that are complete. What breaks the protocol or a bound
raises `Refused` once, after which the connection is to be answered and closed: requests that were complete before it
come first.
"""

from __future__ import annotations

import re

import httptools

from pbx.errors import ObeliskError
from pbx.http.messages import HttpRequest
from pbx.security_events import SecurityAddress

#: Bytes of a body, as Asterisk's HTTP server has it (MAX_CONTENT_LENGTH).
MAX_BODY_BYTES = 40_960
#: Bytes of a request line and headers together. Node's limit is 16 KiB as well.
MAX_HEAD_BYTES = 16_384
#: Header lines of a request; Asterisk has no bound, Apache 100.
MAX_HEADERS = 100
#: Bytes of a request's target. Asterisk's line buffer has 4096.
MAX_TARGET_BYTES = 8_192

#: method SP request-target: what begins so is HTTP with a method that llhttp does not know.
_REQUEST_LINE = re.compile(rb"[A-Za-z]{3,20} [/*h]")


class Refused(ObeliskError):
    """The client broke the protocol or a bound; ``status`` is the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class RequestParser:
    """One connection's reading side."""

    def __init__(self, peer: SecurityAddress, local: SecurityAddress) -> None:
        self._peer = peer
        self._local = local
        self._complete: list[tuple[HttpRequest, bool]] = []
        self._refused: Refused | None = None
        #: Set when a request's head said that the client waits for ``100 Continue``.
        self.continue_wanted = False
        #: Bytes behind a request that asked for another protocol.
        self.trailing = b""
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._begun = False
        self._in_head = False
        self._head_bytes = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._count = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    @property
    def idle(self) -> bool:
        """Whether nothing of a next request has come yet."""
        return not self._begun

    def feed(self, data: bytes) -> list[tuple[HttpRequest, bool]]:
        """The requests completed by ``data``, each with whether the connection stays open after it.

        Stops at a request that asks for an upgrade: what follows it is in ``trailing``, and `resume` goes on with it
        where the upgrade did not come about. Raises Refused at the next call once complete requests were given.
        """
        if self._refused is None:
            self._parse(data)
        if self._complete:
            complete, self._complete = self._complete, []
            return complete
        if self._refused is not None:
            raise self._refused
        return []

    def resume(self) -> list[tuple[HttpRequest, bool]]:
        """Go on behind a request whose upgrade was not done."""
        data, self.trailing = self.trailing, b""
        return self.feed(data)

    @property
    def refused(self) -> Refused | None:
        """What is wrong with the connection, if anything."""
        return self._refused

    def _parse(self, data: bytes) -> None:
        # httptools keeps an unfinished header to itself, so what comes while a head is unfinished is counted here.
        counted = self._in_head
        if counted:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            offset: int = upgrade.args[0]
            self.trailing = data[offset:]
            self._begin()
            return
        except httptools.HttpParserInvalidMethodError:
            if _REQUEST_LINE.match(data):
                self._refuse(501, "Method not implemented")
            else:
                self._refuse(400, "Bad request")
        except httptools.HttpParserError:
            self._refuse(400, "Bad request")
        if self._in_head and not counted and not self._complete:
            self._head_bytes = len(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, "Request header fields too large")

    def _refuse(self, status: int, text: str) -> None:
        if self._refused is None:
            self._refused = Refused(status, text)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._begun = self._in_head = True
        self._head_bytes = 0
        self._target = b""
        self._headers = {}
        self._count = 0
        self._body = []
        self._body_bytes = 0
        self.continue_wanted = False

    def on_url(self, url: bytes) -> None:
        if len(self._target) + len(url) > MAX_TARGET_BYTES:
            self._refuse(414, "Request target too long")
            return
        self._target += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        self._count += 1
        if self._count > MAX_HEADERS:
            self._refuse(431, "Too many header fields")
            return
        name = name.lower()
        value = value or b""
        known = self._headers.get(name)
        self._headers[name] = value if known is None else known + b", " + value

    def on_headers_complete(self) -> None:
        self._in_head = False
        length = self._headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:12]) > MAX_BODY_BYTES:
            self._refuse(413, "Request body too large")
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            self.continue_wanted = True

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(413, "Request body too large")
            self._body = []
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._begun = False
        self.continue_wanted = False
        if self._refused is not None:
            return
        parser = self._parser
        target = self._target.decode("latin-1")
        if not target.startswith("/"):
            target = _path_of(target)
        path, _, query = target.partition("?")
        request = HttpRequest(
            parser.get_method().decode("ascii"),
            path,
            query.partition("#")[0],
            self._headers,
            b"".join(self._body),
            self._peer,
            self._local,
            upgrade=bool(parser.should_upgrade()),
        )
        self._complete.append((request, bool(parser.should_keep_alive())))


def _path_of(target: str) -> str:
    """The path of a target in absolute form (RFC 9112 section 3.2.2); ``*`` and others stay as they are."""
    scheme, separator, rest = target.partition("://")
    if not separator or not scheme.isalpha():
        return target
    slash = rest.find("/")
    return "/" if slash < 0 else rest[slash:]

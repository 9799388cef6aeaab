"""func_curl: CURL and CURLOPT over the exchange's HTTP client."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, in_thread, live, scan_float, scan_int
from dialplan.functions.encoding import to_bytes, to_text
from dialplan.functions.hashes import FIELDS
from dialplan.registry import FunctionError, function
from pbx.config.types import is_true
from pbx.core.channel import Channel
from pbx.http.client import MAX_REDIRECTS, HttpAnswer, HttpClient, HttpError
from pbx.http.tls import TlsSettings

log = Logger()

#: Seconds a request may take unless httptimeout says so, and the most that can be said.
DEFAULT_SECONDS = 180.0
#: Bytes of an answer.
MAX_BODY = 1 << 20
#: Redirects that are followed where maxredirs sets no bound (-1).
MOST_REDIRECTS = 100
#: Headers that one channel may add.
MAX_HEADERS = 50
USER_AGENT = "asterisk-libcurl-agent/1.0"

#: What is taken off the end of an answer (ast_str_trim_blanks).
_BLANKS = "".join(map(chr, range(33)))

#: Where a channel keeps its options (`Channel.extra`).
_KEY = "curl"


def _boolean(value: str) -> str:
    return str(int(is_true(value)))


def _integer(value: str) -> str:
    return str(scan_int(value) or 0)


def _seconds(value: str) -> str:
    number = scan_float(value) or 0.0
    return f"{number:.3f}" if number != int(number) else str(int(number))


def _hashcompat(value: str) -> str:
    return "legacy" if value.lower() == "legacy" else "yes" if is_true(value) else "no"


def _httpauth(value: str) -> str:
    for method in value.split(","):
        if method.strip().lower() != "basic":
            raise FunctionError(f"Auth method '{method}' invalid or not supported")
    return value


def _pem(value: str) -> str:
    if value.upper() != "PEM":
        raise FunctionError(f"certificates and keys are PEM files, not '{value}'")
    return value


#: What can be set, and how a value is brought into its form.
OPTIONS: dict[str, Callable[[str], str]] = {
    "cookie": str,
    "conntimeout": _seconds,
    "dnstimeout": _integer,
    "followlocation": _boolean,
    "header": _boolean,
    "httpauth": _httpauth,
    "httpheader": str,
    "httptimeout": _seconds,
    "maxredirs": _integer,
    "referer": str,
    "useragent": str,
    "userpwd": str,
    "hashcompat": _hashcompat,
    "failurecodes": str,
    "ssl_verifypeer": _boolean,
    "ssl_verifyhost": _integer,
    "ssl_cainfo": str,
    "ssl_capath": str,
    "ssl_cert": str,
    "ssl_certtype": _pem,
    "ssl_key": str,
    "ssl_keytype": _pem,
    "ssl_keypasswd": str,
}
#: What Asterisk knows and this version does not do.
MISSING = frozenset(
    (
        "ftptext",
        "ftptimeout",
        "proxy",
        "proxyport",
        "proxytype",
        "proxyuserpwd",
    )
)


@dataclass(frozen=True, slots=True)
class CurlOptions:
    """The options of one request."""

    values: dict[str, str]
    headers: tuple[str, ...]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


class _Store:
    """Options that were set, of a channel or of all."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.headers: list[str] = []


class CurlModule(FunctionModule):
    """CURL and CURLOPT."""

    name = "func_curl"
    description = "Load external URL"

    def _stores(self, channel: Channel | None) -> list[_Store]:
        """The general options, and the channel's if it has any."""
        everyone = self.__dict__.setdefault("_everyone", _Store())
        mine = None if channel is None else channel.extra.get(_KEY)
        return [everyone, mine] if isinstance(mine, _Store) else [everyone]

    def _options(self, channel: Channel | None) -> CurlOptions:
        values: dict[str, str] = {}
        headers: list[str] = []
        for store in self._stores(channel):
            values |= store.values
            headers += store.headers
        return CurlOptions(values, tuple(headers))

    @staticmethod
    def _key(args: Arguments) -> str:
        key = args.raw.strip().lower()
        if key in MISSING:
            raise FunctionError(f"CURLOPT: {key} is not part of this version")
        if key not in OPTIONS:
            raise ArgumentError(f"Unrecognized option: '{args.raw}'")
        return key

    @function(
        "CURLOPT",
        "key",
        synopsis="Sets various options for future invocations of CURL.",
        description=(
            "For the channel, or for all where there is none: cookie, conntimeout, dnstimeout, followlocation, header, "
            "httpauth (basic), httpheader (each adds one), httptimeout, maxredirs, referer, useragent, userpwd, "
            "hashcompat (yes, no, legacy), failurecodes, ssl_verifypeer, ssl_verifyhost, ssl_cainfo, ssl_capath, "
            "ssl_cert, ssl_key, ssl_keypasswd."
        ),
        see_also=("CURL", "HASH"),
    )
    def func_curlopt(self, channel: Channel | None, args: Arguments) -> str:
        key = self._key(args)
        for store in reversed(self._stores(channel)):
            if key == "httpheader" and store.headers:
                return store.headers[0]
            if key in store.values:
                return store.values[key]
        return ""

    @func_curlopt.writer
    def set_curlopt(self, channel: Channel | None, args: Arguments, value: str) -> None:
        key = self._key(args)
        if "\r" in value or "\n" in value:
            raise ArgumentError(f"CURLOPT({key}): a value has no line breaks")
        if channel is None:
            store = self._stores(None)[0]
        else:
            kept = channel.extra.get(_KEY)
            store = kept if isinstance(kept, _Store) else _Store()
            channel.extra[_KEY] = store
        if key != "httpheader":
            store.values[key] = OPTIONS[key](value)
            return
        if ":" not in value:
            raise ArgumentError(f"CURLOPT(httpheader): '{value}' is no header")
        if len(store.headers) >= MAX_HEADERS:
            raise FunctionError(f"CURLOPT(httpheader): {MAX_HEADERS} headers are set already")
        store.headers.append(value)

    @function(
        "CURL",
        "url[,post-data]",
        synopsis="Retrieve content from a remote web or ftp server.",
        description=(
            "By HTTP or HTTPS: GET, or POST where there is data. When it is written, the answer goes to the file "
            "that is the value."
        ),
        see_also=("CURLOPT",),
        capability="system",
    )
    async def func_curl(self, channel: Channel | None, args: Arguments) -> str:
        options = self._options(channel)
        answer = await self._ask(channel, args["url"], args["post-data"] if len(args) > 1 else None, options)
        text = to_text(_content(answer, options)).rstrip(_BLANKS)
        if text and options["hashcompat"] in ("yes", "legacy"):
            return _as_hash(live(channel, "CURL"), text, legacy=options["hashcompat"] == "legacy")
        return text

    @func_curl.writer
    async def set_curl(self, channel: Channel | None, args: Arguments, value: str) -> None:
        path = value.strip()
        if not path or "\0" in path:
            raise ArgumentError("CURL requires a file to write")
        options = self._options(channel)
        answer = await self._ask(channel, args.raw, None, options)
        content = _content(answer, options)
        try:
            await in_thread(self.server, lambda: Path(path).write_bytes(content))
        except OSError as error:
            raise FunctionError(f"Failed to open file {path}: {error.strerror}") from None

    async def _ask(self, channel: Channel | None, url: str, data: str | None, options: CurlOptions) -> HttpAnswer:
        if not url:
            raise ArgumentError("CURL requires an argument (URL)")
        if "\r" in url or "\n" in url:
            raise ArgumentError(f"URL '{url}' is vulnerable to HTTP injection attacks. Aborting CURL() call.")
        if "://" not in url:
            url = f"http://{url}"
        headers = _headers(options, post=data is not None)
        seconds = scan_float(options["httptimeout"]) or DEFAULT_SECONDS
        try:
            answer = await self.server.require(HttpClient).request(
                "GET" if data is None else "POST",
                url,
                headers=headers,
                body=None if data is None else to_bytes(data),
                seconds=min(seconds, DEFAULT_SECONDS),
                max_body=MAX_BODY,
                redirects=_redirects(options),
                connect_seconds=scan_float(options["conntimeout"]) or None,
                tls=_tls(options),
            )
        except HttpError as error:
            raise FunctionError(f"{error} ('{url}')") from None
        if str(answer.status) in [code.strip() for code in options["failurecodes"].split(",")]:
            raise FunctionError(f"CURL '{url}' returned response code ({answer.status})")
        return answer


def _redirects(options: CurlOptions) -> int:
    """How many are followed; below 0 the first one is the answer."""
    if options["followlocation"] != "1":
        return -1
    most = scan_int(options["maxredirs"])
    return MAX_REDIRECTS if most is None else MOST_REDIRECTS if most < 0 else most


def _tls(options: CurlOptions) -> TlsSettings | None:
    """What was said of TLS; None where nothing was."""
    if not any(name.startswith("ssl_") for name in options.values):
        return None
    return TlsSettings(
        ca_file=options["ssl_cainfo"],
        ca_path=options["ssl_capath"],
        certificate=options["ssl_cert"],
        key=options["ssl_key"],
        password=options["ssl_keypasswd"],
        verify_peer=options["ssl_verifypeer"] != "0",
        verify_name=options["ssl_verifyhost"] != "0",
    )


def _headers(options: CurlOptions, *, post: bool) -> list[tuple[str, str]]:
    found = [("User-Agent", options["useragent"] or USER_AGENT), ("Accept", "*/*")]
    if post:
        found.append(("Content-Type", "application/x-www-form-urlencoded"))
    if options["userpwd"]:
        found.append(("Authorization", "Basic " + base64.b64encode(to_bytes(options["userpwd"])).decode()))
    for name, option in (("Cookie", "cookie"), ("Referer", "referer")):
        if options[option]:
            found.append((name, options[option]))
    for header in options.headers:
        name, _, value = header.partition(":")
        found = [each for each in found if each[0].lower() != name.strip().lower()]
        if value.strip():
            found.append((name.strip(), value.strip()))
    return found


def _content(answer: HttpAnswer, options: CurlOptions) -> bytes:
    if options["header"] != "1":
        return answer.body
    head = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.headers)]
    return to_bytes("\r\n".join(head) + "\r\n\r\n") + answer.body


def _as_hash(channel: Channel, text: str, *, legacy: bool) -> str:
    """``name=value&...`` as a row for HASH: the names go where HASH looks for them, the values come back."""

    def clean(part: str) -> str:
        decoded = to_text(unquote_to_bytes(to_bytes(part.replace("+", " ") if legacy else part)))
        return decoded.replace("\\", "\\\\").replace(",", "\\,")

    pairs = [part.partition("=") for part in text.split("&")]
    channel.set_variable(FIELDS, ",".join([clean(name) for name, _, _ in pairs]))
    return ",".join([clean(value) for _, _, value in pairs])

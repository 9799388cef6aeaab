"""What ``pbx.sleep``, ``pbx.http``, ``pbx.db`` and ``pbx.log`` do; tasks are the switch's own.

Each takes the channel and the script's arguments, and gives a value for the script, perhaps after a wait. A wrong call
raises UsageError, which the script gets as an error at its line; what fails outside raises another ObeliskError, and
the script gets nil and the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from dialplan.lua.packing import as_list
from pbx.errors import ObeliskError
from pbx.http.client import DEFAULT_BODY, DEFAULT_SECONDS, MAX_REDIRECTS, HttpClient
from pbx.logs import verbose
from pbx.sql import DEFAULT_SECONDS as SQL_SECONDS
from pbx.sql import Databases

if TYPE_CHECKING:
    from dialplan.lua.settings import LuaSettings
    from pbx.core.channel import Channel
    from pbx.server import Server

log = Logger()

#: The longest deadline a script may give, in seconds.
MAX_SECONDS = 3600.0
#: The longest sleep, in seconds: a week.
MAX_SLEEP = 7 * 86400.0
#: Bytes of an answer's body that a script may ask for.
MAX_BODY = 8 << 20

_HTTP_FIELDS = frozenset(("url", "method", "headers", "body", "json", "timeout", "max_bytes", "redirects"))


class UsageError(ObeliskError):
    """A script called a helper wrongly."""


def _seconds(value: Any, what: str, default: float, limit: float = MAX_SECONDS) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value < 0:
        raise UsageError(f"{what} must be a number of seconds, not {_shown(value)}")
    return min(float(value), limit)


def _shown(value: Any) -> str:
    return "a table" if isinstance(value, dict) else "nil" if value is None else repr(value)[:60]


def _text(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise UsageError(f"{what} must be a text, not {_shown(value)}")


class Helpers:
    """The helpers of one exchange."""

    def __init__(self, server: Server) -> None:
        self._server = server
        #: Of lua.conf, as last read.
        self.settings: LuaSettings
        self._table: Mapping[str, Callable[[Channel, list[Any]], Awaitable[Any] | None]] = {
            "sleep": self._sleep,
            "http": self._http,
            "query": self._query,
            "log": self._log,
        }

    def call(self, channel: Channel, name: str, arguments: dict[Any, Any]) -> Awaitable[Any] | None:
        """Begin a helper; what it gives is awaited, None is nothing to wait for. Raises UsageError."""
        return self._table[name](
            channel, as_list({k: v for k, v in arguments.items() if k != "n"}, arguments["n"]) or []
        )

    def _sleep(self, channel: Channel, arguments: list[Any]) -> Awaitable[None]:
        if arguments[:1] in ([], [None]):
            raise UsageError("a number of seconds is needed")
        return self._server.clock.sleep(_seconds(arguments[0], "the time", 0.0, MAX_SLEEP))

    def _log(self, channel: Channel, arguments: list[Any]) -> None:
        place, *rest = arguments
        if not rest:
            raise UsageError("a text is needed")
        level, text = (rest[0], rest[1]) if len(rest) > 1 else ("notice", rest[0])
        self.log(channel, _text(level, "the level"), str(place), _text(text, "what to log"))

    @staticmethod
    def log(channel: Channel | None, level: str, place: str, text: str) -> None:
        """Write a script's line to the log, with the call it belongs to. Raises UsageError for an unknown level."""
        name = "" if channel is None else f"{channel.name}: "
        fields = {"place": place, "text": text, "name": name, "call_id": "" if channel is None else channel.linkedid}
        match level.lower():
            case "error":
                log.error("{name}{place}{text}", **fields)
            case "warning":
                log.warn("{name}{place}{text}", **fields)
            case "notice":
                log.info("{name}{place}{text}", **fields)
            case "debug":
                log.debug("{name}{place}{text}", **fields)
            case "verbose":
                verbose(log, 3, "{name}{place}{text}", **fields)
            case _:
                raise UsageError(f"'{level[:40]}' is no level: error, warning, notice, verbose and debug are")

    # HTTP

    async def _http(self, channel: Channel, arguments: list[Any]) -> dict[str, Any]:
        request = arguments[0] if arguments else None
        if isinstance(request, str):
            request = {"url": request}
        if not isinstance(request, dict):
            raise UsageError(f"a URL or a table is needed, not {_shown(request)}")
        unknown = sorted(str(key) for key in request if key not in _HTTP_FIELDS)
        if unknown:
            raise UsageError(f"unknown field '{unknown[0]}'; there are {', '.join(sorted(_HTTP_FIELDS))}")
        headers = request.get("headers") or {}
        if not isinstance(headers, dict):
            raise UsageError(f"headers must be a table, not {_shown(headers)}")
        sent = {_text(name, "a header's name"): _text(value, f"header {name}") for name, value in headers.items()}
        body = request.get("body")
        content = None if body is None else _text(body, "body").encode("utf-8", "surrogateescape")
        if "json" in request:
            content = json.dumps(_plain(request["json"])).encode()
            if not any(name.lower() == "content-type" for name in sent):
                sent["Content-Type"] = "application/json"
        max_body = request.get("max_bytes", DEFAULT_BODY)
        if not isinstance(max_body, int) or isinstance(max_body, bool) or not 0 < max_body <= MAX_BODY:
            raise UsageError(f"max_bytes must be a number up to {MAX_BODY}, not {_shown(max_body)}")
        answer = await self._server.require(HttpClient).request(
            _text(request.get("method", "GET" if content is None else "POST"), "method"),
            _text(request.get("url"), "url"),
            headers=sent,
            body=content,
            seconds=_seconds(request.get("timeout"), "timeout", DEFAULT_SECONDS),
            max_body=max_body,
            redirects=-1 if request.get("redirects") is False else MAX_REDIRECTS,
        )
        found: dict[str, Any] = {"status": answer.status, "reason": answer.reason, "body": answer.body}
        got: dict[str, str] = {}
        for name, value in answer.headers:
            got[name] = f"{got[name]}, {value}" if name in got else value
        found["headers"] = got
        kind = answer.header("content-type").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                found["json"] = json.loads(answer.body)
            except (ValueError, RecursionError):
                found["json"] = None
        return found

    # SQL

    async def _query(self, channel: Channel, arguments: list[Any]) -> list[dict[str, Any]] | dict[str, Any]:
        dsn, sql, values, count, timeout = arguments
        url, confined = self.locate(_text(dsn, "the database"))
        if not isinstance(values, dict):
            raise UsageError(f"the values must be a table, not {_shown(values)}")
        single = count == 1 and any(not isinstance(key, int) for key in values)
        listed = None if single else as_list(values, None if count == 1 else count)
        parameters: Any = values if listed is None else listed
        for each in parameters.values() if isinstance(parameters, dict) else parameters:
            if isinstance(each, dict):
                raise UsageError("a value must be a text, a number, a boolean or nil, not a table")
        got = await self._server.require(Databases).query(
            url,
            _text(sql, "the statement"),
            parameters,
            seconds=_seconds(timeout, "timeout", SQL_SECONDS),
            confined=confined,
        )
        if not got.columns:
            return {"affected": got.affected}
        return [dict(zip(got.columns, row, strict=True)) for row in got.rows]

    def locate(self, dsn: str) -> tuple[str, bool]:
        """The URL of a database by the script's name for it, and whether its statements are confined to it.

        A name is looked up in lua.conf. A SQLite file that a script names itself lies below the database directory,
        unless lua.conf lets scripts live dangerously. Raises UsageError.
        """
        named = self.settings.databases.get(dsn)
        if named is not None:
            return named, False
        if ":" not in dsn:
            raise UsageError(f"there is no database '{dsn}' in lua.conf, section [databases]")
        scheme, _, rest = dsn.partition("://")
        if scheme.partition("+")[0] != "sqlite" or self.settings.live_dangerously:
            return dsn, False
        name, question, _options = rest.removeprefix("/").partition("?")
        if question:
            raise UsageError("a SQLite database that a script names takes no options")
        if name in ("", ":memory:"):
            return "sqlite://", True
        root = self._server.directories.db.resolve()
        path: Path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise UsageError(f"the file '{name}' is outside of {root}; name it in lua.conf, section [databases]")
        return f"sqlite:///{path}", True


def _plain(value: Any) -> Any:
    """A script's value for JSON: tables with the keys 1, 2, 3 ... are arrays."""
    if not isinstance(value, dict):
        return value
    listed = as_list(value) if value else None
    if listed is not None:
        return [_plain(each) for each in listed]
    return {str(key): _plain(each) for key, each in value.items()}

"""func_odbc.conf and res_odbc.conf: the statements that are functions, and the databases they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from pbx.config.errors import raise_if_any
from pbx.config.types import is_true
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import ConfigLoader
    from pbx.config.model import Section

QUERIES = "func_odbc.conf"
DATABASES = "res_odbc.conf"
#: Databases that one statement may be tried on.
MAX_HANDLES = 5
MAX_ROWS = 10_000

_OPTIONS = frozenset(
    (
        "dsn",
        "readhandle",
        "writehandle",
        "read",
        "write",
        "readsql",
        "writesql",
        "insertsql",
        "prefix",
        "escapecommas",
        "synopsis",
        "syntax",
        "mode",
        "rowlimit",
        "minargs",
    )
)


@dataclass(frozen=True, slots=True)
class Query:
    """A function made of statements."""

    section: str
    name: str
    readhandles: tuple[str, ...]
    writehandles: tuple[str, ...]
    readsql: str = ""
    writesql: str = ""
    insertsql: str = ""
    escapecommas: bool = True
    multirow: bool = False
    rowlimit: int = 0
    minargs: int = 0
    synopsis: str = ""
    syntax: str = ""


def read_databases(config: ConfigLoader) -> dict[str, str]:
    """res_odbc.conf's databases that are enabled: their URLs by name. Raises ConfigErrors."""
    found = config.load_optional(DATABASES)
    urls: dict[str, str] = {}
    errors: list[ConfigError] = []
    for section in found.sections if found is not None else ():
        if section.is_template or section.name.lower() in ("general", "env"):
            continue
        values = {item.key.lower(): item.value for item in section.items}
        if not is_true(values.get("enabled", "yes")):
            continue
        url = values.get("url") or values.get("dsn", "")
        if "://" not in url:
            errors.append(
                ConfigError(
                    f"[{section.name}]: a url such as postgresql://host/name is needed", section.path, section.line
                )
            )
            continue
        urls[section.name] = with_credentials(url, values.get("username", ""), values.get("password", ""))
    raise_if_any(errors)
    return urls


def with_credentials(url: str, username: str, password: str) -> str:
    """``url`` with a user and a password, where it names none itself."""
    parts = urlsplit(url)
    if not username or "@" in parts.netloc:
        return url
    user = quote(username, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


def read_queries(config: ConfigLoader, databases: Mapping[str, str]) -> list[Query]:
    """func_odbc.conf's functions. Raises ConfigErrors naming each line that is wrong."""
    found = config.load_optional(QUERIES)
    queries: list[Query] = []
    errors: list[ConfigError] = []
    for section in found.sections if found is not None else ():
        if section.is_template or section.name.lower() == "general":
            continue
        try:
            queries.append(_query(section, databases))
        except ConfigError as error:
            errors.append(error)
    raise_if_any(errors)
    return queries


def _query(section: Section, databases: Mapping[str, str]) -> Query:
    values: dict[str, str] = {}
    for item in section.items:
        key = item.key.lower()
        if key not in _OPTIONS:
            raise ConfigError(f"[{section.name}]: unknown option '{item.key}'", item.path, item.line)
        values[key] = item.value

    def wrong(text: str) -> ConfigError:
        return ConfigError(f"[{section.name}]: {text}", section.path, section.line)

    def handles(*names: str) -> tuple[str, ...]:
        text = next((values[name] for name in names if values.get(name)), "")
        found = tuple(name.strip() for name in text.split(",") if name.strip())
        for name in found:
            if name not in databases:
                raise wrong(f"there is no database '{name}' in {DATABASES}")
        if len(found) > MAX_HANDLES:
            raise wrong(f"{len(found)} databases are more than {MAX_HANDLES}")
        return found

    def number(name: str, most: int) -> int:
        text = values.get(name, "0")
        if not text.isdecimal() or int(text) > most:
            raise wrong(f"{name} must be a number up to {most}, not '{text}'")
        return int(text)

    write = handles("writehandle", "dsn")
    read = handles("readhandle", "writehandle", "dsn")
    readsql = values.get("readsql") or values.get("read", "")
    writesql = values.get("writesql") or values.get("write", "")
    if not readsql and not writesql:
        raise wrong("there is neither readsql nor writesql")
    if (readsql and not read) or (writesql and not write):
        raise wrong("dsn, readhandle or writehandle names no database")
    if values.get("insertsql") and not writesql:
        raise wrong("insertsql needs writesql")
    return Query(
        section.name,
        f"{values.get('prefix') or 'ODBC'}_{section.name}",
        read,
        write,
        readsql,
        writesql,
        values.get("insertsql", ""),
        is_true(values.get("escapecommas", "yes")),
        values.get("mode", "").lower() == "multirow",
        number("rowlimit", MAX_ROWS),
        number("minargs", 100),
        values.get("synopsis", ""),
        values.get("syntax", ""),
    )

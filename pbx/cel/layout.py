"""How cel_custom.conf says that an event is written: compiled once, when the file is read. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pbx.cdr.record import SECOND
from pbx.cel.event import FIELDS, CelEvent, amaflags_word

if TYPE_CHECKING:
    from pbx.config import Section

Layout = Callable[[CelEvent], str]

_EXPRESSION = re.compile(r"\$\{CSV_QUOTE\(\$\{([^{}]+)\}\)\}|\$\{([^{}]+)\}")
_FUNCTION = re.compile(r"(CALLERID|CHANNEL)\((\w+)\)")
_QUALIFIED = re.compile(r"([A-Za-z_]+)(?:\((.*)\))?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\s": " "}

#: The variables of a legacy mapping that are no functions.
_VARIABLES = frozenset(("eventtype", "eventtime", "eventenum", "userdeftype", "eventextra", "bridgepeer"))
_CALLERID = frozenset(("name", "num", "ani", "rdnis", "dnid"))
_CHANNEL = frozenset(
    (
        "exten", "context", "channame", "appname", "appdata", "amaflags", "accountcode", "peeraccount", "uniqueid",
        "linkedid", "userfield", "tenantid", "peer",
    )
)  # fmt: skip


def quoted(text: str, quote: str = '"', escape: str = '"') -> str:
    """A field in quotes."""
    if escape != quote:
        text = text.replace(escape, escape * 2)
    return quote + text.replace(quote, escape + quote) + quote


def _one_line(text: str) -> str:
    # A line break inside a field would make two events of one.
    return text.replace("\r", " ").replace("\n", " ")


def legacy_layout(text: str, date_format: str) -> Layout:
    """``${CSV_QUOTE(${eventtype})},${CALLERID(num)}``: the functions that mappings are written with.

    Raises ValueError naming an expression that says nothing about an event.
    """
    parts: list[str | Callable[[CelEvent], str]] = []
    at = 0
    for found in _EXPRESSION.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        read = _legacy_field(found[1] or found[2], date_format)
        parts.append(_in_quotes(read) if found[1] else read)
    parts.append(text[at:])
    if "${" in "".join(part for part in parts if isinstance(part, str)):
        raise ValueError(f"'{text[:60]}' holds an expression that says nothing of an event")
    return lambda event: _one_line("".join(part if isinstance(part, str) else part(event) for part in parts)) + "\n"


def _in_quotes(read: Layout) -> Layout:
    return lambda event: quoted(read(event))


def _legacy_field(expression: str, date_format: str) -> Layout:
    expression = expression.strip()
    call = _FUNCTION.fullmatch(expression)
    name = (expression if call is None else call[2]).lower()
    known = _VARIABLES if call is None else _CALLERID if call[1] == "CALLERID" else _CHANNEL
    if name not in known:
        raise ValueError(f"'{expression}' says nothing of an event")
    return _field(name, date_format)


def _field(name: str, date_format: str) -> Layout:
    return (lambda event: event.time_text(date_format)) if name == "eventtime" else FIELDS[name]


class _Column(NamedTuple):
    """A field of a section; ``quote`` None leaves it to the section."""

    name: str
    read: Layout
    quote: bool | None = None


def section_layout(section: Section, date_format: str) -> Layout:
    """A section of cel_custom.conf: ``fields``, with a separator and quotes, or as JSON. Raises ValueError."""
    columns = [_column(text, date_format) for text in _split(section.get("fields", "") or "")]
    if not columns:
        raise ValueError(f"[{section.name}] has no fields")
    form = (section.get("format", "dsv") or "").lower()
    if form == "json":
        return _json_layout(columns)
    if form not in ("dsv", "csv"):
        raise ValueError(f"format '{form}' is not dsv or json")
    separator = _character(section.get("separator_character", ",") or ",")
    quote = _character(section.get("quote_character", '"') or '"')
    escape = _character(section.get("quote_escape_character") or quote)
    method = (section.get("quoting_method", "all") or "").lower()
    if method not in ("all", "minimal", "non_numeric", "none"):
        raise ValueError(f"quoting_method '{method}' is not all, minimal, non_numeric or none")

    def write(event: CelEvent) -> str:
        texts = []
        for column in columns:
            text = _one_line(column.read(event))
            wanted = method == "all" or (method == "non_numeric" and not _NUMBER.fullmatch(text))
            if column.quote is not None:
                wanted = column.quote
            texts.append(quoted(text, quote, escape) if wanted or separator in text else text)
        return separator.join(texts) + "\n"

    return write


def _json_layout(columns: list[_Column]) -> Layout:
    def write(event: CelEvent) -> str:
        values: dict[str, object] = {}
        for column in columns:
            text = column.read(event)
            number = _NUMBER.fullmatch(text) if column.quote is not True else None
            values[column.name] = text if number is None else float(text) if "." in text else int(text)
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False) + "\n"

    return write


def _character(text: str) -> str:
    text = _ESCAPES.get(text, text)
    if len(text) != 1:
        raise ValueError(f"'{text}' is not one character")
    return text


def _split(text: str) -> list[str]:
    """Split at commas outside quotes and parentheses; literals keep their quotes."""
    found, current, in_quotes, depth = [], "", False, 0
    for character in text:
        if character == '"':
            in_quotes = not in_quotes
        elif not in_quotes:
            depth += (character == "(") - (character == ")")
            if character == "," and not depth:
                found.append(current.strip())
                current = ""
                continue
        current += character
    found.append(current.strip())
    return [each for each in found if each]


def _column(text: str, date_format: str) -> _Column:
    if text.startswith('"'):
        literal = text.strip('"')
        name, colon, value = literal.partition(":")
        value = value.strip() if colon else literal
        return _Column(name.strip().lower() if colon else literal, lambda _event: value)
    match = _QUALIFIED.fullmatch(text)
    name = "" if match is None else match[1].lower()
    if match is None or (name != "eventtime" and name not in FIELDS):
        raise ValueError(f"'{text}' is no field of an event")
    read, quote = _field(name, date_format), None
    for qualifier in (match[2] or "").split("^"):
        word = qualifier.strip()
        match word.lower():
            case "":
                pass
            case "quote":
                quote = True
            case "noquote":
                quote = False
            case "amaflags" if name == "amaflags":
                read = amaflags_word
            case "int64" if name == "eventtime":
                read = lambda event: str(event.when // SECOND)  # noqa: E731 - one reader among others
            case "double" | "float" if name == "eventtime":
                read = lambda event: f"{event.when / SECOND:.6f}"  # noqa: E731 - one reader among others
            case _ if name == "eventtime" and "%" in word:
                read = _field("eventtime", word)
            case _:
                raise ValueError(f"'{word}' says nothing about {name}")
    return _Column(name, read, quote)

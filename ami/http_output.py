"""The manager's output for browsers: as XML (``/mxml``) or as a page (``/manager``). Pure.

Asterisk: xml_translate. Blocks end with an empty line; a line without a colon begins text that lasts to the block's end
and is shown as ``Opaque-data``. A name that comes again gets its number: ``name-2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

Pair = tuple[str, str]

OPAQUE = "Opaque-data"
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9]")

_PAGE = (
    "<title>Asterisk&trade; Manager Interface</title>"
    '<body bgcolor="#ffffff"><table align=center bgcolor="#f1f1f1" width="500">\r\n'
    '<tr><td colspan="2" bgcolor="#f1f1ff"><h1>Manager Tester</h1></td></tr>\r\n'
    '<tr><td colspan="2" bgcolor="#f1f1ff"><form action="manager" method="post">\n'
    'Action: <input name="action"><br/>\nCLI Command <input name="command"><br>\n'
    'user <input name="username"> pass <input type="password" name="secret"><br>\n'
    '<input type="submit">\n</form>\n</td></tr>\r\n'
)
_RULE = '<tr><td colspan="2"><hr></td></tr>\r\n'


def blocks_of(output: str) -> Iterator[list[Pair]]:
    """The (name, value) pairs of each block."""
    pairs: list[Pair] = []
    opaque: list[str] | None = None
    for line in (*output.replace("\r\n", "\n").split("\n"), ""):
        text = line.rstrip()
        if not text:
            if opaque is not None:
                pairs.append((OPAQUE, "\n".join(opaque)))
            if pairs:
                yield _numbered(pairs)
            pairs, opaque = [], None
            continue
        name, colon, value = text.partition(":")
        if opaque is not None:
            opaque.append(text)
        elif colon:
            pairs.append((name.rstrip(), value.lstrip()))
        else:
            opaque = [text]


def _numbered(pairs: list[Pair]) -> list[Pair]:
    seen: dict[str, int] = {}
    made: list[Pair] = []
    for name, value in pairs:
        count = seen[name] = seen.get(name, 0) + 1
        made.append((name if count == 1 else f"{name}-{count}", value))
    return made


def _attribute(name: str) -> str:
    """A name as XML allows it for an attribute: small letters, ``_`` for what is none, not begun by a digit."""
    base, _, number = name.rpartition("-")
    if not (base and number.isdecimal()):
        base, number = name, ""
    text = _NOT_A_NAME.sub("_", base).lower()
    return ("_" if text[:1].isdigit() else "") + text + (f"-{number}" if number else "")


def xml(output: str, destination: str = "", kind: str = "") -> str:
    """The answer to AJAX: ``destination`` and ``kind`` are the request's ``ajaxdest`` and ``ajaxobjtype``."""
    identity = escape(destination or "unknown")
    element = _NOT_A_NAME.sub("_", kind or "generic")
    parts = ["<ajax-response>\n"]
    for pairs in blocks_of(output):
        attributes = "".join(f" {_attribute(name)}='{_escaped(value)}'" for name, value in pairs)
        parts.append(f"<response type='object' id='{identity}'><{element}{attributes} /></response>\n")
    return "".join((*parts, "</ajax-response>\n"))


def _escaped(value: str) -> str:
    return escape(value).replace("&#x27;", "&apos;")


def page(output: str) -> str:
    """A page with a form for the next action."""
    parts = [_PAGE]
    for pairs in blocks_of(output):
        for name, value in pairs:
            shown = _escaped(value).replace("\n", "<br>\n")
            parts.append(f"<tr><td>{_escaped(name)}</td><td>{shown}</td></tr>\n")
        parts.append(_RULE)
    return "".join((*parts, "</table></body>\r\n"))

"""What the makers of documentation pages have in common: tables, options, and writing a page or comparing it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pbx.config.options import ConfigObject, schema_of

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    head = list(titles)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def options(kind: type[ConfigObject], title: str) -> str:
    """The options of a section."""
    rows: list[tuple[str, ...]] = []
    for each in schema_of(kind).options.values():
        if not each.hidden and not any(row[0] == f"`{'`, `'.join(each.words)}`" for row in rows):
            default = "" if each.secret else each.value_type.format(each.default)
            rows.append((f"`{'`, `'.join(each.words)}`", each.type_name, f"`{default}`" if default else "", each.help))
    return f"### {title}\n\n" + table(("Option", "Value", "Default", "Meaning"), rows)


def joined(parts: Iterable[str]) -> str:
    """Parts of a page, one empty line between them."""
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def write_or_check(target: Path, text: str) -> int:
    """Write a page; with ``--check`` only say, as exit status 1, that it is missing or stale."""
    if "--check" in sys.argv[1:]:
        return 0 if target.exists() and target.read_text(encoding="utf-8") == text else 1
    target.write_text(text, encoding="utf-8")
    return 0

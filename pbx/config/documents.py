"""Documentation made from schemas: Markdown for docs/, and commented samples of sections."""

from __future__ import annotations

from typing import Any

from pbx.config.options import ConfigObject, Option, schema_of


def _default(each: Option) -> str:
    value: Any = each.default
    if each.value_type.unfold is not None:
        return ", ".join(text for _, text in each.value_type.unfold(value, each.words) if text)
    return each.value_type.format(value)


def _summary(kind: type[ConfigObject]) -> str:
    return (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def document(*kinds: type[ConfigObject]) -> str:
    """Markdown: a heading and a table of options for each class."""
    parts: list[str] = []
    for kind in kinds:
        parts.append(f"## {kind.type_name or kind.__name__}\n\n{_summary(kind)}\n")
        rows = ["| Option | Value | Default | Meaning |", "|---|---|---|---|"]
        for each in schema_of(kind):
            if each.hidden:
                continue
            words = ", ".join(f"`{word}`" for word in (each.words if not each.prefix else (f"{each.prefix}...",)))
            default = "" if each.secret else _default(each)
            shown = f"`{_cell(default)}`" if default else ""
            rows.append(f"| {words} | {_cell(each.type_name)} | {shown} | {_cell(each.help)} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def sample(kind: type[ConfigObject], name: str = "") -> str:
    """A section with every option commented out at its default."""
    title = name or kind.type_name
    lines = [f"; {_summary(kind)}", f"[{title}]"]
    if kind.type_name:
        lines.append(f"type = {kind.type_name}")
    for each in schema_of(kind):
        if each.hidden or each.prefix:
            continue
        lines.append(f";{each.name} = {'' if each.secret else _default(each)}".ljust(40) + f" ; {each.help}")
    return "\n".join(line.rstrip() for line in lines) + "\n"

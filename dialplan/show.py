"""``dialplan show``: the text, laid out as Asterisk's. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from dialplan.contexts import MAX_INCLUDE_DEPTH, Context, Contexts
from dialplan.extensions import HINT_PRIORITY, Extension, Fragment, Priority, caller_key
from dialplan.patterns import match, sort_key

#: A priority and its registrar.
Row = tuple[Priority, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """An extension as all registrars together make it: its rows by priority."""

    name: str
    caller_match: str | None
    rows: tuple[Row, ...]


@dataclass(slots=True)
class _Counts:
    contexts: int = 0
    extensions: int = 0
    priorities: int = 0
    lines: list[str] = field(default_factory=list)


def listed(context: Context, exten: str = "") -> Iterator[Listed]:
    """The extensions of a context in order; with ``exten`` those that match it."""
    groups = groupby(context.extensions(), lambda pair: (sort_key(pair[1].name), caller_key(pair[1].caller_match)))
    for _key, pairs in groups:
        parts = list(pairs)
        first = parts[0][1]
        if not exten or match(first.name, exten):
            yield Listed(first.name, first.caller_match, _rows(parts))


def _rows(parts: list[tuple[Fragment, Extension]]) -> tuple[Row, ...]:
    found: dict[int, Row] = {}
    for fragment, extension in parts:
        for number, step in extension.priorities.items():
            found.setdefault(number, (step, fragment.registrar))
    return tuple(row for _number, row in sorted(found.items()))


def show(contexts: Contexts, context: str = "", exten: str = "") -> str | None:
    """The text for everything, a context, or what matches an extension; None when there is no such extension."""
    counts = _Counts()
    chosen = [each for each in contexts if not context or each.name == context]
    for each in chosen:
        _show(contexts, each, exten, counts, (), included=False)
    if exten and not counts.extensions:
        found = contexts.find(context, exten)
        owner = None if found is None else contexts.context(found.context)
        if owner is None:
            return None
        # An extension that only a switch knows: show the context that has the switch.
        counts.lines = [f"[ Context '{owner.name}' created by '{owner.registrar}' ]", *_switches(owner), ""]
        counts.contexts = 1
    total = (
        f"-= {_count(counts.extensions, 'extension', 'extensions')} "
        f"({_count(counts.priorities, 'priority', 'priorities')}) "
        f"in {_count(counts.contexts, 'context', 'contexts')}. =-"
    )
    return "\n".join((*counts.lines, total))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _show(
    contexts: Contexts, context: Context, exten: str, counts: _Counts, path: tuple[str, ...], *, included: bool
) -> None:
    rows = [line for each in listed(context, exten) for line in _extension(each, counts)]
    shown = bool(rows) or not exten
    if shown:
        counts.contexts += 1
        lead = "Included context" if included else "Context"
        counts.lines.append(f"[ {lead} '{context.name}' created by '{context.registrar}' ]")
        if context.autohints and not included:
            counts.lines.append("Autohints support enabled")
    counts.lines += rows
    for fragment in context.fragments:
        for include in fragment.includes:
            if not exten:
                counts.lines.append(_line("Include =>        ", f"'{include.name}'", fragment.registrar))
                continue
            inner = contexts.context(include.context)
            if inner is not None and inner.name not in path and len(path) < MAX_INCLUDE_DEPTH:
                _show(contexts, inner, exten, counts, (*path, context.name), included=True)
    for fragment in context.fragments:
        for pattern in fragment.ignore_patterns:
            if not exten or match(f"_{pattern}.", exten):
                counts.lines.append(_line("Ignore pattern => ", f"'{pattern}'", fragment.registrar))
    if not included:
        counts.lines += _switches(context)
    if shown:
        counts.lines.append("")


def _switches(context: Context) -> Iterator[str]:
    for fragment in context.fragments:
        for entry in fragment.switches:
            yield _line("Alt. Switch =>    ", f"'{entry.text}'", fragment.registrar)


def _extension(each: Listed, counts: _Counts) -> Iterator[str]:
    counts.extensions += 1
    lead = f"'{each.name}' =>"
    if each.caller_match is not None:
        lead = f"'{each.name}' (CID match '{each.caller_match}') => "
    for step, registrar in each.rows:
        counts.priorities += 1
        if step.number == HINT_PRIORITY:
            call = f"hint: {step.application}"
        else:
            call = f"{step.number}. {step.application}({step.data})"
        if step is not each.rows[0][0]:
            lead = f"   [{step.label}]" if step.label else ""
        place = f"{step.file}:{step.line}" if step.file else registrar
        yield f"  {lead:<17} {call:<45} [{place}]"


def _line(lead: str, text: str, registrar: str) -> str:
    return f"  {lead}{text:<45} [{registrar}]"

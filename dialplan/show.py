"""The dialplan as values to be listed, and the text of ``dialplan show``, laid out as Asterisk's. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from dialplan.contexts import MAX_INCLUDE_DEPTH, Context, Contexts
from dialplan.extensions import HINT_PRIORITY, Extension, Fragment, caller_key
from dialplan.patterns import match, sort_key
from pbx.core.dialplan import ListedContext, ListedExtension, ListedPriority


def list_contexts(contexts: Contexts, context: str = "", exten: str = "") -> Iterator[ListedContext]:
    """Every context, or one; with ``exten`` what matches it, and after each context those it includes."""
    for each in contexts:
        if not context or each.name == context:
            yield from _listed(contexts, each, exten, {each.name})


def _listed(
    contexts: Contexts, context: Context, exten: str, seen: set[str], *, included: bool = False
) -> Iterator[ListedContext]:
    fragments = context.fragments
    yield ListedContext(
        context.name,
        context.registrar,
        tuple(_extensions(context, exten)),
        tuple((each.name, part.registrar) for part in fragments for each in part.includes),
        tuple(
            (each, part.registrar)
            for part in fragments
            for each in part.ignore_patterns
            if not exten or match(f"_{each}.", exten)
        ),
        tuple((each.text, part.registrar) for part in fragments for each in part.switches),
        autohints=context.autohints,
        included=included,
    )
    if not exten or len(seen) >= MAX_INCLUDE_DEPTH:
        return
    for include in context.includes:
        inner = contexts.context(include.context)
        if inner is not None and inner.name not in seen:
            seen.add(inner.name)
            yield from _listed(contexts, inner, exten, seen, included=True)


def _extensions(context: Context, exten: str) -> Iterator[ListedExtension]:
    groups = groupby(context.extensions(), lambda pair: (sort_key(pair[1].name), caller_key(pair[1].caller_match)))
    for _key, pairs in groups:
        parts = list(pairs)
        first = parts[0][1]
        if not exten or match(first.name, exten):
            yield ListedExtension(first.name, first.caller_match, _priorities(parts))


def _priorities(parts: list[tuple[Fragment, Extension]]) -> tuple[ListedPriority, ...]:
    found: dict[int, ListedPriority] = {}
    for fragment, extension in parts:
        for number, step in extension.priorities.items():
            if number not in found:
                place = f"{step.file}:{step.line}" if step.file else ""
                found[number] = ListedPriority(
                    number, step.application, step.data, step.label, fragment.registrar, place
                )
    return tuple(each for _number, each in sorted(found.items()))


def show(contexts: Contexts, context: str = "", exten: str = "") -> str | None:
    """The text for everything, a context, or what matches an extension; None when there is no such extension."""
    lines: list[str] = []
    listed = [each for each in list_contexts(contexts, context, exten) if not exten or each.extensions]
    if not listed and exten:
        owner = _owner(contexts, context, exten)
        if owner is None:
            return None
        listed = [owner]
    for each in listed:
        lines += _context(each, exten)
    extensions = sum(len(each.extensions) for each in listed)
    priorities = sum(len(extension.priorities) for each in listed for extension in each.extensions)
    total = (
        f"-= {_count(extensions, 'extension', 'extensions')} ({_count(priorities, 'priority', 'priorities')}) "
        f"in {_count(len(listed), 'context', 'contexts')}. =-"
    )
    return "\n".join((*lines, total))


def _owner(contexts: Contexts, context: str, exten: str) -> ListedContext | None:
    """The context whose switch knows an extension that no context lists."""
    found = contexts.find(context, exten)
    owner = None if found is None or found.switch is None else contexts.context(found.context)
    return None if owner is None else next(_listed(contexts, owner, exten, set()))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _context(each: ListedContext, exten: str) -> Iterator[str]:
    yield f"[ {'Included context' if each.included else 'Context'} '{each.name}' created by '{each.registrar}' ]"
    if each.autohints and not each.included:
        yield "Autohints support enabled"
    for extension in each.extensions:
        yield from _extension(extension)
    if not exten:
        for name, registrar in each.includes:
            yield _line("Include =>        ", name, registrar)
    for pattern, registrar in each.ignore_patterns:
        yield _line("Ignore pattern => ", pattern, registrar)
    if not each.included:
        for text, registrar in each.switches:
            yield _line("Alt. Switch =>    ", text, registrar)
    yield ""


def _extension(each: ListedExtension) -> Iterator[str]:
    lead = f"'{each.name}' =>"
    if each.caller_match is not None:
        lead = f"'{each.name}' (CID match '{each.caller_match}') => "
    for step in each.priorities:
        if step.number == HINT_PRIORITY:
            call = f"hint: {step.application}"
        else:
            call = f"{step.number}. {step.application}({step.data})"
        if step is not each.priorities[0]:
            lead = f"   [{step.label}]" if step.label else ""
        yield f"  {lead:<17} {call:<45} [{step.place or step.registrar}]"


def _line(lead: str, text: str, registrar: str) -> str:
    quoted = f"'{text}'"
    return f"  {lead}{quoted:<45} [{registrar}]"

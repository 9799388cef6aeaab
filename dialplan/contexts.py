"""Contexts: the extensions, includes, switches and hints that all front ends together make, and the search in them.

Each front end (pbx_lua, pbx_config) brings fragments of contexts under its own name, the registrar; a reload replaces
one registrar's fragments in one step and leaves the others alone. The search order is Asterisk's: a context's own
extensions, then its switches, then its includes, depth first, no context twice. Where two registrars have the same
extension and priority, the one that came last is used.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from twisted.logger import Logger

from dialplan.extension_table import ExtensionTable
from dialplan.extensions import HINT_PRIORITY, Extension, Extensions, Fragment, Include, Priority, SwitchEntry
from dialplan.patterns import Mode, match, sort_key
from pbx.core.hints import HintPlace

if TYPE_CHECKING:
    from pbx.core.channel import Channel

T = TypeVar("T")

log = Logger()

#: How deep includes may nest (AST_PBX_MAX_STACK).
MAX_INCLUDE_DEPTH = 128


def hint_text(step: Priority) -> str:
    """A hint as `pbx.core.hints` takes it; the name in parentheses was read as an application's data."""
    return f"{step.application}({step.data})" if step.data else step.application


class Switch(Protocol):
    """Where a context looks further when it has no extension of its own, as in ``switch => Lua/``."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def find(
        self, context: str, exten: str, priority: int, caller_number: str, mode: Mode, channel: Channel | None = None
    ) -> bool:
        """Answer one of the three questions."""

    async def run(self, channel: Channel, context: str, exten: str, priority: int) -> int:
        """Run the extension. Its result is an application's; 0 also when the channel was sent elsewhere."""


class Found:
    """What a search found: a native step, or a switch that has the extension. ``context`` owns it."""

    __slots__ = ("context", "step", "switch")

    def __init__(self, context: str, step: Priority | None = None, switch: Switch | None = None) -> None:
        self.context = context
        self.step = step
        self.switch = switch


class Context:
    """A context as all registrars together make it."""

    def __init__(self, name: str, fragments: Iterable[Fragment]) -> None:
        self.name = name
        #: One of each registrar, the one that came last first.
        self.fragments = tuple(fragments)
        self.refresh()

    def refresh(self) -> None:
        """Take up what was changed in the fragments."""
        tables = [fragment.table for fragment in self.fragments if len(fragment.table)]
        self.tables = tables
        #: The only table with extensions, if there is but one.
        self.table: ExtensionTable[Extensions] | None = tables[0] if len(tables) == 1 else None
        self.includes: list[Include] = []
        self.switches: list[SwitchEntry] = []
        self.ignore_patterns: list[str] = []
        for fragment in self.fragments:
            _extend(self.includes, fragment.includes, lambda each: each.name.lower())
            _extend(self.switches, fragment.switches, lambda each: each.text.lower())
            _extend(self.ignore_patterns, fragment.ignore_patterns, str.lower)

    @property
    def registrar(self) -> str:
        """Who made the context."""
        return self.fragments[0].registrar if self.fragments else ""

    @property
    def hints(self) -> Mapping[str, str]:
        """Extension or pattern to its hint: ``PJSIP/a&Custom:b,CustomPresence:c(name)``."""
        found: dict[str, str] = {}
        for fragment in reversed(self.fragments):
            found.update((name, hint_text(step)) for name, step in fragment.hints.items())
        return found

    @property
    def autohints(self) -> bool:
        return any(fragment.autohints for fragment in self.fragments)

    def candidates(self, exten: str) -> Iterable[tuple[str, Extensions]]:
        """The extensions that match ``exten``, in order."""
        if self.table is not None:
            return self.table.candidates(exten)
        found = [each for table in self.tables for each in table.candidates(exten)]
        found.sort(key=lambda each: sort_key(each[0]))
        return found

    def extensions(self) -> Iterator[tuple[Fragment, Extension]]:
        """Every extension with the fragment it is from, in order; one of several fragments comes once of each."""
        rows = [
            [(sort_key(name), number, fragment, group) for name, group in fragment.table]
            for number, fragment in enumerate(self.fragments)
        ]
        for _key, _number, fragment, group in rows[0] if len(rows) == 1 else heapq.merge(*rows, key=lambda r: r[:2]):
            for extension in group:
                yield fragment, extension

    def step(self, exten: str, priority: int, caller_number: str) -> Priority | None:
        """The step of the first extension that matches, admits the caller and has the priority."""
        for _name, extensions in self.candidates(exten):
            for extension in extensions:
                step = extension.priorities.get(priority)
                if step is not None and extension.admits(caller_number):
                    return step
        return None

    def ask(self, exten: str, priority: int, caller_number: str, mode: Mode) -> bool | None:
        """Answer CAN_MATCH or MATCH_MORE; None when a ``!`` pattern has decided MATCH_MORE with a final no."""
        several = [table.answers(exten, mode) for table in self.tables]
        answers = several[0] if len(several) == 1 else heapq.merge(*several, key=lambda each: sort_key(each[0]))
        for _name, extensions, early in answers:
            for extension in extensions:
                if not extension.admits(caller_number):
                    continue
                if early and mode is Mode.MATCH_MORE:
                    return None
                if priority in extension.priorities:
                    return True
        return False


def _extend(held: list[T], more: Iterable[T], key: Callable[[T], str]) -> None:
    """Add what is not there yet."""
    known = {key(each) for each in held}
    held += [each for each in more if key(each) not in known]


class Contexts:
    """All contexts."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._contexts: dict[str, Context] = {}
        #: By registrar, the one that came last at the end.
        self._by_registrar: dict[str, dict[str, Fragment]] = {}
        self._switches: dict[str, Switch] = {}
        #: Called with the names of contexts after they changed.
        self.on_merge: Callable[[Iterable[str]], object] | None = None
        #: A switch that is asked before any extension (``overrideswitch`` of extensions.conf).
        self.override: SwitchEntry | None = None

    def __iter__(self) -> Iterator[Context]:
        return iter(list(self._contexts.values()))

    def __len__(self) -> int:
        return len(self._contexts)

    def context(self, name: str) -> Context | None:
        return self._contexts.get(name)

    def registrars(self) -> list[str]:
        return list(self._by_registrar)

    # Switches

    def add_switch(self, switch: Switch) -> None:
        """Offer a switch under its name, which compares without regard to case."""
        self._switches[switch.name.lower()] = switch

    def remove_switch(self, switch: Switch) -> None:
        if self._switches.get(switch.name.lower()) is switch:
            del self._switches[switch.name.lower()]

    def switches(self) -> list[Switch]:
        """By name."""
        return [switch for _name, switch in sorted(self._switches.items())]

    # Change

    def merge(self, registrar: str, fragments: Mapping[str, Fragment]) -> None:
        """Put ``fragments`` in the place of everything ``registrar`` had, in one step."""
        before = self._by_registrar.pop(registrar, {})
        if fragments:
            self._by_registrar[registrar] = dict(fragments)
        for fragment in fragments.values():
            fragment.registrar = registrar
        names = {**before, **fragments}
        for name in names:
            self._build(name)
        self._changed(names)

    def fragment(self, registrar: str, context: str) -> Fragment:
        """What ``registrar`` says about a context, to be changed in place and then `refresh`ed; made if need be."""
        held = self._by_registrar.setdefault(registrar, {}).get(context)
        if held is None:
            held = self._by_registrar[registrar][context] = Fragment(context, registrar)
            self._build(context)
        return held

    def fragments(self, registrar: str) -> Mapping[str, Fragment]:
        """What ``registrar`` says, by context."""
        return dict(self._by_registrar.get(registrar, {}))

    def find_fragment(self, registrar: str, context: str) -> Fragment | None:
        """What ``registrar`` says about a context, or None where that is nothing."""
        return self._by_registrar.get(registrar, {}).get(context)

    def refresh(self, context: str, *, hints: bool = True) -> None:
        """Take up what was changed in a fragment of the context; ``hints`` says whether hints may have."""
        held = self._contexts.get(context)
        if held is not None:
            held.refresh()
        if hints:
            self._changed((context,))

    def remove(self, context: str) -> bool:
        """Take a context away, whoever made it; whether there was one."""
        if self._contexts.pop(context, None) is None:
            return False
        for fragments in self._by_registrar.values():
            fragments.pop(context, None)
        self._changed((context,))
        return True

    def _changed(self, names: Iterable[str]) -> None:
        if self.on_merge is not None:
            self.on_merge(names)

    def _build(self, name: str) -> None:
        parts = [each[name] for each in self._by_registrar.values() if name in each]
        if parts:
            self._contexts[name] = Context(name, reversed(parts))
        else:
            self._contexts.pop(name, None)

    # Search

    def find(
        self,
        context: str,
        exten: str,
        priority: int = 1,
        caller_number: str = "",
        mode: Mode = Mode.MATCH,
        channel: Channel | None = None,
    ) -> Found | None:
        """Search for an extension, for ``channel`` if given; with a mode other than MATCH only whether there is one."""
        held = self._contexts.get(context)
        if held is None:
            return None
        table = held.table
        if table is not None and mode is Mode.MATCH and self.override is None:
            # Most steps of most calls end here.
            row = table.literals.get(exten)
            if row is not None:
                extension = row[1][0]
                if extension.caller_match is None:
                    step = extension.priorities.get(priority)
                    if step is not None:
                        return Found(context, step)
        pruned: set[str] = set()
        for each in self._walk(held, pruned):
            if self.override is not None:
                switch = self._ask(self.override, each, exten, priority, caller_number, mode, channel)
                if switch is not None:
                    return Found(each.name, None, switch)
            if each.tables:
                if mode is Mode.MATCH:
                    step = each.step(exten, priority, caller_number)
                    if step is not None:
                        return Found(each.name, step)
                else:
                    answer = each.ask(exten, priority, caller_number, mode)
                    if answer is None:
                        pruned.add(each.name)
                        continue
                    if answer:
                        return Found(each.name)
            for entry in each.switches:
                switch = self._ask(entry, each, exten, priority, caller_number, mode, channel)
                if switch is not None:
                    return Found(each.name, None, switch)
        return None

    def _ask(
        self,
        entry: SwitchEntry,
        context: Context,
        exten: str,
        priority: int,
        caller_number: str,
        mode: Mode,
        channel: Channel | None,
    ) -> Switch | None:
        switch = self._switches.get(entry.name.lower())
        if switch is None:
            log.warn("No such switch '{name}' of context '{context}'", name=entry.name, context=context.name)
            return None
        return switch if switch.find(context.name, exten, priority, caller_number, mode, channel) else None

    def _walk(self, first: Context, pruned: Container[str] = ()) -> Iterator[Context]:
        """A context and what it includes at this time, in the order of search, none twice.

        What a context includes is left out where its name is in ``pruned`` by the time it has been looked at.
        """
        yield first
        if not first.includes or first.name in pruned:
            return
        visited = {first.name.lower()}
        stack = [self._included(first)]
        while stack:
            for name in stack[-1]:
                key = name.lower()
                context = self._contexts.get(name)
                if key in visited or context is None:
                    continue
                visited.add(key)
                yield context
                if context.includes and context.name not in pruned:
                    stack.append(self._included(context))
                    break
            else:
                stack.pop()

    def _included(self, context: Context) -> Iterator[str]:
        for include in context.includes:
            if include.timing is None or include.timing.holds(self._now()):
                yield include.context

    def find_label(self, context: str, exten: str, label: str, caller_number: str = "") -> int | None:
        """The priority a label stands for, includes searched too."""
        held = self._contexts.get(context)
        if held is None:
            return None
        for each in self._walk(held):
            for _name, extensions in each.candidates(exten):
                for extension in extensions:
                    step = extension.labelled(label)
                    if step is not None and extension.admits(caller_number):
                        return step.number
        return None

    def ignores(self, context: str, digits: str) -> bool:
        """Whether dial tone goes on after ``digits`` (``ignorepat``)."""
        held = self._contexts.get(context)
        return held is not None and any(match(pattern, digits) for pattern in held.ignore_patterns)

    def missing_includes(self) -> Iterator[tuple[str, str]]:
        """Contexts that include one that does not exist, and which: the first of each."""
        for context in self:
            missing = next((each.context for each in context.includes if each.context not in self._contexts), None)
            if missing is not None:
                yield context.name, missing

    def find_hint(self, context: str, exten: str) -> HintPlace | None:
        """An extension's hint, includes searched too."""
        held = self._contexts.get(context)
        if held is None:
            return None
        for each in self._walk(held):
            for name, extensions in each.candidates(exten):
                for extension in extensions:
                    step = extension.priorities.get(HINT_PRIORITY)
                    if step is not None and extension.admits(""):
                        return HintPlace(each.name, name, hint_text(step))
        return None

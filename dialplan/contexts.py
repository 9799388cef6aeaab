"""Contexts: the extensions, includes, switches and hints that all front ends together make, and the search in them.

Each front end (pbx_lua, pbx_config) brings fragments of contexts under its own name, the registrar; a reload replaces
one registrar's fragments in one step and leaves the others alone. The search order is Asterisk's: a context's own
extensions, then its switches, then its includes, depth first, no context twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from dialplan.patterns import ExtensionTable, Mode
from pbx.core.hints import HintPlace

if TYPE_CHECKING:
    from pbx.core.channel import Channel

log = Logger()

#: How deep includes may nest (AST_PBX_MAX_STACK).
MAX_INCLUDE_DEPTH = 128

#: The priority under which Asterisk lists a hint.
HINT_PRIORITY = -1


class Switch(Protocol):
    """Where a context looks further when it has no extension of its own, as in ``switch => Lua/``."""

    @property
    def name(self) -> str: ...

    def find(
        self, context: str, exten: str, priority: int, caller_number: str, mode: Mode, channel: Channel | None = None
    ) -> bool:
        """Answer one of the three questions."""

    async def run(self, channel: Channel, context: str, exten: str, priority: int) -> int:
        """Run the extension. Its result is an application's; 0 also when the channel was sent elsewhere."""


@dataclass(slots=True)
class Priority:
    """One step of an extension: an application and its data, not yet substituted."""

    number: int
    application: str
    data: str
    label: str = ""
    registrar: str = ""


@dataclass(slots=True)
class Extension:
    """An extension of a context: its priorities by number."""

    name: str
    priorities: dict[int, Priority] = field(default_factory=dict)
    #: A caller number or pattern that the caller must match; None: anybody.
    caller_match: str | None = None

    def find(self, priority: int) -> Priority | None:
        return self.priorities.get(priority)

    def labelled(self, label: str) -> Priority | None:
        """The priority with that label."""
        return next((each for each in self.priorities.values() if each.label == label), None)


@dataclass(frozen=True, slots=True)
class Include:
    """``include => context``; ``valid`` says whether it holds now (timed includes)."""

    context: str
    valid: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """``switch => Name/data``."""

    switch: Switch
    data: str = ""


@dataclass(slots=True)
class Fragment:
    """What one registrar says about a context."""

    name: str
    extensions: dict[str, Extension] = field(default_factory=dict)
    includes: list[Include] = field(default_factory=list)
    switches: list[SwitchEntry] = field(default_factory=list)
    #: Extension to its hint: ``PJSIP/a&Custom:b,CustomPresence:c(name)``.
    hints: dict[str, str] = field(default_factory=dict)
    ignore_patterns: list[str] = field(default_factory=list)


class Context:
    """A context as all registrars together make it."""

    def __init__(self, name: str, fragments: Mapping[str, Fragment]) -> None:
        self.name = name
        #: Fragments by registrar, in the order they came.
        self.fragments = fragments
        self.table: ExtensionTable[Extension] = ExtensionTable()
        self.hints: ExtensionTable[str] = ExtensionTable()
        self.includes: list[Include] = []
        self.switches: list[SwitchEntry] = []
        self.ignore_patterns: list[str] = []
        merged: dict[str, Extension] = {}
        for fragment in fragments.values():
            for exten, extension in fragment.extensions.items():
                held = merged.get(exten)
                if held is None:
                    merged[exten] = extension
                else:
                    merged[exten] = Extension(exten, {**extension.priorities, **held.priorities}, held.caller_match)
            self.hints.extend(fragment.hints.items())
            self.includes += [i for i in fragment.includes if all(i.context != have.context for have in self.includes)]
            self.switches += fragment.switches
            self.ignore_patterns += fragment.ignore_patterns
        self.table.extend(merged.items())

    @property
    def registrar(self) -> str:
        """Who made the context first."""
        return next(iter(self.fragments), "")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: a native step, or a switch that has the extension. ``context`` owns it."""

    context: str
    step: Priority | None = None
    switch: Switch | None = None


class Contexts:
    """All contexts."""

    def __init__(self) -> None:
        self._contexts: dict[str, Context] = {}
        self._by_registrar: dict[str, dict[str, Fragment]] = {}
        #: Called with the names of contexts after they changed.
        self.on_merge: Callable[[Iterable[str]], object] | None = None

    def __iter__(self) -> Iterator[Context]:
        return iter(list(self._contexts.values()))

    def __len__(self) -> int:
        return len(self._contexts)

    def context(self, name: str) -> Context | None:
        return self._contexts.get(name)

    def merge(self, registrar: str, fragments: Mapping[str, Fragment]) -> None:
        """Put ``fragments`` in the place of everything ``registrar`` had, in one step."""
        before = self._by_registrar.get(registrar, {})
        by_registrar = dict(self._by_registrar)
        if fragments:
            by_registrar[registrar] = dict(fragments)
        else:
            by_registrar.pop(registrar, None)
        contexts = dict(self._contexts)
        for name in {**before, **fragments}:
            parts = {who: each[name] for who, each in by_registrar.items() if name in each}
            if parts:
                contexts[name] = Context(name, parts)
            else:
                contexts.pop(name, None)
        self._by_registrar, self._contexts = by_registrar, contexts
        if self.on_merge is not None:
            self.on_merge({**before, **fragments})

    def registrars(self) -> list[str]:
        return list(self._by_registrar)

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
        return self._find(context, exten, priority, caller_number, mode, channel, ())

    def _find(
        self,
        name: str,
        exten: str,
        priority: int,
        caller_number: str,
        mode: Mode,
        channel: Channel | None,
        path: tuple[str, ...],
    ) -> Found | None:
        context = self._contexts.get(name)
        if context is None:
            return None
        if len(context.table):
            answer = self._find_native(context, exten, priority, caller_number, mode)
            if answer is not None:
                return answer if isinstance(answer, Found) else None
        for entry in context.switches:
            if entry.switch.find(name, exten, priority, caller_number, mode, channel):
                return Found(name, switch=entry.switch)
        if not context.includes:
            return None
        path = (*path, name.lower())
        if len(path) >= MAX_INCLUDE_DEPTH:
            log.warn("contexts include each other deeper than {depth}", depth=MAX_INCLUDE_DEPTH)
            return None
        for include in context.includes:
            if include.context.lower() in path or (include.valid is not None and not include.valid()):
                continue
            found = self._find(include.context, exten, priority, caller_number, mode, channel, path)
            if found is not None:
                return found
        return None

    @staticmethod
    def _find_native(
        context: Context, exten: str, priority: int, caller_number: str, mode: Mode
    ) -> Found | bool | None:
        """A find, None to look further, False when a ``!`` pattern has decided that there is nothing more."""
        if mode is not Mode.MATCH:
            answer = context.table.ask(exten, mode)
            if answer is None:
                return False
            return Found(context.name) if answer else None
        for _name, extension in context.table.candidates(exten):
            step = extension.find(priority)
            if step is not None:
                return Found(context.name, step=step)
        return None

    def find_label(self, context: str, exten: str, label: str) -> int | None:
        """The priority a label stands for, includes searched too."""
        return self._find_label(context, exten, label, ())

    def _find_label(self, name: str, exten: str, label: str, path: tuple[str, ...]) -> int | None:
        context = self._contexts.get(name)
        if context is None or name.lower() in path or len(path) >= MAX_INCLUDE_DEPTH:
            return None
        for _name, extension in context.table.candidates(exten):
            step = extension.labelled(label)
            if step is not None:
                return step.number
        path = (*path, name.lower())
        for include in context.includes:
            if include.valid is None or include.valid():
                found = self._find_label(include.context, exten, label, path)
                if found is not None:
                    return found
        return None

    def find_hint(self, context: str, exten: str) -> HintPlace | None:
        """An extension's hint, includes searched too."""
        return self._find_hint(context, exten, ())

    def _find_hint(self, name: str, exten: str, path: tuple[str, ...]) -> HintPlace | None:
        context = self._contexts.get(name)
        if context is None or name.lower() in path or len(path) >= MAX_INCLUDE_DEPTH:
            return None
        found = context.hints.find(exten) if len(context.hints) else None
        if found is not None:
            return HintPlace(context.name, *found)
        path = (*path, name.lower())
        for include in context.includes:
            if include.valid is None or include.valid():
                place = self._find_hint(include.context, exten, path)
                if place is not None:
                    return place
        return None

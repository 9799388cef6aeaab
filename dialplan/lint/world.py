"""What the checks know: applications and functions, contexts of both files, and every step in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dialplan.contexts import Context, Contexts
from dialplan.extensions import Extension
from dialplan.lint.findings import Place, Report
from dialplan.lint.text import Text
from dialplan.lua.plan import Definitions
from dialplan.patterns import ANY, EARLY_MARK, Places, is_pattern, places_of, plain
from dialplan.registry import Declaration


@dataclass(slots=True)
class Step:
    """One call of an application."""

    place: Place
    application: str
    data: Text
    context: str = ""
    exten: str = ""
    number: int = 0
    #: A call in Lua has its arguments apart, before they are joined.
    arguments: tuple[Text, ...] | None = None
    #: Whether EXTEN is whatever the caller dialled, punctuation too.
    open: bool = False

    @property
    def is_lua(self) -> bool:
        return self.arguments is not None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step may go; None is what is not known before the call."""

    step: Step
    what: str
    context: str | None
    exten: str | None
    priority: str | None
    #: Whether context and extension were left out, so that they are the call's own.
    own_context: bool = False
    own_exten: bool = False


@dataclass(slots=True)
class World:
    """A dialplan as read."""

    report: Report
    applications: Mapping[str, Declaration]
    functions: dict[str, Declaration]
    #: Lower-case names of what modules.conf leaves out, to the module's name.
    unloaded: Mapping[str, str]
    contexts: Contexts
    lua: Definitions = field(default_factory=Definitions)
    steps: list[Step] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    #: Where an extension of a context begins, by context and name as the table has it.
    extension_places: dict[tuple[str, str], Place] = field(default_factory=dict)
    include_places: dict[tuple[str, str], Place] = field(default_factory=dict)
    #: Functions of func_odbc.conf whose statements take their arguments unescaped.
    raw_sql: set[str] = field(default_factory=set)
    #: Variables that somewhere get a value that is not empty.
    filled: set[str] = field(default_factory=set)
    #: Whether a file could not be read whole, so that what seems to be missing may be there.
    incomplete: bool = False
    #: Variables that hold what a caller says, and how they came to.
    tainted: dict[str, str] = field(default_factory=dict)

    def tell(self, check: str, place: Place, message: str) -> None:
        self.report.add(check, place, message)

    def found(self, path: Path) -> bool:
        """Whether there is that file of the directory, which the report is about then."""
        if not path.exists():
            return False
        self.report.files.add(path.name)
        return True

    # Contexts

    def has_context(self, name: str) -> bool:
        return self.contexts.context(name) is not None or name in self.lua.contexts

    def searched(self, name: str) -> Iterator[Context]:
        """A context and what it includes, at whatever time, in the order of search."""
        seen: set[str] = set()
        stack = [name]
        while stack:
            context = self.contexts.context(stack.pop())
            if context is None or context.name in seen:
                continue
            seen.add(context.name)
            yield context
            stack += [include.context for include in reversed(context.includes)]

    def includers(self, name: str) -> set[str]:
        """A context and all that reach it by includes: those a call in it may be in."""
        found = {name}
        grown = True
        while grown:
            grown = False
            for context in self.contexts:
                if context.name not in found and any(each.context in found for each in context.includes):
                    found.add(context.name)
                    grown = True
            for other, lua in self.lua.contexts.items():
                if other not in found and found.intersection(lua.includes):
                    found.add(other)
                    grown = True
        return found

    def is_opaque(self, name: str) -> bool:
        """Whether a switch other than Lua's may have extensions that are not known here."""
        return any(entry.name.lower() != "lua" for each in self.searched(name) for entry in each.switches)

    def extensions_for(self, context: str, exten: str) -> Iterator[Extension]:
        """The extensions of extensions.conf that ``exten``, a number or the name of a pattern, could be."""
        for each in self.searched(context):
            if is_pattern(exten):
                for fragment, extension in each.extensions():
                    del fragment
                    if overlaps(extension.name, exten):
                        yield extension
            else:
                for _name, group in each.candidates(exten):
                    yield from group

    def lua_has(self, context: str, exten: str) -> bool:
        """Whether extensions.lua has it, there or in what a context includes."""
        for name in [context, *(each.name for each in self.searched(context))]:
            if name not in self.lua.contexts:
                continue
            if self.lua.locate(name, exten) is not None:
                return True
            if is_pattern(exten) and any(overlaps(key, exten) for key, _value in self.lua.contexts[name].table):
                return True
        return False

    # Names

    def application(self, step: Step) -> Declaration | None:
        """The application of a step; one that does not exist is told of."""
        name = step.application
        found = self.applications.get(name.lower())
        if found is None:
            module = self.unloaded.get(name.lower())
            if module:
                self.tell("module-not-loaded", step.place, f"{name} is of {module}, which modules.conf does not load")
            else:
                hint = self._like(name, [each.name for each in self.applications.values()])
                self.tell("unknown-application", step.place, f"there is no application '{name}'{hint}")
        return found

    def function(self, name: str, place: Place) -> Declaration | None:
        """A function; one that does not exist is told of."""
        found = self.functions.get(name)
        if found is None:
            module = self.unloaded.get(name.lower())
            if module:
                self.tell("module-not-loaded", place, f"{name} is of {module}, which modules.conf does not load")
            else:
                hint = self._like(name, list(self.functions))
                self.tell("unknown-function", place, f"there is no function '{name}'{hint}")
        return found

    @staticmethod
    def _like(name: str, names: list[str]) -> str:
        lower = {each.lower(): each for each in names}
        close = difflib.get_close_matches(name.lower(), lower, 1, 0.75)
        return f": do you mean {lower[close[0]]}?" if close else ""


def places(name: str) -> Places | None:
    """A name or pattern as places; None for a broken pattern."""
    if is_pattern(name):
        return places_of(name[1:])
    return tuple(frozenset(character) for character in plain(name))


def covers(one: str, other: str) -> bool:
    """Whether ``one`` matches everything that ``other`` matches."""
    mine, theirs = places(one), places(other)
    if mine is None or theirs is None:
        return False
    for number, place in enumerate(mine):
        if place == EARLY_MARK:
            return True
        if number >= len(theirs):
            return False
        their = theirs[number]
        if place == ANY:
            return their != EARLY_MARK
        if isinstance(their, str) or isinstance(place, str) or not their <= place:
            return False
    return len(mine) == len(theirs)


def overlaps(one: str, other: str) -> bool:
    """Whether some number matches both."""
    mine, theirs = places(one), places(other)
    if mine is None or theirs is None:
        return False
    for number in range(max(len(mine), len(theirs)) + 1):
        left = mine[number] if number < len(mine) else None
        right = theirs[number] if number < len(theirs) else None
        if EARLY_MARK in (left, right):
            return True
        if left is None or right is None:
            return left is right
        if ANY in (left, right):
            return True
        if isinstance(left, frozenset) and isinstance(right, frozenset) and not left & right:
            return False
    return True


def is_open(name: str) -> bool:
    """Whether a pattern takes punctuation: it ends in ``.`` or ``!``, or has a set with more than digits."""
    if not is_pattern(name):
        return False
    found = places_of(name[1:]) or ()
    return any(isinstance(place, str) or not all(c.isalnum() or c in "*#+" for c in place) for place in found)

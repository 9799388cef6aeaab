"""Extensions of a context as one front end gives them: priorities, includes, switches, patterns to ignore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from dialplan.extension_table import ExtensionTable
from dialplan.patterns import match, sort_key
from dialplan.timing import Timing, parse_timing
from pbx.errors import ObeliskError

#: The priority under which Asterisk lists a hint; its application is the devices (``PJSIP/a&PJSIP/b``).
HINT_PRIORITY = -1


class DuplicatePriority(ObeliskError):
    """An extension has the priority already."""


@dataclass(slots=True)
class Priority:
    """One step of an extension: an application and its data, not yet substituted; where it was written."""

    number: int
    application: str
    data: str = ""
    label: str = ""
    #: File name without directories, and line; empty and 0 where it was not read from a file.
    file: str = ""
    line: int = 0


class Extension:
    """An extension of a context, for everybody or for callers of one number: its priorities by number."""

    __slots__ = ("caller_match", "name", "priorities")

    def __init__(self, name: str, caller_match: str | None = None) -> None:
        self.name = name
        #: A caller number or pattern that the caller must match (empty: no number); None: anybody.
        self.caller_match = caller_match
        self.priorities: dict[int, Priority] = {}

    def labelled(self, label: str) -> Priority | None:
        """The priority with that label."""
        return next((each for each in self.priorities.values() if each.label == label), None)

    def admits(self, caller_number: str) -> bool:
        """Whether a caller may use it."""
        wanted = self.caller_match
        if wanted is None:
            return True
        return match(wanted, caller_number) if caller_number else not wanted


#: The extensions of one name: those for certain callers in their order, then the one for everybody.
Extensions: TypeAlias = tuple[Extension, ...]


def caller_key(caller_match: str | None) -> tuple[object, ...]:
    """The order among extensions of one name."""
    return (1,) if caller_match is None else (0, sort_key(caller_match))


@dataclass(frozen=True, slots=True)
class Include:
    """``include => context[|times|weekdays|days|months[|timezone]]``; ``name`` is the text whole."""

    name: str
    context: str = ""
    timing: Timing | None = None

    @classmethod
    def parse(cls, text: str, warnings: list[str] | None = None) -> Include:
        """An include from its text; what is wrong with its times is told in ``warnings``."""
        at = min((at for at in (text.find("|"), text.find(",")) if at >= 0), default=-1)
        if at < 0:
            return cls(text, text)
        times = text[at + 1 :]
        return cls(text, text[:at], parse_timing(times, warnings) if times else None)


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """``switch => Name/data``; ``evaluate`` for ``eswitch``, whose data is substituted at each look-up."""

    name: str
    data: str = ""
    evaluate: bool = False

    @property
    def text(self) -> str:
        return f"{self.name}/{self.data}"


@dataclass(slots=True)
class Fragment:
    """What one registrar says about a context."""

    name: str
    registrar: str = ""
    table: ExtensionTable[Extensions] = field(default_factory=ExtensionTable)
    includes: list[Include] = field(default_factory=list)
    switches: list[SwitchEntry] = field(default_factory=list)
    ignore_patterns: list[str] = field(default_factory=list)
    #: Extensions with a hint, for enumeration.
    hints: dict[str, Priority] = field(default_factory=dict)
    autohints: bool = False
    #: The extension added to last: its priorities come in a row.
    _last: tuple[str, str | None, Extension] | None = None

    def add(self, name: str, step: Priority, caller_match: str | None = None, *, replace: bool = False) -> str:
        """Add a priority. Gives a warning or nothing.

        Raises DuplicatePriority when it is there already and ``replace`` is not asked for.
        """
        last = self._last
        if last is not None and last[0] == name and last[1] == caller_match:
            return self._add_priority(last[2], squeeze(name), step, replace=replace)
        extension = self._extension(squeeze(name), caller_match)
        self._last = (name, caller_match, extension)
        return self._add_priority(extension, squeeze(name), step, replace=replace)

    def _extension(self, name: str, caller_match: str | None) -> Extension:
        """That very extension, made if need be."""
        held = self.table.get(name)
        if held is None:
            extension = Extension(name, caller_match)
            self.table.put(name, (extension,))
        else:
            found = _variant(held, caller_match)
            if found is None:
                found = Extension(name, caller_match)
                ordered = sorted((*held, found), key=lambda each: caller_key(each.caller_match))
                self.table.put(held[-1].name, tuple(ordered))
            extension = found
        return extension

    def _add_priority(self, extension: Extension, name: str, step: Priority, *, replace: bool) -> str:
        note = ""
        number = step.number
        if step.label:
            other = extension.labelled(step.label)
            if other is not None and other.number != number:
                alias = f"aliased extension '{extension.name}' " if extension.name != name else ""
                note = (
                    f"Extension '{name}' priority {number} in '{self.name}', label '{step.label}' "
                    f"already in use at {alias}priority {other.number}"
                )
                step.label = ""
        if number in extension.priorities and not replace:
            alias = f" by aliased extension '{extension.name}'" if extension.name != name else ""
            raise DuplicatePriority(
                f"Unable to register extension '{name}' priority {number} in '{self.name}', already in use{alias}"
            )
        extension.priorities[number] = step
        if number == HINT_PRIORITY:
            self.hints[extension.name] = step
        return note

    def has(self, name: str, priority: int, caller_match: str | None = None) -> bool:
        """Whether that very extension has the priority."""
        held = self.table.get(squeeze(name))
        found = None if held is None else _variant(held, caller_match)
        return found is not None and priority in found.priorities

    def remove(self, name: str, priority: int = 0, caller_match: str | None = None) -> bool:
        """Take a priority out, or all with 0; whether there was one.

        Without ``caller_match`` all of an extension's variants go with it, but a single priority only from the one for
        everybody.
        """
        self._last = None
        held = self.table.get(squeeze(name))
        if held is None:
            return False
        wanted = [each for each in held if caller_match is None or _same_caller(each.caller_match, caller_match)]
        if priority and caller_match is None:
            wanted = [each for each in held if each.caller_match is None]
        removed = False
        for extension in wanted:
            numbers = [priority] if priority else list(extension.priorities)
            for number in numbers:
                removed |= extension.priorities.pop(number, None) is not None
                if number == HINT_PRIORITY:
                    self.hints.pop(extension.name, None)
        left = tuple(each for each in held if each.priorities)
        if not left:
            self.table.discard(held[-1].name)
        elif len(left) != len(held):
            self.table.put(left[-1].name, left)
        return removed

    def labelled(self, name: str, label: str, caller_match: str | None) -> int | None:
        """The priority of a label in this very extension."""
        held = self.table.get(squeeze(name))
        found = None if held is None else _variant(held, caller_match)
        step = None if found is None else found.labelled(label)
        return None if step is None else step.number

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Extension]:
        """Its extensions in Asterisk's order."""
        for _name, extensions in self.table:
            yield from extensions


def _same_caller(one: str | None, other: str | None) -> bool:
    return one == other or caller_key(one) == caller_key(other)


def _variant(held: Extensions, caller_match: str | None) -> Extension | None:
    for each in held:
        if each.caller_match == caller_match or caller_key(each.caller_match) == caller_key(caller_match):
            return each
    return None


def squeeze(name: str) -> str:
    """An extension's name without blanks, which count only inside the sets of a pattern."""
    if " " not in name:
        return name
    inside, kept = False, []
    for character in name:
        if character == "[":
            inside = name.startswith("_")
        elif character == "]":
            inside = False
        elif character == " " and not inside:
            continue
        kept.append(character)
    return "".join(kept)

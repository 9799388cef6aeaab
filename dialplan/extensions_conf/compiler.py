"""Makes fragments of contexts of a parsed extensions.conf.

Source of the rules: pbx/pbx_config.c. A line that Asterisk leaves out with a warning is left out with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialplan.extensions import (
    HINT_PRIORITY,
    DuplicatePriority,
    Extension,
    Fragment,
    Include,
    Priority,
    SwitchEntry,
    squeeze,
)
from dialplan.extensions_conf.settings import Settings, read_settings
from dialplan.patterns import places_of
from pbx.config.types import is_true
from pbx.core.party import shrink_number
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config, Item, Section

#: Lines taken at a stretch before other work gets its turn.
SLICE_LINES = 200

#: Sections that are no contexts.
RESERVED = ("general", "globals")

_INTEGER = re.compile(r"\s*[+-]?\d+")

#: Puts global variables and functions into a text.
Substitute = Callable[[str], Awaitable[str]]
#: Puts variables into the hint of an extension: context, extension, text.
ExpandHint = Callable[[str, str, str], str]


class LineError(Exception):
    """A line of the plan cannot be used; the text says why."""


class PlanWarning(ConfigError):
    """A line that is left out, or not as it seems; ``check`` is the id under which ``dialplan check`` tells of it."""

    def __init__(self, item: Item, message: str, check: str) -> None:
        super().__init__(message, item.path, item.line)
        self.check = check


@dataclass(frozen=True, slots=True)
class Origin:
    """Which line of which section gave a priority."""

    section: Section
    item: Item
    extension: Extension


@dataclass(slots=True)
class Plan:
    """What a file says."""

    settings: Settings
    #: The sections [globals], in order.
    globals: list[Item] = field(default_factory=list)
    contexts: list[Section] = field(default_factory=list)
    fragments: dict[str, Fragment] = field(default_factory=dict)
    warnings: list[PlanWarning] = field(default_factory=list)


def survey(config: Config) -> Plan:
    """A plan with its settings, its global variables, and its contexts not yet compiled."""
    plan = Plan(read_settings(config))
    for section in config.sections:
        name = section.name.lower()
        if name == "globals":
            plan.globals += section.items
        elif name not in RESERVED:
            plan.contexts.append(section)
    return plan


class Compiler:
    """Compiles the contexts of a plan."""

    def __init__(self, plan: Plan, substitute: Substitute, expand_hint: ExpandHint, *, discourage: bool = True) -> None:
        self._plan = plan
        self._substitute = substitute
        self._expand_hint = expand_hint
        #: Whether to warn of ``_.`` and ``_!``.
        self._discourage = discourage
        self._lines = 0
        #: Where each priority came from, if a list is put here before `run`.
        self.origins: list[Origin] | None = None

    async def run(self, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        """Compile everything, with a ``pause`` now and then. Problems become the plan's warnings."""
        for section in self._plan.contexts:
            fragment = self._plan.fragments.setdefault(section.name, Fragment(section.name))
            last = _Last(section)
            for item in section.items:
                try:
                    waiting = self._line(fragment, item, last)
                    if waiting is not None:
                        await waiting
                except LineError as error:
                    self._warn(item, str(error))
                except DuplicatePriority as error:
                    self._warn(item, str(error), "duplicate-priority")
                self._lines += 1
                if pause is not None and self._lines % SLICE_LINES == 0:
                    await pause()

    def _warn(self, item: Item, message: str, check: str = "syntax") -> None:
        self._plan.warnings.append(PlanWarning(item, message, check))

    def _line(self, fragment: Fragment, item: Item, last: _Last) -> Awaitable[None] | None:
        key = item.key.lower()
        if key == "exten":
            name, rest = _split_name(item.value)
            if "$" in name:
                return self._named_later(fragment, item, last, name, rest)
            last.name = name
            self._extension(fragment, item, last, rest)
            return None
        if key.startswith("same"):
            if not last.name:
                raise LineError(
                    f"No previous pattern in the first entry of context '{fragment.name}' to match '{item.key}'"
                )
            self._extension(fragment, item, last, item.value)
            return None
        if key == "include":
            return self._include(fragment, item)
        if key == "ignorepat":
            return self._ignore(fragment, item)
        if key in ("switch", "lswitch", "eswitch"):
            return self._switch(fragment, item, key)
        if key == "autohints":
            fragment.autohints = is_true(item.value)
            return None
        raise LineError(f"unknown directive '{item.key}', line ignored")

    async def _named_later(self, fragment: Fragment, item: Item, last: _Last, name: str, rest: str) -> None:
        last.name = await self._substitute(name)
        self._extension(fragment, item, last, rest)

    def _extension(self, fragment: Fragment, item: Item, last: _Last, rest: str) -> None:
        name, slash, caller = last.name.partition("/")
        caller_match = shrink_number(caller) if slash else None
        text, _, call = rest.partition(",")
        number, label = self._priority(fragment, text, last, name, caller_match)
        application, data, problem = split_call(call)
        if problem:
            self._warn(item, problem, "missing-parenthesis")
        if number == 0:
            raise LineError(f"priority '{text.strip()}' after a hint is 0, line ignored")
        last.priority = number
        if self._discourage and name in ("_.", "_!"):
            self._warn(
                item,
                f"The use of '{name}' for an extension is strongly discouraged and can have unexpected behavior. "
                f"Please use '_X{name[1]}' instead",
                "catch-all-pattern",
            )
        if not squeeze(name):
            raise LineError(f"an extension of '{fragment.name}' without a name")
        if name.startswith("_") and places_of(name[1:]) is None:
            raise LineError(f"Wrong usage of [] in the extension '{name}'")
        step = Priority(number, application, data, label, item.path.name, item.line)
        if number == HINT_PRIORITY and "${" in application and not name.startswith("_"):
            step.application = self._expand_hint(fragment.name, squeeze(name), application)
        note = fragment.add(name, step, caller_match)
        if note:
            self._warn(item, note, "duplicate-label")
        if self.origins is not None:
            self.origins.append(Origin(last.section, item, Extension(squeeze(name), caller_match)))

    @staticmethod
    def _priority(fragment: Fragment, text: str, last: _Last, name: str, caller_match: str | None) -> tuple[int, str]:
        """``n``, ``n+2(label)``, ``s``, ``hint``, a number or a label: the priority and the label it gets."""
        head, parenthesis, rest = text.strip().partition("(")
        label, closing, _ = rest.partition(")")
        if parenthesis and not closing:
            raise LineError("Label missing trailing ')'")
        head, _, plus = head.partition("+")
        if head == "hint":
            number = HINT_PRIORITY
        elif head in ("n", "next", "s", "same"):
            if last.priority is None:
                word = "next" if head in ("n", "next") else "same"
                raise LineError(f"Can't use '{word}' priority on the first entry")
            number = last.priority + (head in ("n", "next"))
        elif (match := _INTEGER.match(head)) is not None:
            number = int(match[0])
            if number < 1:
                raise LineError(f"Invalid priority '{head}'")
        else:
            found = fragment.labelled(name, head, caller_match)
            if found is None:
                raise LineError(f"Invalid priority/label '{head}'")
            number = found
        if plus and number and (match := _INTEGER.match(plus)) is not None:
            number += int(match[0])
        return number, label

    async def _substituted(self, text: str) -> str:
        return await self._substitute(text) if "$" in text else text

    async def _include(self, fragment: Fragment, item: Item) -> None:
        notes: list[str] = []
        made = Include.parse(await self._substituted(item.value), notes)
        for note in notes:
            self._warn(item, note)
        if any(each.name.lower() == made.name.lower() for each in fragment.includes):
            raise LineError(f"Context '{item.value}' already included in '{fragment.name}' context")
        fragment.includes.append(made)

    async def _ignore(self, fragment: Fragment, item: Item) -> None:
        pattern = await self._substituted(item.value)
        if any(each.lower() == pattern.lower() for each in fragment.ignore_patterns):
            raise LineError(f"Unable to include ignorepat '{item.value}' in context '{fragment.name}'")
        fragment.ignore_patterns.append(pattern)

    async def _switch(self, fragment: Fragment, item: Item, key: str) -> None:
        text = await self._substituted(item.value) if key == "switch" else item.value
        name, _, data = text.partition("/")
        made = SwitchEntry(name, data, key == "eswitch")
        if any(each.text.lower() == made.text.lower() for each in fragment.switches):
            raise LineError(f"Unable to include switch '{item.value}' in context '{fragment.name}'")
        fragment.switches.append(made)


@dataclass(slots=True)
class _Last:
    """What a context's next line may refer to."""

    section: Section
    name: str = ""
    priority: int | None = None


def _split_name(text: str) -> tuple[str, str]:
    """The extension's name and what follows its comma; a comma inside brackets, or behind a backslash, is its own."""
    if "[" not in text and "\\" not in text:
        name, _, rest = text.partition(",")
        return name, rest
    depth = at = 0
    while at < len(text):
        character = text[at]
        if character == "[":
            depth += 1
        elif character == "]":
            depth = max(0, depth - 1)
        elif character == "\\":
            at += 1
        elif character == "," and not depth:
            return text[:at], text[at + 1 :]
        at += 1
    return text, ""


def split_call(text: str) -> tuple[str, str, str]:
    """``App(data)`` as application and data, and what is wrong with it or nothing."""
    head, parenthesis, rest = text.partition("(")
    if not parenthesis:
        return text.strip(), "", ""
    if "${" in head or "$[" in head:
        # A hint such as ``PJSIP/${GLOBAL(phone)}``.
        return text.lstrip(), "", ""
    data, closing, _ = rest.rpartition(")")
    if not closing:
        return head.strip(), rest, f"No closing parenthesis found? '{head.strip()}({rest}'"
    return head.strip(), data, ""

"""What is never reached: priorities, code behind an end, extensions and includes in the shadow of others."""

from __future__ import annotations

from collections.abc import Iterator

from dialplan.contexts import Context
from dialplan.extensions import HINT_PRIORITY, Extension, Fragment
from dialplan.lint.conf import REGISTRAR
from dialplan.lint.findings import Place
from dialplan.lint.text import parse_text
from dialplan.lint.world import Target, World, covers, is_open
from dialplan.patterns import EARLY_MARK, is_pattern

#: Applications behind which nothing of the extension is run.
_ENDS = frozenset(("hangup", "goto", "return", "busy", "congestion"))
#: Names in a message.
_SHOWN = 3
#: Extensions of one context beyond which open patterns are not compared with each.
_MANY = 20_000


def check_flow(world: World) -> None:
    """Everything about what is never reached."""
    for context in world.contexts:
        fragment = next((each for each in context.fragments if each.registrar == REGISTRAR), None)
        if fragment is not None:
            _check_priorities(world, context, fragment)
            _check_shadows(world, context, fragment)
            _check_lua_shadow(world, fragment)
        _check_includes(world, context)
    _check_menus(world)


def _place(world: World, context: str, extension: str) -> Place:
    return world.extension_places.get((context, extension), Place("extensions.conf"))


# Priorities


def _check_priorities(world: World, context: Context, fragment: Fragment) -> None:
    jumps = _Jumps(world, context.name)
    places = {(step.exten, step.number): step.place for step in world.steps if step.context == context.name}
    for extension in fragment:
        numbers = sorted(number for number in extension.priorities if number != HINT_PRIORITY)
        if not numbers:
            continue
        entries = jumps.entries(extension)
        # A subroutine may begin where a jump or a label says.
        begins = entries is None or numbers[0] in entries
        if not begins and not _elsewhere(context, extension, 1):
            place = places.get((extension.name, numbers[0]), _place(world, context.name, extension.name))
            world.tell("no-first-priority", place, f"'{extension.name}' of '{context.name}' has no priority 1")
            continue
        if entries is not None:
            _check_reached(world, context, extension, entries, places)


class _Jumps:
    """The jumps that may end in a context, by the extension they name; those whose context is not known may as well."""

    def __init__(self, world: World, context: str) -> None:
        reach = world.includers(context)
        self._by_exten: dict[str, list[Target]] = {}
        self._anywhere: list[Target] = []
        for each in world.targets:
            if each.context is None or each.context in reach:
                if each.exten is None:
                    self._anywhere.append(each)
                else:
                    self._by_exten.setdefault(each.exten, []).append(each)

    def _to(self, name: str) -> Iterator[Target]:
        yield from self._anywhere
        yield from self._by_exten.get(name, ())
        if is_pattern(name):
            for exten, jumps in self._by_exten.items():
                if exten != name and covers(name, exten):
                    yield from jumps

    def entries(self, extension: Extension) -> set[int] | None:
        """The priorities where a call may come in; None where that cannot be known."""
        found = {1} | {number for number, step in extension.priorities.items() if step.label}
        for jump in self._to(extension.name):
            priority = jump.priority
            if priority is None:
                return None
            both = jump.what.endswith("option G,")  # sends the called party one priority further
            if priority[:1] in ("+", "-") and priority[1:].isdecimal() and jump.step.number:
                found.add(jump.step.number + int(priority))
            elif priority.isdecimal():
                found |= {int(priority), int(priority) + both}
            elif both and (labelled := extension.labelled(priority)) is not None:
                found.add(labelled.number + 1)
        return found


def _elsewhere(context: Context, extension: Extension, number: int) -> bool:
    """Whether a call to an extension may find the priority in another one."""
    if is_pattern(extension.name):
        return any(
            number in other.priorities and covers(other.name, extension.name)
            for _fragment, other in context.extensions()
            if other is not extension
        )
    return any(number in other.priorities for _name, group in context.candidates(extension.name) for other in group)


def _check_reached(
    world: World, context: Context, extension: Extension, entries: set[int], places: dict[tuple[str, int], Place]
) -> None:
    reached: set[int] = set()
    for entry in entries:
        number = entry
        while number not in reached and number in extension.priorities:
            reached.add(number)
            if _ends(extension, number):
                break
            number += 1
    previous_missed = False
    for number in sorted(extension.priorities):
        if number == HINT_PRIORITY or number in reached:
            previous_missed = False
            continue
        before = extension.priorities.get(number - 1)
        if before is None and _elsewhere(context, extension, number - 1):
            return
        place = places.get((extension.name, number), _place(world, context.name, extension.name))
        if before is None:
            world.tell(
                "unreachable-priority", place,
                f"priority {number} of '{extension.name}' is never run: there is no priority {number - 1}",
            )  # fmt: skip
        elif not previous_missed:
            name = extension.priorities[number].application
            world.tell("unreachable-code", place, f"{name} is never run: {before.application} before it does not go on")
        previous_missed = True


def _ends(extension: Extension, number: int) -> bool:
    step = extension.priorities[number]
    name = step.application.lower()
    if name in _ENDS:
        return True
    if name in ("gotoif", "gotoiftime"):
        _condition, found, branches = parse_text(step.data).partition("?")
        then, both, otherwise = branches.partition(":")
        return found and both and bool(then.strip()) and bool(otherwise.strip())
    return False


# Extensions in the shadow of others


def _check_shadows(world: World, context: Context, fragment: Fragment) -> None:
    """Only what ends in ``!`` can come before something that it matches whole: narrower patterns come first."""
    names = [each.name for each in fragment if each.caller_match is None and 1 in each.priorities]
    early = [(at, name) for at, name in enumerate(names) if is_pattern(name) and EARLY_MARK in name]
    for at, name in early if len(names) <= _MANY else ():
        for other in names[at + 1 :]:
            if other != name and covers(name, other):
                place = _place(world, context.name, other)
                world.tell("shadowed-extension", place, f"'{other}' is never run: '{name}' takes its numbers first")


def _check_lua_shadow(world: World, fragment: Fragment) -> None:
    """An extension of extensions.conf comes before one of extensions.lua in the same context."""
    lua = world.lua.contexts.get(fragment.name)
    if lua is None:
        return
    names = [each.name for each in fragment if each.caller_match is None and 1 in each.priorities]
    patterns = [name for name in names if is_pattern(name)]
    for name, _key in lua.table:
        taker = name if name in names else next((each for each in patterns if covers(each, name)), None)
        if taker is not None:
            place = world.extension_places.get((f"lua:{fragment.name}", name), Place("extensions.lua"))
            world.tell(
                "shadowed-extension", place,
                f"'{name}' of '{fragment.name}' is never run: '{taker}' of extensions.conf comes first",
            )  # fmt: skip


def _names(world: World, context: Context) -> Iterator[str]:
    """The names in a context itself, of both files, that can be dialled."""
    for _fragment, extension in context.extensions():
        if extension.caller_match is None and 1 in extension.priorities:
            yield extension.name
    lua = world.lua.contexts.get(context.name)
    if lua is not None:
        for name, _key in lua.table:
            yield name


def _check_includes(world: World, context: Context) -> None:
    """Includes of what does not exist or of itself, and those in the shadow of an open pattern."""
    for include in context.includes:
        place = world.include_places.get((context.name, include.context), Place("extensions.conf"))
        if not world.has_context(include.context):
            world.tell("no-such-context", place, f"'{context.name}' includes '{include.context}', which does not exist")
        elif any(each.name == context.name for each in world.searched(include.context)):
            world.tell("include-loop", place, f"'{context.name}' includes itself through '{include.context}'")
    if not context.includes:
        return
    order = list(world.searched(context.name))
    open_before: list[tuple[str, str]] = []
    for number, each in enumerate(order):
        names = list(dict.fromkeys(_names(world, each)))
        if number and len(names) <= _MANY:
            _check_shadowed_include(world, context, each, names, open_before)
        open_before += [(each.name, name) for name in names if is_open(name)]


def _check_shadowed_include(
    world: World, context: Context, included: Context, names: list[str], open_before: list[tuple[str, str]]
) -> None:
    place = world.include_places.get((context.name, included.name))
    if place is None:
        return
    for owner, pattern in open_before:
        taken = [name for name in names if name != pattern and covers(pattern, name)]
        if taken:
            shown = ", ".join(taken[:_SHOWN])
            more = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
            world.tell(
                "shadowed-include", place,
                f"'{pattern}' of '{owner}' takes {shown}{more} before '{included.name}' is searched",
            )  # fmt: skip


# Menus


def _check_menus(world: World) -> None:
    for step in world.steps:
        if step.application.lower() != "waitexten" or not step.context or step.is_lua:
            continue
        names = world.includers(step.context)
        if not any(
            any(True for _each in world.extensions_for(name, special)) or world.lua_has(name, special)
            for name in names
            for special in ("t", "e")
        ):
            world.tell("no-timeout-extension", step.place, f"'{step.context}' has neither 't' nor 'e'")

"""One call of an application: does it exist, are its arguments and options such as it takes, its functions too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dialplan.arguments import Grammar, parse_options
from dialplan.lint.findings import Place
from dialplan.lint.text import Dynamic, Text
from dialplan.lint.world import Step, World
from dialplan.registry import Declaration

#: Last arguments that end at a comma, so that there can be too many; all others may hold commas.
_CLOSED = frozenset((
    "seconds", "delay", "timeout", "causecode", "options", "context", "priority", "duration", "class", "duration_ms",
    "n", "extension", "channel", "attempts", "langoverride",
))  # fmt: skip
#: Applications that do without the argument of their synopsis.
_NEEDS_NOTHING = frozenset(("Else",))
#: Options that are words, by application in lower case, are not looked at.
_LETTER = re.compile(r"[A-Za-z0-9](\(.*\))?\Z", re.DOTALL)
_MARKS = re.compile("[\ue000-\uf8ff]")
#: Applications that run another, and how it is written.
_RUNS_ANOTHER = frozenset(("exec", "tryexec"))


def required(grammar: Grammar) -> list[int]:
    """The numbers of the arguments that are needed: those outside of brackets, but for such as ``args``."""
    found: list[int] = []
    depth = number = 0
    for part in grammar.text.split(",") if grammar.text else ():
        name = part.strip()
        opened = len(name) - len(name.lstrip("["))
        plain = name.strip("[] .")
        if depth + opened == 0 and plain and not plain.startswith("arg"):
            found.append(number)
        number += bool(plain)
        depth += part.count("[") - part.count("]")
    return found


def _missing(grammar: Grammar, given: list[Text]) -> str:
    """The name of an argument that is needed and not there; an empty one counts as missing where it is the first."""
    for number in required(grammar):
        if number >= len(given) or (not number and not given[0].skeleton.strip()):
            return grammar.names[number]
    return ""


def check_call(world: World, step: Step) -> None:
    """Everything about one call but where it goes and what a caller says."""
    if step.application not in ("", "="):
        found = world.application(step)
        if found is not None:
            _check_arguments(world, step, found)
    for each in nested_calls(step):
        check_call(world, each)
    if step.application.lower() in ("set", "mset"):
        _check_written(world, step)
    # In Lua each use of a function is a step of its own.
    for dynamic in step.data.every_part() if not step.is_lua or not step.application else ():
        check_function(world, dynamic, step.place)


def check_function(world: World, dynamic: Dynamic, place: Place) -> None:
    """A function that is read."""
    if dynamic.kind != "function" or not dynamic.name:
        return
    found = world.function(dynamic.name, place)
    if found is not None and dynamic.arguments is not None:
        _check_function_arguments(world, found, dynamic.arguments, place)


def _check_function_arguments(world: World, found: Declaration, arguments: Text, place: Place) -> None:
    if arguments.is_dynamic:
        return
    missing = _missing(found.grammar, arguments.split(max(len(found.grammar.names), 1)))
    if missing:
        world.tell("missing-argument", place, f"{found.name} needs its argument '{missing}': {found.syntax}")


def _check_written(world: World, step: Step) -> None:
    """A function that Set writes."""
    pairs = [step.data] if step.application.lower() == "set" else step.data.split(64)
    for pair in pairs:
        name, equals, _value = pair.partition("=")
        head, parenthesis, rest = name.skeleton.strip().partition("(")
        if not equals or not parenthesis or not rest.endswith(")") or _MARKS.search(head):
            continue
        found = world.function(head, step.place)
        if found is not None and not found.writable:
            world.tell("read-only-function", step.place, f"{head} cannot be written")


def _check_arguments(world: World, step: Step, found: Declaration) -> None:
    grammar = found.grammar
    names = grammar.names
    every = step.data.split(64)
    given = step.data.split(max(len(names), 1))
    missing = "" if step.data.is_dynamic or found.name in _NEEDS_NOTHING else _missing(grammar, given)
    if missing:
        world.tell("missing-argument", step.place, f"{found.name} needs its argument '{missing}': {found.syntax}")
    closed = not names or (names[-1] in _CLOSED and "..." not in grammar.text.rpartition(",")[2])
    if closed and len(every) > len(names) and (names or step.data):
        world.tell(
            "extra-argument", step.place,
            f"{found.name} takes {len(names)} argument{'s' * (len(names) != 1)}, not {len(every)}: {found.syntax}",
        )  # fmt: skip
    number = grammar.index.get("options")
    if number is None or number >= len(given) or not grammar.options:
        return
    if all(_LETTER.match(option) for option in grammar.options):
        _check_options(world, step, found, given[number])


def _check_options(world: World, step: Step, found: Declaration, options: Text) -> None:
    parsed = parse_options(options.skeleton, found.grammar.letters)
    if parsed.problem:
        # The rest of the text may come from a variable.
        if not _MARKS.search(options.skeleton.rpartition("(")[2]):
            world.tell("bad-option", step.place, f"{found.name}: {_MARKS.sub('...', parsed.problem)}")
        return
    for letter in dict.fromkeys(parsed.unknown):
        if not _MARKS.match(letter):
            known = "".join(sorted(found.grammar.letters, key=str.swapcase))
            world.tell("unknown-option", step.place, f"{found.name} has no option '{letter}', only {known}")


def nested_calls(step: Step) -> Iterator[Step]:
    """The applications that Exec, TryExec, ExecIf and ExecIfTime run."""
    name = step.application.lower()
    if name in _RUNS_ANOTHER:
        made = _call_in(step, step.data)
        if made is not None:
            yield made
    elif name in ("execif", "execiftime"):
        _condition, found, branches = step.data.partition("?")
        if found:
            then, _, otherwise = branches.partition(":") if name == "execif" else (branches, False, Text(""))
            for branch in (then, otherwise):
                made = _call_in(step, branch.strip())
                if made is not None:
                    yield made


def _call_in(step: Step, text: Text) -> Step | None:
    """``App(data)``; None where the name is not known before the call."""
    head, parenthesis, rest = text.skeleton.partition("(")
    if not head.strip() or _MARKS.search(head):
        return None
    data = rest.rpartition(")")[0] if parenthesis else ""
    return replace(step, application=head.strip(), data=text.piece(data), arguments=None)

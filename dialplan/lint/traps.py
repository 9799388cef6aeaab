"""Commas, quotes and blanks that do not mean what they seem to."""

from __future__ import annotations

import re

from dialplan.expressions import Expression
from dialplan.lint.text import Dynamic, Text
from dialplan.lint.world import Step, World

#: ``,NAME=`` in the value of Set.
_ANOTHER = re.compile(r",\s*[A-Za-z_][\w-]*(\([^()]*\))?=")
#: An operator that was meant to compare.
_COMPARES = re.compile(r"[<>=!]=?|&(?!&?amp)|\|")
#: Functions whose first argument is the name of a variable.
TAKES_NAME = frozenset((
    "CUT", "FIELDNUM", "FIELDQTY", "LISTFILTER", "POP", "PUSH", "REPLACE", "SHIFT", "STRBETWEEN", "STRREPLACE",
    "UNSHIFT", "INC", "DEC", "VARIABLE_EXISTS", "GLOBAL_EXISTS", "JSON_DECODE",
))  # fmt: skip
#: What is never empty.
_NEVER_EMPTY = frozenset((
    "EXTEN", "CONTEXT", "PRIORITY", "CHANNEL", "UNIQUEID", "LINKEDID", "EPOCH", "HANGUPCAUSE", "DIALSTATUS",
    "SYSTEMNAME", "ABS", "DIGIT_SUM", "MATH", "MAX", "MIN", "RAND", "INC", "DEC", "LEN", "FIELDQTY", "FIELDNUM",
    "EXISTS", "ISNULL", "VARIABLE_EXISTS", "GLOBAL_EXISTS", "DB_EXISTS", "DB_KEYCOUNT", "DIALPLAN_EXISTS",
    "VALID_EXTEN", "REGEX", "GROUP_COUNT", "GROUP_MATCH_COUNT", "STRFTIME", "DEVICE_STATE", "EXTENSION_STATE",
    "IFMODULE", "CHANNEL_EXISTS", "LOCK", "TRYLOCK", "UNLOCK", "STAT", "MD5", "SHA1", "UUID", "FILE_COUNT_LINE",
    "QUEUE_MEMBER_COUNT", "QUEUE_WAITING_COUNT", "CALLERID_NUM_COUNT",
))  # fmt: skip
_OPERAND = re.compile(r"(?:^|[\s(=<>!&|+\-*/%?:])(?P<mark>[\ue000-\uf8ff])(?=$|[\s)=<>!&|+\-*/%?:])")
_CONDITIONAL = frozenset(("gotoif", "gosubif", "execif", "while", "if", "elseif"))


def note_filled(world: World, step: Step) -> None:
    """Remember a variable that is set to something that is there: it is no accident where it is read unquoted."""
    if step.application.lower() not in ("set", "mset"):
        return
    for pair in [step.data] if step.application.lower() == "set" else step.data.split(64):
        name, equals, value = pair.partition("=")
        plain = (name.constant or "").strip().lstrip("_")
        sure = value.without_marks().strip() or any(part.kind == "expression" for part in value.parts())
        if equals and plain and sure:
            world.filled.add(plain)


def check_traps(world: World, step: Step) -> None:
    """The traps in one call."""
    if step.is_lua:
        return
    name = step.application.lower()
    if name == "set":
        _check_set(world, step)
    elif name == "mset":
        for pair in step.data.split(64):
            _check_blanks(world, step, pair)
    if name in _CONDITIONAL:
        condition, found, _ = step.data.partition("?")
        if found or name in ("while", "if", "elseif"):
            _check_condition(world, step, condition, step.application)
    for dynamic in step.data.every_part():
        check_dynamic(world, step, dynamic)


def check_dynamic(world: World, step: Step, dynamic: Dynamic) -> None:
    """The traps in one ``${...}`` or ``$[...]``."""
    arguments = dynamic.arguments
    if arguments is None:
        return
    if dynamic.kind == "expression":
        _check_expression(world, step, arguments)
    elif dynamic.kind == "function":
        if dynamic.name == "IF":
            condition, found, _ = arguments.partition("?")
            if found:
                _check_condition(world, step, condition, "IF")
        elif dynamic.name in TAKES_NAME:
            first = arguments.split(2)[:1]
            inner = list(first[0].parts()) if first else []
            # A name may well be held by a variable; the value of a list may not.
            if (
                len(inner) == 1
                and len(first[0].skeleton.strip()) == 1
                and inner[0].kind == "variable"
                and inner[0].name
            ):
                world.tell(
                    "name-for-value", step.place,
                    f"{dynamic.name} takes the name of a variable: {inner[0].name}, not {inner[0].source}",
                )  # fmt: skip


def _check_set(world: World, step: Step) -> None:
    _name, equals, value = step.data.partition("=")
    if not equals:
        world.tell("missing-argument", step.place, "Set needs NAME=value")
        return
    _check_blanks(world, step, step.data)
    skeleton = value.skeleton
    quoted = skeleton.strip()[:1] == '"'
    if not quoted and (match := _ANOTHER.search(skeleton)) is not None:
        more = str(value.piece(match[0].lstrip(", ")))
        world.tell(
            "several-assignments", step.place, f"'{more}' becomes part of the value; MSet sets several variables"
        )


def _check_blanks(world: World, step: Step, pair: Text) -> None:
    name, equals, value = pair.partition("=")
    if not equals:
        return
    if name.skeleton != name.skeleton.rstrip() or (step.application.lower() == "set" and name.skeleton[:1] == " "):
        world.tell("blank-in-assignment", step.place, f"the name is '{name}' with a blank")
    elif value.skeleton[:1] == " " and value.skeleton.strip():
        world.tell("blank-in-assignment", step.place, f"the value of {name} begins with a blank")


def _check_condition(world: World, step: Step, condition: Text, what: str) -> None:
    """A condition that compares nothing."""
    text = condition.skeleton
    if _COMPARES.search(text) is not None and text.strip():
        world.tell(
            "condition-is-text", step.place, f"{what}: '{condition}' is a text, and so true: write $[{condition}]"
        )


def _check_expression(world: World, step: Step, inside: Text) -> None:
    skeleton = inside.skeleton
    quotes = [at for at, character in enumerate(skeleton) if character == '"']
    for match in _OPERAND.finditer(skeleton):
        at = match.start("mark")
        if sum(quote < at for quote in quotes) % 2 or len(skeleton.strip()) == 1:
            continue
        dynamic = next(inside.piece(match["mark"]).parts())
        known = dynamic.name in _NEVER_EMPTY or (dynamic.kind == "variable" and dynamic.name in world.filled)
        if dynamic.kind == "expression" or (known and not dynamic.sliced):
            continue
        world.tell(
            "unquoted-value", step.place,
            f"$[{inside}]: when {dynamic.source} is empty, this is a syntax error: "
            f'compare with "{dynamic.source}", count with 0{dynamic.source}',
        )  # fmt: skip
        break
    # Any value in the place of what is not known: one that is a number and stands for a word as well.
    expression = Expression(inside.without_marks("1"))
    if expression.error:
        problem = expression.error.partition(" Input:")[0].removeprefix("ast_yyerror():  ").rstrip("; ")
        world.tell("bad-expression", step.place, f"$[{inside}]: {problem}")

"""What a caller says, and where it must not get to unfiltered.

A caller chooses his name and often his number, the headers of his SIP messages, and what he dials: in a pattern that
ends in ``.`` or ``!`` that may hold ``&``, ``/``, ``@`` or a comma, which make another destination or argument of it.
Variables that are set from such a value are followed, by name and through the whole plan, without regard to order.
"""

from __future__ import annotations

from collections.abc import Iterator

from dialplan.lint.text import Dynamic, Text
from dialplan.lint.traps import TAKES_NAME
from dialplan.lint.world import Step, World

#: Functions a caller has a say in; of some only certain values of the first argument.
_SOURCES: dict[str, frozenset[str] | None] = {
    "CALLERID": None,
    "CONNECTEDLINE": None,
    "REDIRECTING": None,
    "PJSIP_HEADER": frozenset(("read",)),
    "PJSIP_HEADERS": None,
    "PJSIP_HEADER_PARAM": None,
    "PJSIP_RESPONSE_HEADER": None,
    "PJSIP_PARSE_URI": None,
    "SIP_HEADER": None,
    "MESSAGE": None,
    "MESSAGE_DATA": None,
    "CDR": frozenset(("clid", "src", "dst", "userfield")),
    "JSON_DECODE": None,
    "CURL": None,
}
_SOURCE_VARIABLES = frozenset((
    "CALLERID", "CALLERIDNAME", "CALLERIDNUM", "CALLERANI", "DNID", "RDNIS", "INVALID_EXTEN", "SIPDOMAIN", "SIPCALLID",
    "SIPURI",
))  # fmt: skip
#: The types of CALLERID and its kin that are one of a few words or a number of the exchange's own.
_SAFE_TYPES = ("pres", "plan", "valid", "charset", "ton", "tns", "reason", "count", "cc", "source")

#: Functions whose value is safe whatever their arguments are.
_CLEANING = frozenset((
    "FILTER", "MD5", "SHA1", "LEN", "FIELDQTY", "FIELDNUM", "EXISTS", "ISNULL", "REGEX", "ABS", "MATH", "DIGIT_SUM",
    "MAX", "MIN", "RAND", "KEYPADHASH", "BASE64_ENCODE", "VALID_EXTEN", "DIALPLAN_EXISTS", "DB_EXISTS",
    "VARIABLE_EXISTS", "STRFTIME", "DEVICE_STATE", "EXTENSION_STATE", "GROUP_COUNT", "STAT", "HASH", "DB", "ODBC_FETCH",
))  # fmt: skip
#: Those that make a value safe for one purpose only.
_CLEANING_FOR = {"URIENCODE": ("CURL",), "SQL_ESC": ("SQL",), "SQL_ESC_BACKSLASHES": ("SQL",)}

#: Applications in which a caller's value is run or names a file.
_COMMANDS = frozenset((
    "system", "trysystem", "exec", "tryexec", "execif", "agi", "eagi", "fastagi", "mixmonitor", "monitor",
    "externalivr", "record", "minivmnotify", "readfile",
))  # fmt: skip
#: Functions of which the same holds.
_COMMAND_FUNCTIONS = frozenset(("SHELL", "EVAL", "CURL", "FILE", "REALTIME", "AST_CONFIG", "ENV"))
#: Applications in which it decides who is called, or where the call goes.
_DESTINATIONS = frozenset((
    "dial", "retrydial", "page", "originate", "goto", "gosub", "gotoif", "gosubif", "gotoiftime", "transfer",
    "channelredirect", "bridge", "pickup", "chanspy", "queue", "messagesend",
))  # fmt: skip


def _key(arguments: Text | None) -> str:
    """The first argument of a function, in lower case, as far as it is known."""
    if arguments is None:
        return ""
    first = arguments.split(2)[:1]
    return first[0].without_marks().strip().strip("\"'").lower() if first else ""


class Taint:
    """Says of a part whether a caller has a say in it, and why."""

    def __init__(self, world: World, step: Step, purpose: str = "") -> None:
        self._world = world
        self._step = step
        self._purpose = purpose

    def of_text(self, text: Text) -> str:
        """Why a text is not safe; empty where it is."""
        return next((reason for each in text.parts() if (reason := self.of(each))), "")

    def of(self, dynamic: Dynamic) -> str:
        """Why a part is not safe; empty where it is."""
        if dynamic.cleaned:
            return ""
        if dynamic.kind == "variable":
            return self._variable(dynamic)
        if dynamic.kind == "function":
            return self._function(dynamic)
        inside = dynamic.arguments
        if inside is None:
            return ""
        # The result of a comparison or a sum is a number; only matching and joining give texts.
        if dynamic.kind == "expression" and not any(mark in inside.skeleton for mark in (":", "~", "|", "&")):
            return ""
        return self.of_text(inside)

    def _variable(self, dynamic: Dynamic) -> str:
        name = dynamic.name.lstrip("_")
        if name == "EXTEN" and self._step.open:
            return f"EXTEN of '{self._step.exten}'" if self._step.exten else "what was dialled"
        if name in _SOURCE_VARIABLES:
            return name
        if not name and dynamic.arguments is not None:
            return self.of_text(dynamic.arguments)
        reason = self._world.tainted.get(name)
        return f"{name}, which holds {reason}" if reason else ""

    def _function(self, dynamic: Dynamic) -> str:
        name, arguments = dynamic.name, dynamic.arguments
        if name in _CLEANING or self._purpose in _CLEANING_FOR.get(name, ()):
            return ""
        if name in _SOURCES:
            keys, key = _SOURCES[name], _key(arguments)
            if keys is None or key in keys:
                if name in ("CALLERID", "CONNECTEDLINE", "REDIRECTING") and key.endswith(_SAFE_TYPES):
                    return ""
                return f"{name}({_shown(arguments)})"
            return ""
        if arguments is None:
            return ""
        if name in TAKES_NAME:
            first = (_key_as_written(arguments)).lstrip("_")
            reason = self._world.tainted.get(first)
            if reason:
                return f"{first}, which holds {reason}"
        return self.of_text(arguments)


def _shown(arguments: Text | None) -> str:
    return "" if arguments is None else str(arguments)


def _key_as_written(arguments: Text) -> str:
    first = arguments.split(2)[:1]
    return (first[0].constant or "").strip() if first else ""


def _assignments(step: Step) -> Iterator[tuple[str, Text]]:
    """The plain variables a step sets, and to what."""
    name = step.application.lower()
    if name == "=":
        # A variable of a Lua script.
        target, _, value = step.data.partition("=")
        yield target.skeleton, value
    if name not in ("set", "mset"):
        return
    for pair in [step.data] if name == "set" else step.data.split(64):
        target, equals, value = pair.partition("=")
        plain = (target.constant or "").strip()
        if plain.upper().startswith(("GLOBAL(", "SHARED(")) and plain.endswith(")"):
            plain = plain[plain.index("(") + 1 : -1].partition(",")[0]
        if equals and plain and "(" not in plain:
            yield plain.lstrip("_"), value


def follow(world: World, steps: list[Step]) -> None:
    """Find the variables that hold what a caller says."""
    grown = True
    while grown:
        grown = False
        for step in steps:
            taint = Taint(world, step)
            for name, value in _assignments(step):
                if name not in world.tainted and (reason := taint.of_text(value)):
                    world.tainted[name] = f"{reason} since {step.place}"
                    grown = True


def check_unsafe(world: World, step: Step) -> None:
    """Tell of a caller's value in a place where it must not be."""
    name = step.application.lower()
    if name in _COMMANDS:
        data = step.data
        if name == "execif":
            # What is run is what matters; the condition is not.
            data = step.data.partition("?")[2]
            if "(" in data.skeleton:
                data = data.piece("")
        if reason := Taint(world, step).of_text(data):
            world.tell("unsafe-command", step.place, f"{step.application} with {reason}: FILTER() it")
    elif name in _DESTINATIONS:
        data = step.data
        if name in ("gotoif", "gosubif", "gotoiftime"):
            data = step.data.partition("?")[2]
        if name in ("gosub", "gosubif"):
            data = data.piece(data.skeleton.partition("(")[0])
        if reason := Taint(world, step).of_text(data):
            world.tell("unsafe-destination", step.place, f"{step.application} with {reason}: FILTER() it")
    # In Lua each use of a function is a step of its own.
    for dynamic in step.data.every_part() if not step.is_lua or not name else ():
        if dynamic.kind == "function":
            check_function(world, step, dynamic.name, dynamic.arguments)
    if name in ("set", "mset"):
        _check_written(world, step)


def check_function(world: World, step: Step, name: str, arguments: Text | None) -> None:
    """A function that runs or opens what its arguments say."""
    if arguments is None or not (name in _COMMAND_FUNCTIONS or name in world.raw_sql):
        return
    purpose = "SQL" if name in world.raw_sql else name
    if reason := Taint(world, step, purpose).of_text(arguments):
        world.tell("unsafe-command", step.place, f"{name}() with {reason}: FILTER() it")


def _check_written(world: World, step: Step) -> None:
    for pair in [step.data] if step.application.lower() == "set" else step.data.split(64):
        target, equals, _value = pair.partition("=")
        head, parenthesis, rest = target.skeleton.strip().partition("(")
        if equals and parenthesis:
            arguments = target.piece(rest.rpartition(")")[0])
            # What is written is part of the statement as well.
            check_function(world, step, head, pair if head in world.raw_sql else arguments)

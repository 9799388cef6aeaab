"""Finds the calls of ``app`` and the uses of ``channel`` in a Lua source, as steps like those of extensions.conf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialplan.lint.findings import Place
from dialplan.lint.lua_source import CLOSERS, OPENERS, Source
from dialplan.lint.lua_tokens import Token
from dialplan.lint.text import Dynamic, Text, join
from dialplan.lint.world import Step, World, is_open

#: Methods and functions that leave of a text only what was asked for.
_CLEANERS = frozenset(("gsub", "match", "gmatch", "tonumber", "byte", "len", "find"))
#: Applications that replace ``${...}`` themselves.
_REPLACE_THEMSELVES = frozenset(("exec", "tryexec", "mixmonitor"))
#: Beside one of these an object of ``channel`` was meant to be its text.
_COMPARED = ("==", "~=", "..", "<", ">", "<=", ">=")
_TESTED_BEFORE = ("if", "elseif", "while", "until", "not", "and", "or")
_TESTED_AFTER = ("then", "do", "and", "or")


@dataclass(frozen=True, slots=True)
class _Reference:
    """A use of ``channel``: what it names, how (``get``, ``set``, ``value``, ``=``, or empty), and where it ends."""

    dynamic: Dynamic
    how: str
    end: int
    value: tuple[int, int] | None = None


@dataclass(slots=True)
class _Function:
    """A function around what is looked at: the name of its second parameter, and whether that may hold anything."""

    extension: str = ""
    open: bool = False


class LuaScanner:
    """Looks at one file; what it finds goes to the world's steps."""

    def __init__(self, world: World, file: str, tokens: Sequence[Token]) -> None:
        self._world = world
        self._file = file
        self._source = Source(tokens)
        self._blocks: list[_Function | None] = []
        self._open_functions = set(self._find_open_functions())

    def run(self) -> None:
        """Look at every token."""
        source = self._source
        at = 0
        while at < len(source.tokens):
            token = source.tokens[at]
            if token.kind == "name" and not source.at(at - 1, ".", ":"):
                if token.text in OPENERS:
                    self._blocks.append(self._function(at) if token.text == "function" else None)
                elif token.text in CLOSERS and self._blocks:
                    self._blocks.pop()
                elif token.text == "app":
                    self._application(at)
                elif token.text == "channel":
                    self._channel(at)
                elif source.at(at + 1, "="):
                    self._assignment(at)
            at += 1

    def _place(self, at: int) -> Place:
        return Place(self._file, self._source.tokens[at].line)

    # Functions

    def _key_before(self, at: int) -> str:
        """The name under which the value at ``at`` is put: ``["100"] =`` or ``h =``."""
        source = self._source
        if not source.at(at - 1, "="):
            return ""
        if source.at(at - 2, "]") and source.kind(at - 3) == "string" and source.at(at - 4, "["):
            return source.tokens[at - 3].text
        return source.tokens[at - 2].text if source.kind(at - 2) == "name" else ""

    def _find_open_functions(self) -> Iterator[str]:
        """Names of functions that are put under an open pattern: ``["_X."] = dial_out``."""
        for at, token in enumerate(self._source.tokens):
            if token.kind == "name" and is_open(self._key_before(at)) and self._source.at(at + 1, ",", ";", "}"):
                yield token.text

    def _function(self, at: int) -> _Function:
        source = self._source
        key, name = self._key_before(at), ""
        at += 1
        while source.kind(at) == "name" or source.at(at, ".", ":"):
            name = source.tokens[at].text
            at += 1
        if not source.at(at, "("):
            return _Function()
        end = source.bracket_end(at)
        names = [token.text for token in source.tokens[at + 1 : end - 1] if token.kind == "name"]
        is_extension = is_open(key) or name in self._open_functions
        return _Function(names[1] if len(names) > 1 else "", is_extension)

    @property
    def _around(self) -> _Function:
        """The function an extension is, or the outermost around what is looked at."""
        return next((each for each in self._blocks if each is not None), _Function())

    # Values

    def _text(self, start: int, end: int) -> Text:
        """An expression as a text."""
        operands = self._source.joined(start, end)
        if operands is None:
            return join([self._other(start, end)])
        pieces: list[str | Dynamic] = []
        for first, last in operands:
            pieces += self._operand(first, last)
        return join(pieces)

    def _operand(self, start: int, end: int) -> list[str | Dynamic]:
        source, token = self._source, self._source.tokens[start]
        if end == start + 1:
            if token.kind in ("string", "number"):
                return [token.text]
            if token.is_("nil"):
                return [""]
            if token.kind == "name":
                return [self._name(token)]
        if source.at(start, "(") and source.bracket_end(start) == end:
            return list(self._text(start + 1, end - 1).pieces())
        if token.is_("channel"):
            reference = self._reference(start)
            if reference is not None and reference.end == end:
                return [reference.dynamic]
        return [self._other(start, end)]

    def _name(self, token: Token) -> Dynamic:
        around = self._around
        if around.open and token.text == around.extension:
            return Dynamic("variable", token.text, "EXTEN")
        return Dynamic("variable", token.text, f"{self._file}:{token.text}")

    def _other(self, start: int, end: int) -> Dynamic:
        """What cannot be followed: the values in it count, but not what only chooses among others (an index)."""
        source = self._source
        inside: list[str | Dynamic] = []
        cleaned = False
        at = start
        while at < end:
            token = source.tokens[at]
            if token.is_("[") and at > start:
                at = source.bracket_end(at)
                continue
            if token.kind == "name":
                cleaned |= token.text in _CLEANERS
                if token.is_("channel") and not source.at(at - 1, ".", ":"):
                    reference = self._reference(at)
                    if reference is not None:
                        inside.append(reference.dynamic)
                        at = reference.end
                        continue
                elif not source.at(at - 1, ".", ":") and not source.at(at + 1, "("):
                    inside.append(self._name(token))
            at += 1
        return Dynamic("other", source.text(start, end), "", join(inside), cleaned)

    # app

    def _application(self, at: int) -> None:
        source = self._source
        name, after = self._member(at)
        if not name:
            return
        place = self._place(at)
        if source.kind(after) == "string" or source.at(after, "{"):
            spans = [(after, source.suffix_end(after))]
        elif source.at(after, "("):
            spans = source.listed(after + 1, source.bracket_end(after) - 1)
        else:
            self._world.application(Step(place, name, join([]), arguments=()))
            return
        arguments = tuple(self._text(start, end) for start, end in spans)
        pieces: list[str | Dynamic] = []
        for number, argument in enumerate(arguments):
            pieces += [*([","] if number else []), *argument.pieces()]
            self._check_argument(name, spans[number], argument)
        step = Step(place, name, join(pieces), arguments=arguments, open=self._around.open)
        self._world.steps.append(step)
        self._check_commas(step)

    def _member(self, at: int) -> tuple[str, int]:
        """``.NAME`` or ``["NAME"]`` behind a name: what it names and the index behind; empty where unknown."""
        source = self._source
        if source.at(at + 1, ".") and source.kind(at + 2) == "name":
            return source.tokens[at + 2].text, at + 3
        if source.at(at + 1, "[") and source.kind(at + 2) == "string" and source.at(at + 3, "]"):
            return source.tokens[at + 2].text, at + 4
        return "", at + 1

    def _check_argument(self, name: str, span: tuple[int, int], argument: Text) -> None:
        source, (start, end) = self._source, span
        if source.at(start, "{", "function") or (end == start + 1 and source.at(start, "true", "false")):
            what = {"{": "a table", "function": "a function"}.get(source.tokens[start].text, "a boolean")
            self._world.tell("lua-argument", self._place(start), f"app.{name} is given {what}")
        elif name.lower() not in _REPLACE_THEMSELVES:
            self._check_dollar(start, f"app.{name}", argument)

    def _check_dollar(self, at: int, what: str, value: Text) -> None:
        if "${" in value.skeleton or "$[" in value.skeleton:
            self._world.tell(
                "lua-substitution", self._place(at), f"{what} gets '{value}' as it stands: Lua joins texts by .."
            )

    def _check_commas(self, step: Step) -> None:
        """Whether a comma in a text makes more arguments than were given."""
        arguments = step.arguments or ()
        found = self._world.applications.get(step.application.lower())
        if found is None or len(arguments) < 2:
            return
        limit = max(len(found.grammar.names), 1)
        if len(step.data.split(limit)) > len(arguments) and "..." not in found.grammar.text.rpartition(",")[2]:
            guilty = next((str(each) for each in arguments if len(each.split(limit)) > 1), "")
            self._world.tell(
                "lua-comma", step.place, f"app.{step.application}: the comma in '{guilty}' divides it in two"
            )

    # channel

    def _reference(self, at: int) -> _Reference | None:
        """What ``channel`` at ``at`` is followed by."""
        source = self._source
        name, after = self._member(at)
        arguments: Text | None = None
        if not name:
            if not source.at(at + 1, "["):
                return None
            after = source.bracket_end(at + 1)
            arguments = self._text(at + 2, after - 1)
        head, parenthesis, rest = name.partition("(")
        kind = "variable"
        if parenthesis and rest.endswith(")"):
            kind, name, arguments = "function", head, join([rest[:-1]])
        elif source.at(after, "("):
            end = source.bracket_end(after)
            pieces: list[str | Dynamic] = []
            for number, (start, stop) in enumerate(source.listed(after + 1, end - 1)):
                pieces += [*([","] if number else []), *self._text(start, stop).pieces()]
            kind, arguments, after = "function", join(pieces), end
        how, end, value = self._access(after)
        sliced = ":" in name
        shown = source.text(at, after)
        return _Reference(Dynamic(kind, shown, name.partition(":")[0], arguments, sliced=sliced), how, end, value)

    def _access(self, after: int) -> tuple[str, int, tuple[int, int] | None]:
        source = self._source
        if source.at(after, ":", ".") and source.at(after + 1, "get", "set", "value", "name"):
            how = source.tokens[after + 1].text
            if not source.at(after + 2, "("):
                return how, after + 2, None
            end = source.bracket_end(after + 2)
            spans = source.listed(after + 3, end - 1)
            return how, end, spans[0] if spans else None
        if source.at(after, "="):
            return "=", after + 1, (after + 1, source.expression_end(after + 1))
        return "", after, None

    def _channel(self, at: int) -> None:
        source = self._source
        reference = self._reference(at)
        if reference is None:
            return
        place, dynamic = self._place(at), reference.dynamic
        if reference.how in ("=", "set") and reference.value is not None:
            self._write(at, reference)
            return
        self._world.steps.append(Step(place, "", join([dynamic]), arguments=(), open=self._around.open))
        if reference.how:
            return
        end = reference.end
        if (
            source.at(at - 1, *_COMPARED, *_TESTED_BEFORE)
            or source.at(end, *_COMPARED, *_TESTED_AFTER)
            or self._is_argument(at, end)
        ):
            self._world.tell(
                "lua-variable-object", place, f"{dynamic.source} is an object: write {dynamic.source}:get()"
            )

    def _is_argument(self, at: int, end: int) -> bool:
        """Whether an object is given to an application."""
        source = self._source
        if not (source.at(at - 1, "(", ",") and source.at(end, ")", ",")):
            return False
        depth = 0
        for before in range(at - 1, max(at - 200, 0), -1):
            token = source.tokens[before]
            if token.is_(")", "]", "}"):
                depth += 1
            elif token.is_("(", "[", "{"):
                if not depth:
                    return token.is_("(") and (source.at(before - 3, "app") or source.at(before - 4, "app"))
                depth -= 1
        return False

    def _write(self, at: int, reference: _Reference) -> None:
        source, dynamic = self._source, reference.dynamic
        if reference.value is None:
            return
        start, end = reference.value
        if source.at(start, "{", "function") or (end == start + 1 and source.at(start, "nil", "true", "false")):
            what = source.tokens[start].text.replace("{", "a table")
            self._world.tell("lua-nil-assignment", self._place(at), f"{dynamic.source} cannot hold {what}")
            return
        value = self._text(start, end)
        self._check_dollar(at, dynamic.source, value)
        name: list[str | Dynamic] = [dynamic.name]
        if dynamic.kind == "function":
            name += ["(", *(dynamic.arguments.pieces() if dynamic.arguments is not None else ()), ")"]
        data = join([*name, "=", *value.pieces()])
        self._world.steps.append(Step(self._place(at), "Set", data, arguments=(), open=self._around.open))

    def _assignment(self, at: int) -> None:
        """``NAME = expression``: a variable of the script that may hold what a caller says."""
        source = self._source
        end = source.expression_end(at + 2)
        if source.at(at + 2, "function", "{"):
            return
        name = f"{self._file}:{source.tokens[at].text}"
        # A value that is tested and filtered on the way counts by what is in it.
        data = join([name, "=", *self._text(at + 2, end).pieces()])
        self._world.steps.append(Step(self._place(at), "=", data, arguments=(), open=self._around.open))

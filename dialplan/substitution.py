"""``${...}`` and ``$[...]`` in texts, as Asterisk's pbx_substitute_variables_helper_full replaces them.

A text is compiled once, to a template, and kept; an evaluation walks the template's parts. It gives a string at once
unless a function has to be waited for. What is inside ``${...}`` is substituted before it is looked at: what a variable
holds may name another variable, a function or a slice. What comes out is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.expressions import Evaluation, Pending, parse
from dialplan.registry import NothingThere
from dialplan.variables import slice_value, split_slice
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.registry import Registry
    from pbx.core.channel import Channel
    from pbx.core.channels import Channels

log = Logger()

#: Bytes of what a variable or function gives, and of the text between a pair of brackets (VAR_BUF_SIZE).
MAX_VALUE: Final = 4095
#: Bytes of a substituted text (EXT_DATA_SIZE of an extension's step).
MAX_RESULT: Final = 8190
#: Substitutions inside each other, by brackets or by functions such as EVAL (MAX_VARIABLE_SUB_RECURSE_DEPTH).
MAX_DEPTH: Final = 15
#: Texts kept compiled, and how long each may be.
MAX_TEMPLATES: Final = 16384
_MAX_KEPT_LENGTH = 2048

Result: TypeAlias = "str | Awaitable[str]"
#: Says where in the dialplan a channel is, for warnings.
Where: TypeAlias = "Callable[[Channel | None], str]"


def cut(text: str, limit: int) -> str:
    """As much of ``text`` as ``limit`` bytes hold."""
    if len(text) * 4 <= limit or (text.isascii() and len(text) <= limit):
        return text
    return text.encode("utf-8", "surrogateescape")[:limit].decode("utf-8", "surrogateescape")


class Scope:
    """What one substitution sees: a channel, or variables given instead of one, and where it is."""

    __slots__ = ("channel", "depth", "substitution", "variables")

    def __init__(
        self, substitution: Substitution, channel: Channel | None, variables: Mapping[str, str] | None, depth: int
    ) -> None:
        self.substitution = substitution
        self.channel = channel
        #: Looked at before everything else.
        self.variables = variables
        self.depth = depth

    def variable(self, name: str) -> str | None:
        """A plain variable, or None."""
        if self.variables is not None and (given := self.variables.get(name)) is not None:
            return given
        channel = self.channel
        if channel is not None:
            return channel.get_variable(name)
        return self.substitution.channels.get_global(name)

    def warn(self, text: str) -> None:
        """Tell of something wrong, with its place."""
        log.warn("{where}: {problem}", where=self.substitution.where(self.channel), problem=text)

    def error(self, text: str) -> None:
        """Tell of something that failed, with its place."""
        log.error("{where}: {problem}", where=self.substitution.where(self.channel), problem=text)

    def failed(self, what: str, error: ObeliskError) -> None:
        """Tell that a function could not be read, unless it only had nothing to give."""
        if not isinstance(error, NothingThere):
            self.warn(f"{what}: {error}")

    def bounded(self, text: str, limit: int, what: str) -> str:
        """``text``, cut with a warning if it is longer than ``limit`` bytes."""
        short = cut(text, limit)
        if short is not text:
            self.warn(f"{what} is longer than {limit} bytes and was cut: {text[:40]}...")
        return short


class Part:
    """A piece of a template that is not plain text."""

    __slots__ = ()

    def value(self, scope: Scope) -> Result:
        """What it is replaced by."""
        raise NotImplementedError


class Template:
    """A compiled text."""

    __slots__ = ("parts", "problems")

    def __init__(self, parts: tuple[str | Part, ...], problems: tuple[str, ...] = ()) -> None:
        self.parts = parts
        #: Told at each evaluation: brackets that are not closed.
        self.problems = problems

    def evaluate(self, scope: Scope) -> Result:
        """The text with everything replaced, of any length."""
        if scope.depth >= MAX_DEPTH:
            scope.error(
                f"Exceeded maximum variable substitution recursion depth ({MAX_DEPTH}) - "
                "possible infinite recursion in dialplan?"
            )
            return ""
        for problem in self.problems:
            scope.warn(problem)
        scope.depth += 1
        done: list[str] = []
        for number, part in enumerate(self.parts):
            if isinstance(part, str):
                done.append(part)
                continue
            value = part.value(scope)
            if not isinstance(value, str):
                scope.depth -= 1
                return self._later(scope, done, number, value)
            done.append(value)
        scope.depth -= 1
        return done[0] if len(done) == 1 else "".join(done)

    async def _later(self, scope: Scope, done: list[str], number: int, waiting: Awaitable[str]) -> str:
        """The rest, once ``waiting`` for the part of that number is over."""
        done.append(await waiting)
        for part in self.parts[number + 1 :]:
            if isinstance(part, str):
                done.append(part)
                continue
            scope.depth += 1
            value = part.value(scope)
            scope.depth -= 1
            done.append(value if isinstance(value, str) else await value)
        return "".join(done)


class Reference(Part):
    """What stands in ``${...}``, taken apart: a variable or a function, perhaps sliced."""

    __slots__ = ("arguments", "function", "length", "name", "offset", "sliced", "text")

    def __init__(self, text: str) -> None:
        text, self.offset, self.length, self.sliced = split_slice(text)
        self.text = text
        name, parenthesis, rest = text.partition("(")
        self.name = name
        self.function = bool(parenthesis)
        self.arguments = rest.rpartition(")")[0] if ")" in rest else rest

    def value(self, scope: Scope) -> Result:
        """What it stands for; empty where there is nothing."""
        if self.function:
            return self._read(scope)
        found = scope.variable(self.name)
        return "" if found is None else self._cut(found, scope)

    def _read(self, scope: Scope) -> Result:
        if ")" not in self.text:
            scope.warn(f"Can't find trailing parenthesis for function '{self.text}'?")
        substitution = scope.substitution
        found = substitution.registry.function(self.name)
        if found is None:
            scope.error(f"Function {self.name} not registered")
            return ""
        outer, substitution.depth = substitution.depth, scope.depth
        try:
            value = found.reader(scope.channel, Arguments(found.grammar, self.arguments))
        except ObeliskError as error:
            scope.failed(self.text, error)
            return ""
        finally:
            substitution.depth = outer
        return self._cut(value, scope) if isinstance(value, str) else self._later(scope, value)

    async def _later(self, scope: Scope, waiting: Awaitable[str]) -> str:
        try:
            value = await waiting
        except ObeliskError as error:
            scope.failed(self.text, error)
            return ""
        return self._cut(value, scope)

    def _cut(self, value: str, scope: Scope) -> str:
        if len(value) > MAX_VALUE // 4:
            value = scope.bounded(value, MAX_VALUE, f"the value of {self.name}")
        return slice_value(value, self.offset, self.length) if self.sliced else value


class Nested(Part):
    """``${...}`` with brackets inside."""

    __slots__ = ("_template",)

    def __init__(self, template: Template) -> None:
        self._template = template

    def value(self, scope: Scope) -> Result:
        text = self._template.evaluate(scope)
        if isinstance(text, str):
            return Reference(scope.bounded(text, MAX_VALUE, "what stands in ${}")).value(scope)
        return self._later(scope, text)

    @staticmethod
    async def _later(scope: Scope, waiting: Awaitable[str]) -> str:
        value = Reference(scope.bounded(await waiting, MAX_VALUE, "what stands in ${}")).value(scope)
        return value if isinstance(value, str) else await value


class Computed(Part):
    """``$[...]``."""

    __slots__ = ("_template", "_text")

    def __init__(self, template: Template | None, text: str) -> None:
        self._template = template
        self._text = text

    def value(self, scope: Scope) -> Result:
        if self._template is None:
            return self._compute(scope, self._text)
        text = self._template.evaluate(scope)
        return self._compute(scope, text) if isinstance(text, str) else self._later(scope, text)

    async def _later(self, scope: Scope, waiting: Awaitable[str]) -> str:
        value = self._compute(scope, await waiting)
        return value if isinstance(value, str) else await value

    def _compute(self, scope: Scope, text: str) -> Result:
        expression = parse(scope.bounded(text, MAX_VALUE, "an expression"))
        if expression.result is not None:
            return expression.result
        evaluation = Evaluation(expression, scope.substitution.function_reader(scope))
        try:
            result = evaluation.run()
        except Pending as pending:
            return self._wait(scope, evaluation, pending)
        if evaluation.warnings:
            self._tell(scope, evaluation)
        elif evaluation.pure:
            expression.result = result
        return result

    async def _wait(self, scope: Scope, evaluation: Evaluation, pending: Pending) -> str:
        while True:
            evaluation.results[pending.key] = await pending.waiting
            try:
                result = evaluation.run()
            except Pending as another:
                pending = another
                continue
            self._tell(scope, evaluation)
            return result

    @staticmethod
    def _tell(scope: Scope, evaluation: Evaluation) -> None:
        for warning in evaluation.warnings:
            scope.warn(warning)


_DOLLAR = re.compile(r"\$[{[]")


def closing_bracket(text: str, at: int, opening: str, closing: str, other: str) -> tuple[int, bool, bool]:
    """Where the text behind an opening bracket ends: the index behind it, whether it is closed, whether to look inside.

    Brackets of the other kind do not count, as in Asterisk: ``${A[}`` is closed.
    """
    depth, nested, end = 1, False, len(text)
    while depth and at < end:
        character = text[at]
        if character == "$" and at + 1 < end and text[at + 1] in (opening, other):
            nested = True
            if text[at + 1] == opening:
                depth += 1
            at += 1
        elif character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
        at += 1
    return at, not depth, nested


def compile_template(text: str, level: int = 0) -> Template:
    """Compile a text."""
    parts: list[str | Part] = []
    problems: list[str] = []
    at = 0
    while (match := _DOLLAR.search(text, at)) is not None:
        if match.start() > at:
            parts.append(text[at : match.start()])
        start = match.end()
        is_variable = match[0] == "${"
        at, closed, nested = closing_bracket(text, start, *(("{", "}", "[") if is_variable else ("[", "]", "{")))
        inside = text[start : at - 1] if closed else text[start:at]
        if not closed:
            problems.append(f"Error in extension logic (missing '{'}' if is_variable else ']'}') in '{text}'")
        # Deeper levels are never reached: evaluation stops before them.
        inner = compile_template(inside, level + 1) if nested and level < MAX_DEPTH else None
        if is_variable:
            parts.append(Reference(inside) if inner is None else Nested(inner))
        else:
            parts.append(Computed(inner, inside))
    if at < len(text):
        parts.append(text[at:])
    return Template(tuple(parts), tuple(problems))


class Substitution:
    """Substitutes texts for one dialplan."""

    def __init__(self, channels: Channels, registry: Registry, where: Where) -> None:
        self.channels = channels
        self.registry = registry
        self.where = where
        #: How deep the substitution is that reads a function at this moment.
        self.depth = 0
        self._templates: dict[str, Template] = {}

    def template(self, text: str) -> Template:
        """The template of a text, compiled unless it is kept from before."""
        found = self._templates.get(text)
        if found is None:
            found = compile_template(text)
            if len(text) <= _MAX_KEPT_LENGTH:
                if len(self._templates) >= MAX_TEMPLATES:
                    self._templates.clear()
                self._templates[text] = found
        return found

    def substitute(
        self,
        channel: Channel | None,
        text: str,
        variables: Mapping[str, str] | None = None,
        *,
        limit: int = MAX_RESULT,
    ) -> Result:
        """``text`` with everything replaced, or something to await; never fails.

        ``variables`` come before those of the channel and the global ones. What is longer than ``limit`` bytes is cut,
        with a warning.
        """
        if "$" not in text:
            return text
        scope = Scope(self, channel, variables, self.depth)
        result = self.template(text).evaluate(scope)
        if not isinstance(result, str):
            return self._later(scope, result, limit)
        return result if len(result) * 4 <= limit else scope.bounded(result, limit, "the result of a substitution")

    @staticmethod
    async def _later(scope: Scope, waiting: Awaitable[str], limit: int) -> str:
        return scope.bounded(await waiting, limit, "the result of a substitution")

    def function_reader(self, scope: Scope) -> Callable[[str, str], Result | None]:
        """What reads the functions of an expression; None where there is no such function."""

        def read(name: str, arguments: str) -> Result | None:
            if self.registry.function(name) is None:
                return None
            return Reference(f"{name}({arguments})").value(scope)

        return read

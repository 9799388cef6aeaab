"""The table of applications and functions, and the modules that fill it.

An application is a method of a `DialplanModule` under ``@application``; a function is one under ``@function``, with a
second under its ``writer`` where it can be written. The decorators carry what listings, ``core show application`` and
the documentation print.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dialplan.arguments import ArgumentError, Arguments, Grammar, split_arguments
from pbx.errors import ObeliskError
from pbx.modules import Module, ModuleBusy

if TYPE_CHECKING:
    from pbx.core.channel import Channel

A = TypeVar("A", bound=Callable[..., "int | Awaitable[int]"])
R = TypeVar("R", bound=Callable[..., "str | Awaitable[str]"])

_MARK = "_obelisk_dialplan"

#: Capabilities: what reaches the system from outside the dialplan, and what needs the right ``system``.
DANGEROUS = "dangerous"
SYSTEM = "system"


class FunctionError(ObeliskError):
    """A dialplan function could not be read or written."""


class NothingThere(FunctionError):
    """A function gives nothing because there is nothing, as often happens: no line in the log is worth it."""


class UnknownFunction(FunctionError, LookupError):
    """There is no function of that name."""


@dataclass(frozen=True, slots=True)
class Help:
    """What is said about an application or function; ``sets`` names the variables it sets."""

    synopsis: str
    description: str = ""
    sets: tuple[str, ...] = ()
    see_also: tuple[str, ...] = ()
    #: What an AMI or ARI user must be allowed to do to run it from outside; empty: nothing special.
    capability: str = ""


@dataclass(frozen=True, slots=True)
class _ApplicationMark:
    name: str
    grammar: Grammar
    help: Help


@dataclass(slots=True)
class _FunctionMark:
    name: str
    grammar: Grammar
    help: Help
    writer: str = ""


def application(
    name: str,
    arguments: str = "",
    *,
    options: str = "",
    synopsis: str,
    description: str = "",
    sets: tuple[str, ...] = (),
    see_also: tuple[str, ...] = (),
    capability: str = "",
) -> Callable[[A], A]:
    """Make a method ``(self, channel, args) -> int`` an application; ``async`` if it ever waits.

    ``arguments`` is the synopsis form, ``options`` lists the letters divided by ``;`` (``s;n;L(x[:y])``).
    """
    mark = _ApplicationMark(name, Grammar(arguments, options), Help(synopsis, description, sets, see_also, capability))

    def decorate(method: A) -> A:
        setattr(method, _MARK, mark)
        return method

    return decorate


class FunctionMethod(Generic[R]):
    """What ``@function`` leaves of a method: callable as before, and ``writer`` marks its counterpart."""

    def __init__(self, read: R, mark: _FunctionMark) -> None:
        self.read = read
        self.mark = mark

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else self.read.__get__(instance, owner)

    def writer(self, method: Callable[..., Awaitable[None] | None]) -> Callable[..., Awaitable[None] | None]:
        """Mark ``(self, channel, args, value)`` as what writing the function does."""
        self.mark.writer = method.__name__
        return method


def function(
    name: str,
    arguments: str = "",
    *,
    synopsis: str,
    description: str = "",
    see_also: tuple[str, ...] = (),
    capability: str = "",
) -> Callable[[R], FunctionMethod[R]]:
    """Make a method ``(self, channel, args) -> str`` a dialplan function. ``channel`` is None outside a call."""

    def decorate(method: R) -> FunctionMethod[R]:
        mark = _FunctionMark(name, Grammar(arguments), Help(synopsis, description, (), see_also, capability))
        return FunctionMethod(method, mark)

    return decorate


@dataclass(slots=True)
class Application:
    """An application as registered."""

    name: str
    grammar: Grammar
    help: Help
    handler: Callable[[Channel, Arguments], int | Awaitable[int]]
    module: str
    #: Whether the handler never waits; then it is called without a coroutine.
    immediate: bool
    #: Calls inside it now.
    running: int = 0

    @property
    def syntax(self) -> str:
        return f"{self.name}({self.grammar.text})"


@dataclass(slots=True)
class Function:
    """A function as registered."""

    name: str
    grammar: Grammar
    help: Help
    reader: Callable[[Channel | None, Arguments], str | Awaitable[str]]
    writer: Callable[[Channel | None, Arguments, str], Awaitable[None] | None] | None
    module: str

    @property
    def syntax(self) -> str:
        return f"{self.name}({self.grammar.text})"


@dataclass(slots=True)
class Registry:
    """The applications, whose names compare without regard to case, and the functions, whose names do not."""

    _applications: dict[str, Application] = field(default_factory=dict)
    _functions: dict[str, Function] = field(default_factory=dict)
    #: Changes whenever the table does, so that others may keep what they looked up.
    generation: int = 0

    def add_application(self, each: Application) -> None:
        """Raises ValueError when the name is taken."""
        key = each.name.lower()
        if key in self._applications:
            raise ValueError(f"application {each.name} is registered twice")
        self._applications[key] = each
        self.generation += 1

    def remove_application(self, each: Application) -> None:
        if self._applications.get(each.name.lower()) is each:
            del self._applications[each.name.lower()]
            self.generation += 1

    def add_function(self, each: Function) -> None:
        """Raises ValueError when the name is taken."""
        if each.name in self._functions:
            raise ValueError(f"function {each.name} is registered twice")
        self._functions[each.name] = each
        self.generation += 1

    def remove_function(self, each: Function) -> None:
        if self._functions.get(each.name) is each:
            del self._functions[each.name]
            self.generation += 1

    def application(self, name: str) -> Application | None:
        return self._applications.get(name.lower())

    def function(self, name: str) -> Function | None:
        return self._functions.get(name)

    def applications(self) -> list[Application]:
        """By name."""
        return [each for _, each in sorted(self._applications.items())]

    def functions(self) -> list[Function]:
        """By name."""
        return [each for _, each in sorted(self._functions.items())]

    def parse(self, expression: str) -> tuple[Function, Arguments]:
        """Take ``FUNC(args)`` apart. Raises UnknownFunction, and FunctionError if malformed."""
        name, parenthesis, rest = expression.partition("(")
        if not parenthesis or not rest.endswith(")"):
            raise FunctionError(f"'{expression}' is not of the form FUNCTION(arguments)")
        found = self._functions.get(name)
        if found is None:
            raise UnknownFunction(f"Function {name} not registered")
        return found, Arguments(found.grammar, rest[:-1])

    def read(self, channel: Channel | None, expression: str) -> str | Awaitable[str]:
        """Read ``FUNC(args)``. Raises UnknownFunction or another ObeliskError."""
        found, arguments = self.parse(expression)
        return found.reader(channel, arguments)

    def write(self, channel: Channel | None, expression: str, value: str) -> Awaitable[None] | None:
        """Write ``FUNC(args)``. Raises UnknownFunction or another ObeliskError."""
        found, arguments = self.parse(expression)
        if found.writer is None:
            raise FunctionError(f"Function {found.name} cannot be written to")
        return found.writer(channel, arguments, value)

    def capability_of(self, expression: str) -> str:
        """What a user must be allowed to use ``FUNC(args)``; empty for plain variables and common functions."""
        found = self._functions.get(expression.partition("(")[0])
        return "" if found is None else found.help.capability


@dataclass(frozen=True, slots=True)
class Declaration:
    """An application or function as a module declares it, loaded or not."""

    name: str
    grammar: Grammar
    help: Help
    #: The module that brings it.
    module: str
    is_function: bool
    #: Whether the function can be written.
    writable: bool = False

    @property
    def syntax(self) -> str:
        return f"{self.name}({self.grammar.text})"


def declared(kind: type[Module]) -> Iterator[Declaration]:
    """What a module would bring, by attribute name; nothing for one that is no `DialplanModule`."""
    if not issubclass(kind, DialplanModule):
        return
    for attribute in dir(kind):
        value = inspect.getattr_static(kind, attribute)
        if isinstance(value, FunctionMethod):
            mark = value.mark
            yield Declaration(mark.name, mark.grammar, mark.help, kind.name, True, bool(mark.writer))
        elif isinstance(made := getattr(value, _MARK, None), _ApplicationMark):
            yield Declaration(made.name, made.grammar, made.help, kind.name, False)


class DialplanModule(Module):
    """A module whose marked methods become applications and functions while it is loaded."""

    def registry(self) -> Registry:
        """The table to fill."""
        from dialplan.engine import Engine

        return self.server.require(Engine).registry

    async def load(self) -> None:
        self.register()

    async def unload(self) -> None:
        if self.use_count:
            raise ModuleBusy(f"module {self.name} is in use by {self.use_count} calls")
        self.withdraw()

    @property
    def use_count(self) -> int:
        return sum(each.running for each in getattr(self, "_applications", ()))

    def register(self) -> None:
        """Enter everything marked; raises ValueError when a name is taken."""
        self._applications: list[Application] = []
        self._functions: list[Function] = []
        registry = self.registry()
        for attribute in dir(type(self)):
            value = inspect.getattr_static(type(self), attribute)
            if isinstance(value, FunctionMethod):
                self._add_function(registry, attribute, value)
            elif isinstance(mark := getattr(value, _MARK, None), _ApplicationMark):
                made = Application(
                    mark.name,
                    mark.grammar,
                    mark.help,
                    getattr(self, attribute),
                    self.name,
                    immediate=not inspect.iscoroutinefunction(value),
                )
                registry.add_application(made)
                self._applications.append(made)

    def _add_function(self, registry: Registry, attribute: str, method: FunctionMethod[Any]) -> None:
        mark = method.mark
        made = Function(
            mark.name,
            mark.grammar,
            mark.help,
            getattr(self, attribute),
            getattr(self, mark.writer) if mark.writer else None,
            self.name,
        )
        registry.add_function(made)
        self._functions.append(made)

    def withdraw(self) -> None:
        """Take everything out again."""
        registry = self.registry()
        for each in self._applications:
            registry.remove_application(each)
        for entry in self._functions:
            registry.remove_function(entry)
        self._applications, self._functions = [], []


__all__ = [
    "Application",
    "ArgumentError",
    "Arguments",
    "Declaration",
    "DialplanModule",
    "Function",
    "FunctionError",
    "Help",
    "NothingThere",
    "Registry",
    "UnknownFunction",
    "application",
    "declared",
    "function",
    "split_arguments",
]

"""The table of AGI commands: each registers with a decorator that carries its name, arguments and help.

``agi show commands``, the answer to a wrong call and the documentation are made from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.agi.interpreter import Interpreter

_MARK = "_obelisk_agi_command"


class Outcome(Enum):
    """How a command went."""

    SUCCESS = "success"
    #: The call is over, or the command could not do its work. The conversation goes on.
    FAILURE = "failure"
    #: EXEC's, for an application that wants the call ended.
    UNKNOWN = "unknown"
    #: The program lets go of a call in AsyncAGI.
    BREAK = "break"
    USAGE = "usage"
    NO_COMMAND = "no command"
    NOT_PERMITTED = "not permitted"

    @property
    def code(self) -> int:
        """AGIExecEnd's ResultCode."""
        return _SAID[self][0]

    @property
    def text(self) -> str:
        """AGIExecEnd's Result."""
        return _SAID[self][1]


_SAID = {
    Outcome.SUCCESS: (200, "Success"),
    Outcome.FAILURE: (-1, "Failure"),
    Outcome.UNKNOWN: (200, "Unknown Result"),
    Outcome.BREAK: (200, "Success"),
    Outcome.USAGE: (520, "Usage"),
    Outcome.NO_COMMAND: (510, "Invalid or unknown command"),
    Outcome.NOT_PERMITTED: (511, "Command Not Permitted on a dead channel or intercept routine"),
}


class WrongUsage(ObeliskError):
    """A command was called wrongly: its usage is the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's answer, a whole line without its break; empty where a new command took its place."""

    line: str
    outcome: Outcome = Outcome.SUCCESS


def result(value: object, text: str = "", outcome: Outcome = Outcome.SUCCESS) -> Answer:
    """``200 result=...``."""
    return Answer(f"200 result={value}{text}", outcome)


#: A new command interrupted this one.
CUT = Answer("")

Handler = Callable[["Interpreter", Sequence[str]], "Answer | Awaitable[Answer]"]


@dataclass(frozen=True, slots=True)
class AgiCommand:
    """A command. The handler gets the words behind the name."""

    name: str
    synopsis: str
    description: str
    #: Names of the arguments, those that may be left out in brackets.
    syntax: str
    least: int
    most: int | None
    #: Whether it works on a channel that is hung up.
    dead: bool
    handler: Handler
    see_also: tuple[str, ...]
    #: The application without which the command is not known; empty: none.
    requires: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.name.split())


def command(
    name: str,
    syntax: str = "",
    *,
    arguments: tuple[int, int | None],
    synopsis: str,
    description: str,
    dead: bool = False,
    see_also: tuple[str, ...] = (),
    requires: str = "",
) -> Callable[[Handler], Handler]:
    """Make a function ``(interpreter, words) -> Answer`` a command; a coroutine function where it has to wait.

    ``arguments``: how many at least and at most (None: any number).
    """
    least, most = arguments

    def decorate(handler: Handler) -> Handler:
        made = AgiCommand(name, synopsis, description, syntax, least, most, dead, handler, see_also, requires)
        setattr(handler, _MARK, made)
        return handler

    return decorate


def commands_of(module: ModuleType) -> list[AgiCommand]:
    """The commands a Python module declares, in its order."""
    found: list[Any] = [getattr(value, _MARK, None) for value in vars(module).values()]
    return [each for each in found if isinstance(each, AgiCommand)]


class AgiCommandTable:
    """The commands that exist, by name without regard to case."""

    def __init__(self, commands: Iterable[AgiCommand] = ()) -> None:
        self._commands: dict[tuple[str, ...], AgiCommand] = {}
        self._longest = 0
        for each in commands:
            self.add(each)

    def add(self, each: AgiCommand) -> Callable[[], None]:
        """Add a command; the result withdraws it. Raises ValueError when the name is taken."""
        key = each.words
        if key in self._commands:
            raise ValueError(f"AGI command {each.name} is registered twice")
        self._commands[key] = each
        self._longest = max(self._longest, len(key))

        def withdraw() -> None:
            if self._commands.get(key) is each:
                del self._commands[key]

        return withdraw

    def find(self, words: Sequence[str]) -> tuple[AgiCommand, Sequence[str]] | None:
        """The command that ``words`` begin with, and the words behind its name."""
        lower = tuple(word.lower() for word in words[: self._longest])
        for length in range(len(lower), 0, -1):
            found = self._commands.get(lower[:length])
            if found is not None:
                return found, words[length:]
        return None

    def exact(self, words: Sequence[str]) -> AgiCommand | None:
        """The command of exactly these words."""
        return self._commands.get(tuple(word.lower() for word in words))

    def beginning(self, words: Sequence[str]) -> list[AgiCommand]:
        """Commands whose names begin with ``words``, by name."""
        lower = tuple(word.lower() for word in words)
        return [each for each in self if each.words[: len(lower)] == lower]

    def __iter__(self) -> Iterator[AgiCommand]:
        """By name."""
        return iter([each for _, each in sorted(self._commands.items())])

    def __len__(self) -> int:
        return len(self._commands)

"""One table of console commands, shared by the console, ``-rx`` and the manager's Command action.

A command is named by its literal words (``core show channels``); what follows them are its arguments. The longest
match wins, a word may be cut short where that is unambiguous, and modules withdraw their commands when they unload.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import isawaitable

from pbx.errors import ObeliskError

Handler = Callable[[Sequence[str]], "str | Awaitable[str]"]
Completer = Callable[[Sequence[str]], Iterable[str]]


class CommandError(ObeliskError):
    """The command was understood but failed; the text is for the console."""


class NothingFound(CommandError):
    """The command looked for something that is not there: for Asterisk's console that is an answer, no failure."""


class UsageError(CommandError):
    """Wrong arguments: the console shows the command's usage."""


def no_arguments(arguments: Sequence[str]) -> None:
    """Raise UsageError when there are any."""
    if arguments:
        raise UsageError


def yes_no(value: bool) -> str:
    """How Asterisk's console says it."""
    return "Yes" if value else "No"


@dataclass(frozen=True, slots=True)
class Command:
    """A console command. ``usage`` is its form, such as ``core show channels [concise|verbose|count]``."""

    words: str
    usage: str
    summary: str
    handler: Handler
    completer: Completer | None = None


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command said, and whether it worked (``Response: Error`` in the manager when not)."""

    output: str
    ok: bool


class CommandRegistry:
    """The commands that exist now."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, ...], Command] = {}

    def register(self, command: Command) -> Callable[[], None]:
        """Add a command; the returned function withdraws it. Raises ValueError when the words are taken."""
        key = tuple(command.words.split())
        if key in self._commands:
            raise ValueError(f"command {command.words!r} is registered twice")
        self._commands[key] = command

        def withdraw() -> None:
            if self._commands.get(key) is command:
                del self._commands[key]

        return withdraw

    def register_all(self, commands: Iterable[Command]) -> Callable[[], None]:
        """Add commands; the returned function withdraws them all."""
        withdrawals = [self.register(command) for command in commands]

        def withdraw() -> None:
            for each in withdrawals:
                each()

        return withdraw

    def commands(self) -> list[Command]:
        """All commands by their words."""
        return [command for _, command in sorted(self._commands.items())]

    def find(self, words: Sequence[str]) -> tuple[Command, Sequence[str]] | None:
        """The command that ``words`` name and its arguments, or None when there is none or it is ambiguous."""
        for length in range(len(words), 0, -1):
            exact = self._commands.get(tuple(words[:length]))
            if exact is not None:
                return exact, words[length:]
        for length in range(len(words), 0, -1):
            matches = [
                command
                for key, command in self._commands.items()
                if len(key) == length and all(full.startswith(word) for full, word in zip(key, words, strict=False))
            ]
            if len(matches) == 1:
                return matches[0], words[length:]
        return None

    def _near(self, words: Sequence[str]) -> Sequence[str]:
        """The beginning of ``words``, up to the first one that no command has there."""
        for length in range(1, len(words)):
            near = words[:length]
            if not any(
                len(key) >= length and all(full.startswith(word) for full, word in zip(key, near, strict=False))
                for key in self._commands
            ):
                return near
        return words

    def complete(self, words: Sequence[str]) -> list[str]:
        """What the last word of ``words`` may become."""
        *before, last = words or [""]
        found: set[str] = set()
        for key, command in self._commands.items():
            if len(key) > len(before) and all(f.startswith(w) for f, w in zip(key, before, strict=False)):
                found.add(key[len(before)])
            elif command.completer is not None and list(key) == list(before[: len(key)]):
                found.update(command.completer(words[len(key) :]))
        return sorted(word for word in found if word.startswith(last))

    async def run(self, line: str) -> CommandResult:
        """Run one command line. Never raises for what the user typed."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            return CommandResult(f"{error}\n", ok=False)
        if not words:
            return CommandResult("", ok=True)
        found = self.find(words)
        if found is None:
            near = " ".join(self._near(words))
            return CommandResult(
                f"No such command '{line}' (type 'core show help {near}' for other possible commands)\n", ok=False
            )
        command, arguments = found
        try:
            output = command.handler(arguments)
            text = await output if isawaitable(output) else output
        except UsageError as error:
            detail = f"{error}\n" if str(error) else ""
            return CommandResult(f"{detail}Usage: {command.usage}\n       {command.summary}\n", ok=False)
        except NothingFound as error:
            return CommandResult(f"{error}\n", ok=True)
        except ObeliskError as error:
            return CommandResult(f"{error}\nCommand '{line}' failed.\n", ok=False)
        return CommandResult(text if text.endswith("\n") or not text else text + "\n", ok=True)

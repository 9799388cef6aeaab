"""Console commands of pbx_config: dialplan add, remove and save."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from dialplan.editing import PlanEditor
from dialplan.extensions import HINT_PRIORITY
from dialplan.extensions_conf.compiler import split_call
from pbx.cli.registry import Command, CommandError, CommandRegistry, UsageError
from pbx.core.dialplan import AlreadyThere

if TYPE_CHECKING:
    from dialplan.engine import Engine

_ADD_EXTENSION = "dialplan add extension <exten>,<priority>,<app> into <context> [replace]"
_REMOVE_EXTENSION = "dialplan remove extension exten[/cid]@context [priority]"


class PlanCommands:
    """The commands, over one engine; ``save`` writes the plan to a path, or to its file, and gives the path."""

    def __init__(self, engine: Engine, editor: PlanEditor, save: Callable[[str], Awaitable[str]]) -> None:
        self._engine = engine
        self._editor = editor
        self._save = save

    def register(self, cli: CommandRegistry) -> Callable[[], None]:
        """Offer the commands; the result withdraws them."""
        table = (
            Command(
                "dialplan add extension",
                _ADD_EXTENSION,
                "Add new extension into context",
                self.add_extension,
                self._after("into", ("replace",)),
            ),
            Command(
                "dialplan remove extension",
                _REMOVE_EXTENSION,
                "Remove a specified extension",
                self.remove_extension,
                self._places,
            ),
            Command(
                "dialplan remove context",
                "dialplan remove context <context>",
                "Remove a specified context",
                self.remove_context,
                lambda words: self._contexts() if len(words) == 1 else (),
            ),
            Command(
                "dialplan add ignorepat",
                "dialplan add ignorepat <pattern> into <context>",
                "Add new ignore pattern",
                self.add_ignore_pattern,
                self._after("into"),
            ),
            Command(
                "dialplan remove ignorepat",
                "dialplan remove ignorepat <pattern> from <context>",
                "Remove ignore pattern from context",
                self.remove_ignore_pattern,
                self._after("from", names=self._ignored),
            ),
            Command(
                "dialplan add include",
                "dialplan add include <context> into <context>",
                "Include context in other context",
                self.add_include,
                self._after("into", names=self._contexts),
            ),
            Command(
                "dialplan remove include",
                "dialplan remove include <context> from <context>",
                "Remove a specified include from context",
                self.remove_include,
                self._after("from", names=self._included),
            ),
            Command(
                "dialplan save",
                "dialplan save [/path/to/extension/file]",
                "Save current dialplan into a file",
                self.save,
            ),
        )
        return cli.register_all(table)

    # Completion

    def _contexts(self) -> list[str]:
        return [context.name for context in self._engine.contexts]

    def _included(self) -> list[str]:
        return [include.name for context in self._engine.contexts for include in context.includes]

    def _ignored(self) -> list[str]:
        return [pattern for context in self._engine.contexts for pattern in context.ignore_patterns]

    def _places(self, words: Sequence[str]) -> list[str]:
        if len(words) != 1 or "@" not in words[0]:
            return []
        return [f"{words[0].partition('@')[0]}@{name}" for name in self._contexts()]

    def _after(
        self, word: str, last: Sequence[str] = (), *, names: Callable[[], list[str]] | None = None
    ) -> Callable[[Sequence[str]], Sequence[str]]:
        """Completion of ``<name> into <context>``."""

        def complete(words: Sequence[str]) -> Sequence[str]:
            match len(words):
                case 1:
                    return () if names is None else names()
                case 2:
                    return (word,)
                case 3:
                    return self._contexts()
                case 4:
                    return last
            return ()

        return complete

    # Extensions

    def add_extension(self, words: Sequence[str]) -> str:
        """``dialplan add extension``: ``app``, ``app(data)`` or ``app,data``."""
        if len(words) not in (3, 4) or words[1] != "into" or (len(words) == 4 and words[3] != "replace"):
            raise UsageError
        exten, _, rest = words[0].partition(",")
        shown, _, call = rest.partition(",")
        if not exten or not shown or not call:
            raise UsageError
        priority = self._priority(shown)
        application, data = _application(call)
        name, slash, caller = exten.partition("/")
        context, replace = words[2], len(words) == 4
        notes = ""
        if self._engine.contexts.context(context) is None:
            notes = f"Context '{context}' did not exist prior to add extension - the context will be created.\n"
        try:
            self._editor.add_extension(
                context,
                name,
                priority,
                application,
                data,
                caller_match=caller if slash else None,
                replace=replace,
            )
        except AlreadyThere:
            raise CommandError(f"Extension {name}@{context} with priority {shown} already exists") from None
        call = f"{name},{shown},{application}({data})"
        if replace:
            return f"{notes}Extension {name}@{context} ({shown}) replace by '{call}'"
        return f"{notes}Extension '{call}' added into '{context}' context"

    @staticmethod
    def _priority(text: str) -> int:
        if text == "hint":
            return HINT_PRIORITY
        if not text.isdecimal() or int(text) < 1:
            raise UsageError(f"'{text}' is not a valid priority")
        return int(text)

    def remove_extension(self, words: Sequence[str]) -> str:
        """``dialplan remove extension``."""
        if len(words) not in (1, 2):
            raise UsageError
        priority = 0
        if len(words) == 2:
            if words[1] != "hint" and not words[1].isdecimal():
                raise CommandError(f"Invalid priority '{words[1]}'")
            priority = HINT_PRIORITY if words[1] == "hint" else int(words[1])
            if not priority:
                raise CommandError("If you want to remove whole extension, please omit priority argument")
        exten, _, context = words[0].partition("@")
        name, slash, caller = exten.partition("/")
        if not name or not context or "@" in context:
            raise CommandError(f"Missing extension or context name in third argument '{words[0]}'")
        if not self._editor.remove_extension(context, name, priority, caller_match=caller if slash else None):
            raise CommandError(f"Failed to remove extension {exten}@{context}")
        if priority:
            return f"Extension {name}@{context} with priority {priority} removed"
        return f"Whole extension {name}@{context} removed"

    def remove_context(self, words: Sequence[str]) -> str:
        """``dialplan remove context``."""
        if len(words) != 1:
            raise UsageError
        if not self._editor.remove_context(words[0]):
            return f"There is no such context as '{words[0]}'"
        return f"Removed context '{words[0]}'"

    # Includes and ignore patterns

    def add_include(self, words: Sequence[str]) -> str:
        """``dialplan add include``."""
        what, where = _pair(words, "into")
        notes = ""
        if self._engine.contexts.context(where) is None:
            notes = f"Context '{where}' did not exist prior to add include - the context will be created.\n"
        self._editor.add_include(where, what)
        return f"{notes}Context '{what}' included in '{where}' context"

    def remove_include(self, words: Sequence[str]) -> str:
        """``dialplan remove include``."""
        what, where = _pair(words, "from")
        if not self._editor.remove_include(where, what):
            raise CommandError(f"Failed to remove '{what}' include from '{where}' context")
        return f"We are not including '{what}' into '{where}' now"

    def add_ignore_pattern(self, words: Sequence[str]) -> str:
        """``dialplan add ignorepat``."""
        what, where = _pair(words, "into")
        self._editor.add_ignore_pattern(where, what)
        return f"Ignore pattern '{what}' added into '{where}' context"

    def remove_ignore_pattern(self, words: Sequence[str]) -> str:
        """``dialplan remove ignorepat``."""
        what, where = _pair(words, "from")
        if not self._editor.remove_ignore_pattern(where, what):
            raise CommandError(f"There is no existence of '{what}' ignore pattern in '{where}' context")
        return f"Ignore pattern '{what}' removed from '{where}' context"

    async def save(self, words: Sequence[str]) -> str:
        """``dialplan save``."""
        if len(words) > 1:
            raise UsageError
        written = await self._save(words[0] if words else "")
        return f"Dialplan successfully saved into '{written}'"


def _pair(words: Sequence[str], between: str) -> tuple[str, str]:
    if len(words) != 3 or words[1] != between:
        raise UsageError
    return words[0], words[2]


def _application(text: str) -> tuple[str, str]:
    if "(" in text and ")" in text:
        application, data, _ = split_call(text)
        return application, data
    application, _, data = text.partition(",")
    return application, data

"""``database ...``: the AstDB on the console; words and answers are Asterisk's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.astdb import AstDb, AstDbError
from pbx.cli.registry import Command, CommandError, CommandRegistry, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def register(registry: CommandRegistry, astdb: AstDb) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    commands = _Commands(astdb)
    return registry.register_all(commands.table())


class _Commands:
    def __init__(self, astdb: AstDb) -> None:
        self._astdb = astdb

    def table(self) -> list[Command]:
        return [
            Command("database show", "database show [family [keytree]]", "Shows database contents", self.show),
            Command("database showkey", "database showkey <keytree>", "Shows a key in all families", self.showkey),
            Command("database get", "database get <family> <key>", "Gets a database value", self.get),
            Command("database put", "database put <family> <key> <value>", "Adds or updates a value", self.put),
            Command("database del", "database del <family> <key>", "Removes a database key and its value", self.delete),
            Command(
                "database deltree", "database deltree <family> [keytree]", "Removes a family or keytree", self.deltree
            ),
        ]

    def show(self, arguments: Sequence[str]) -> str:
        if len(arguments) > 2:
            raise UsageError
        return _listing(self._astdb.show(*arguments))

    def showkey(self, arguments: Sequence[str]) -> str:
        (key,) = _exactly(1, arguments)
        return _listing(self._astdb.show_key(key))

    def get(self, arguments: Sequence[str]) -> str:
        family, key = _exactly(2, arguments)
        value = self._astdb.get(family, key)
        return "Database entry not found.\n" if value is None else f"Value: {value}\n"

    def put(self, arguments: Sequence[str]) -> str:
        family, key, value = _exactly(3, arguments)
        try:
            self._astdb.put(family, key, value)
        except AstDbError as error:
            raise CommandError(f"Failed to update entry: {error}") from error
        return "Updated database successfully\n"

    def delete(self, arguments: Sequence[str]) -> str:
        family, key = _exactly(2, arguments)
        if self._astdb.delete(family, key):
            return "Database entry removed.\n"
        return "Database entry could not be removed.\n"

    def deltree(self, arguments: Sequence[str]) -> str:
        if not 1 <= len(arguments) <= 2:
            raise UsageError
        removed = self._astdb.delete_tree(*arguments)
        return f"{removed} database entries removed.\n" if removed else "Database entries do not exist.\n"


def _exactly(count: int, arguments: Sequence[str]) -> Sequence[str]:
    if len(arguments) != count:
        raise UsageError
    return arguments


def _listing(entries: Sequence[tuple[str, str]]) -> str:
    lines = [f"{path:<50}: {value:<25}\n" for path, value in entries]
    return "".join(lines) + f"{len(entries)} results found.\n"

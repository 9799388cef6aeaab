"""func_db: DB, DB_EXISTS, DB_DELETE, DB_KEYS, DB_KEYCOUNT over the AstDB."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, function
from pbx.core.channel import Channel

#: Where a call keeps what DB_EXISTS found, as Asterisk does.
RESULT = "DB_RESULT"


def _place(text: str, name: str) -> tuple[str, str]:
    family, slash, key = text.partition("/")
    if not slash or not family or not key:
        raise ArgumentError(f"{name} requires an argument, {name}(<family>/<key>)")
    return family, key


class DatabaseModule(DialplanModule):
    """The DB functions."""

    name = "func_db"
    description = "Database (astdb) related dialplan functions"

    def _found(self, channel: Channel | None, value: str | None) -> None:
        if channel is not None and value is not None:
            channel.set_variable(RESULT, value)

    @function(
        "DB",
        "family/key",
        synopsis="Read from or write to the Asterisk database.",
        description="The value read is left in DB_RESULT, too. An entry that is not there reads as empty.",
        capability="system",
    )
    def func_db(self, channel: Channel | None, args: Arguments) -> str:
        value = self.server.astdb.get(*_place(args.raw, "DB"))
        self._found(channel, value)
        return value or ""

    @func_db.writer
    def set_db(self, channel: Channel | None, args: Arguments, value: str) -> None:
        family, key = _place(args.raw, "DB")
        self.server.astdb.put(family, key, value)

    @function(
        "DB_EXISTS",
        "family/key",
        synopsis="Check to see if a key exists in the Asterisk database.",
        description="1 or 0; the value is left in DB_RESULT.",
    )
    def func_db_exists(self, channel: Channel | None, args: Arguments) -> str:
        value = self.server.astdb.get(*_place(args.raw, "DB_EXISTS"))
        self._found(channel, value)
        return "0" if value is None else "1"

    @function(
        "DB_DELETE",
        "family/key",
        synopsis="Return a value from the database and delete it.",
        description="The value is left in DB_RESULT, too.",
        capability="system",
    )
    def func_db_delete(self, channel: Channel | None, args: Arguments) -> str:
        family, key = _place(args.raw, "DB_DELETE")
        value = self.server.astdb.get(family, key)
        if value is not None:
            self.server.astdb.delete(family, key)
        self._found(channel, value or "")
        return value or ""

    @func_db_delete.writer
    def set_db_delete(self, channel: Channel | None, args: Arguments, value: str) -> None:
        self.func_db_delete(channel, args)

    @function(
        "DB_KEYS",
        "[prefix]",
        synopsis="Obtain a list of keys within the Asterisk database.",
        description="The names one level below the prefix, divided by commas; commas in them get a backslash.",
    )
    def func_db_keys(self, channel: Channel | None, args: Arguments) -> str:
        return ",".join(key.replace("\\", "\\\\").replace(",", "\\,") for key in self._keys(args.raw))

    @function(
        "DB_KEYCOUNT",
        "[prefix]",
        synopsis="Obtain the number of keys at a prefix within the Asterisk database.",
        description="The names one level below the prefix count.",
    )
    def func_db_keycount(self, channel: Channel | None, args: Arguments) -> str:
        return str(len(self._keys(args.raw)))

    def _keys(self, text: str) -> list[str]:
        prefix = text.strip("/")
        family, _, key = prefix.partition("/")
        level = f"/{prefix}/" if prefix else "/"
        names: list[str] = []
        last = ""
        for path, _value in self.server.astdb.show(family, key):
            name = path[len(level) :].partition("/")[0] if path.startswith(level) else ""
            # As Asterisk does, a name is left out that differs from the one before it by the case of letters only.
            if name.lower() != last.lower():
                names.append(name)
                last = name
        return names

"""Channel and global variables: the built-in ones, inheritance by underscores, and the order of look-up.

Order (as pbx_retrieve_variable): built-in names of the channel, then the channel's own variables, then globals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pbx.core.hints import split_hint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.core.channel_record import ChannelRecord

#: Asterisk's names for a variable longer than this are cut; a bound on what one write may cost us.
MAX_VALUE = 1 << 20


def plain_name(name: str) -> str:
    """A variable's name without its inheritance marks."""
    if name.startswith("__"):
        return name[2:]
    if name.startswith("_"):
        return name[1:]
    return name


def whole_utf8(value: str) -> str:
    """A value as events tell it: bytes that are no UTF-8, kept as surrogates, become U+FFFD."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class VariableStore:
    """A set of variables; names keep their underscores internally so that inheritance can be told.

    A value can be pushed over another one of the same name, which is back once the newer one is removed: what is
    local to a subroutine.
    """

    __slots__ = ("_hidden", "_marks", "_values")

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._marks: dict[str, str] | None = None
        #: The values under others, with their marks, the oldest first.
        self._hidden: dict[str, list[tuple[str, str]]] | None = None

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def set(self, name: str, value: str) -> str:
        """Set by a name that may begin with ``_`` (inherited once) or ``__`` (always); gives the plain name."""
        if name.startswith("_"):
            plain = plain_name(name)
            if self._marks is None:
                self._marks = {}
            self._marks[plain] = name[: len(name) - len(plain)]
        else:
            plain = name
            if self._marks is not None:
                self._marks.pop(plain, None)
        self._values.pop(plain, None)
        self._values[plain] = value
        return plain

    def blank(self, names: Iterable[str]) -> None:
        """`set` several to the empty string, by plain names."""
        values = self._values
        for name in names:
            values.pop(name, None)
            values[name] = ""
            if self._marks is not None:
                self._marks.pop(name, None)

    def push(self, name: str, value: str) -> str:
        """`set`, over the value there is, if any."""
        plain = plain_name(name)
        held = self._values.get(plain)
        if held is not None:
            if self._hidden is None:
                self._hidden = {}
            mark = self._marks.get(plain, "") if self._marks is not None else ""
            self._hidden.setdefault(plain, []).append((held, mark))
        return self.set(name, value)

    def peek(self, name: str, depth: int) -> str | None:
        """The value that ``depth`` others of that name are over."""
        if depth <= 0:
            return self._values.get(name)
        hidden = () if self._hidden is None else self._hidden.get(name, ())
        return hidden[-depth][0] if depth <= len(hidden) else None

    def remove(self, name: str) -> str | None:
        """Take a value away, which brings back the one under it; gives what it was."""
        value = self._values.pop(name, None)
        if self._marks is not None:
            self._marks.pop(name, None)
        hidden = None if self._hidden is None else self._hidden.get(name)
        if hidden and self._hidden is not None:
            below, mark = hidden.pop()
            if not hidden:
                del self._hidden[name]
            self.set(mark + name, below)
        return value

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Plain names and values, what was set last first, as Asterisk lists them."""
        return iter([*reversed(self._values.items())])

    def marked(self) -> Iterator[tuple[str, str]]:
        """As iterating, with the marks in front of the names."""
        marks = self._marks or {}
        return ((marks.get(name, "") + name, value) for name, value in self)

    def __len__(self) -> int:
        return len(self._values)

    def inherited(self) -> Iterator[tuple[str, str]]:
        """What a child channel gets: names with the marks they have there; a hidden value where the newest has none."""
        marks = self._marks or {}
        for plain, value in self:
            if plain in marks:
                yield _handed_down(plain, marks[plain]), value
        for plain, hidden in (self._hidden or {}).items():
            if plain not in marks:
                found = next(((value, mark) for value, mark in reversed(hidden) if mark), None)
                if found is not None:
                    yield _handed_down(plain, found[1]), found[0]


def _handed_down(plain: str, mark: str) -> str:
    """The name that a variable of that mark has in a child."""
    return plain if mark == "_" else f"__{plain}"


def _context(channel: ChannelRecord) -> str:
    return channel.context


#: Built-in variables of a channel; a value of None is that of an unset variable.
BUILTINS: dict[str, Callable[[ChannelRecord], str | None]] = {
    "CONTEXT": _context,
    "EXTEN": lambda channel: channel.exten,
    "PRIORITY": lambda channel: str(channel.priority),
    "CHANNEL": lambda channel: channel.name,
    "UNIQUEID": lambda channel: channel.uniqueid,
    "HANGUPCAUSE": lambda channel: str(channel.hangup_cause),
    "HINT": lambda channel: _hint(channel)[0],
    "HINTNAME": lambda channel: _hint(channel)[1],
    "CALLINGPRES": lambda channel: str(channel.caller.id.presentation),
    "CALLINGANI2": lambda channel: str(channel.caller.ani2),
    "CALLINGTON": lambda channel: str(channel.caller.id.number_plan),
    "CALLINGTNS": lambda channel: str(channel.dialed.transit_network_select),
    "EPOCH": lambda channel: channel.channels.get_global("EPOCH"),
}


def _hint(channel: ChannelRecord) -> tuple[str | None, str | None]:
    """The devices and the name of the hint of the extension the channel is at."""
    finder = channel.channels.hints
    found = None if finder is None else finder.find_hint(channel.context, channel.exten)
    if found is None:
        return None, None
    devices, _devices, _presence, name = split_hint(found.text)
    return devices, name

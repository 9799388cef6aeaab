"""What functions share: variables by the name in an argument, numbers as C reads them, escapes in arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from dialplan.posix_regex import RegexError, compile_posix
from dialplan.registry import DialplanModule, FunctionError
from dialplan.variables import slice_value, split_slice
from pbx.core.channel import Channel
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.server import Server

log = Logger()
T = TypeVar("T")

Reading = str | Awaitable[str]
Writing = Awaitable[None] | None

_FLOAT = re.compile(r"\s*([+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan))", re.IGNORECASE)
_HEX_FLOAT = re.compile(r"\s*[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?", re.IGNORECASE)
_INT = re.compile(r"\s*([+-]?\d{1,30})")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9A-Fa-f]{1,2}")
_OCTAL = re.compile(r"[0-7]*")


def scan_int(text: str) -> int | None:
    """The integer a text begins with, as sscanf ``%d`` reads it: the low 32 bits of a long; None without one."""
    found = _INT.match(text)
    if found is None:
        return None
    number = max(-(1 << 63), min(int(found.group(1)), (1 << 63) - 1))
    return wrapped(number, 32)


def wrapped(number: int, bits: int) -> int:
    """What is left of a number in a signed integer of so many bits."""
    half = 1 << (bits - 1)
    return ((number + half) & ((1 << bits) - 1)) - half


def scan_float(text: str) -> float | None:
    """The number a text begins with, as sscanf ``%lf`` reads it; None without one."""
    found = _FLOAT.match(text)
    if found is None:
        return None
    if found.end() < len(text) and text[found.end()] in "xX" and (hexadecimal := _HEX_FLOAT.match(text)) is not None:
        try:
            return float.fromhex(hexadecimal.group().strip())
        except OverflowError:
            return math.inf
    return float(found.group(1))


def encoded_character(text: str, at: int = 0) -> tuple[str, int]:
    """One character of ``text``, perhaps escaped (``\\n \\r \\t \\xHH \\0OOO``), and the index behind it.

    Empty at the end of the text. Raises FunctionError for ``\\x`` without a digit (ast_get_encoded_char).
    """
    if at >= len(text):
        return "", at
    if text[at] != "\\" or at + 1 >= len(text):
        return text[at], at + 1
    letter = text[at + 1]
    if letter == "x":
        digits = _HEX.match(text, at + 2)
        if digits is None:
            raise FunctionError(f"illegal character in the hexadecimal escape of '{text}'")
        return chr(int(digits.group(), 16)), digits.end()
    if letter == "0":
        octal = _OCTAL.match(text, at + 2)
        end = at + 2 if octal is None else octal.end()
        return chr(int(text[at + 2 : end] or "0", 8) & 0xFF), end
    return _ESCAPES.get(letter, letter), at + 2


def decoded(text: str) -> str:
    """A text with its escapes replaced (ast_get_encoded_str)."""
    if "\\" not in text:
        return text
    found: list[str] = []
    at = 0
    while at < len(text):
        character, at = encoded_character(text, at)
        found.append(character)
    return "".join(found)


def narrow(text: str) -> str:
    """A text with a character for each of its bytes, for functions that look at bytes."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def widen(text: str) -> str:
    """The text that `narrow` took apart."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def delimiter(text: str, default: str = "") -> str:
    """The one character that an argument for a delimiter stands for."""
    return encoded_character(text)[0] if text else default


def then(value: Reading, use: Callable[[str], str]) -> Reading:
    """``use(value)``, at once where the value is there already."""
    return use(value) if isinstance(value, str) else _later(value, use)


async def _later(value: Awaitable[str], use: Callable[[str], str]) -> str:
    return use(await value)


def matcher(expression: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """What tells whether a text holds a match of a POSIX extended expression. Raises FunctionError."""
    try:
        compiled = compile_posix(expression, ignore_case=ignore_case)
    except RegexError as error:
        raise FunctionError(f"malformed regular expression '{expression}': {error}") from None
    return lambda text: compiled.search(text.encode("utf-8", "surrogateescape")) is not None


class FunctionModule(DialplanModule):
    """A module of functions that name variables in their arguments."""

    def value_of(self, channel: Channel | None, name: str) -> Reading:
        """What ``${name}`` is: a variable, a slice of one, or a function; empty where there is none.

        A function that fails is told in the log, and is empty too.
        """
        plain, offset, length, sliced = split_slice(name)
        if plain.endswith(")") and "(" in plain:
            try:
                value = self.registry().read(channel, plain)
            except ObeliskError as error:
                self._tell(plain, error)
                return ""
            if not isinstance(value, str):
                value = self._read(value, plain)
            return then(value, lambda found: slice_value(found, offset, length)) if sliced else value
        found = self.server.channels.globals.get(plain) if channel is None else channel.get_variable(plain)
        if not found:
            return ""
        return slice_value(found, offset, length) if sliced else found

    def then_value(self, channel: Channel | None, name: str, use: Callable[[str], str]) -> Reading:
        """``use`` of `value_of`."""
        return then(self.value_of(channel, name), use)

    def set_value(self, channel: Channel | None, name: str, value: str) -> Writing:
        """Set ``name``: a function, or a variable of the channel, or a global one without a channel.

        A function that cannot be written is told in the log, and is no failure of the one that asks for it.
        """
        if name.endswith(")") and "(" in name:
            try:
                waiting = self.registry().write(channel, name, value)
            except ObeliskError as error:
                self._tell(name, error)
                return None
            return None if waiting is None else self._written(waiting, name)
        if channel is None:
            self.server.channels.set_global(name, value)
        else:
            channel.set_variable(name, value)
        return None

    async def _written(self, waiting: Awaitable[None], name: str) -> None:
        try:
            await waiting
        except ObeliskError as error:
            self._tell(name, error)

    async def _read(self, waiting: Awaitable[str], name: str) -> str:
        try:
            return await waiting
        except ObeliskError as error:
            self._tell(name, error)
            return ""

    def _tell(self, expression: str, error: ObeliskError) -> None:
        log.warn("{name}: {expression}: {reason}", name=self.name, expression=expression, reason=str(error))


async def wait_within(channel: Channel, waiting: Deferred[T]) -> T:
    """Wait in a function, which has a deadline of its own: a hangup or redirect cuts in, but not after the hangup.

    Functions work in ``h`` and in hangup handlers. Raises ChannelInterrupted.
    """
    return await (waiting if channel.hangup_requested else channel.wait_for(waiting))


async def in_thread(server: Server, call: Callable[[], T]) -> T:
    """The result of a call that blocks, from a thread of the reactor's pool, or at once where time is virtual."""
    reactor = server.reactor
    pool = getattr(reactor, "getThreadPool", None)
    if pool is None:
        return await maybeDeferred(call)
    from twisted.internet.threads import deferToThreadPool

    return await deferToThreadPool(reactor, pool(), call)


def live(channel: Channel | None, name: str) -> Channel:
    """``channel``. Raises FunctionError when there is none."""
    if channel is None:
        raise FunctionError(f"No channel was provided to {name} function")
    return channel


def write_only(name: str) -> FunctionError:
    """What reading a function that can only be written raises."""
    return FunctionError(f"Function {name} cannot be read")

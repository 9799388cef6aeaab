"""Variables by the names scripts and dialplans use: plain names, slices ``NAME:offset:length`` and functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from twisted.logger import Logger

from dialplan.registry import NothingThere
from pbx.core.channel import settle
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.registry import Registry
    from pbx.core.channel import Channel

log = Logger()
T = TypeVar("T", str, bytes)

#: Bytes of a value that a read gives (Asterisk's buffer of 4096 less its terminator).
MAX_READ = 4095


_SLICE = re.compile(r"\s*([+-]?\d{1,30})(?::\s*([+-]?\d{1,30}))?", re.ASCII)
_MARKS = re.compile(r"[():]")


def slice_value(value: str, offset: int, length: int | None) -> str:
    """What ``${NAME:offset:length}`` means: a negative offset counts from the end, a negative length leaves off.

    Both count bytes.
    """
    if value.isascii():
        return _sliced(value, offset, length)
    return _sliced(value.encode("utf-8", "surrogateescape"), offset, length).decode("utf-8", "surrogateescape")


def _sliced(value: T, offset: int, length: int | None) -> T:
    if offset < 0:
        offset = max(0, len(value) + offset)
    rest = value[offset:]
    if length is None:
        return rest
    return rest[:length] if length >= 0 else rest[: max(0, len(rest) + length)]


def split_slice(text: str) -> tuple[str, int, int | None, bool]:
    """``NAME:offset:length`` apart: the name, offset and length, whether there is something to cut.

    A colon inside parentheses does not count; without a number behind the first colon nothing is cut.
    """
    if ":" not in text:
        return text, 0, None, False
    depth = 0
    for mark in _MARKS.finditer(text):
        character = mark[0]
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif not depth:
            numbers = _SLICE.match(text, mark.end())
            name = text[: mark.start()]
            if numbers is None:
                return name, 0, None, False
            length = numbers[2]
            return name, _int(numbers[1]), None if length is None else _int(length), True
    return text, 0, None, False


def _int(text: str) -> int:
    """As C stores it in an int."""
    wide = max(-(1 << 63), min((1 << 63) - 1, int(text)))
    return ((wide + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def retrieve(channel: Channel, name: str) -> str | None:
    """A plain variable, perhaps sliced; None when unset."""
    if ":" not in name:
        return channel.get_variable(name)
    plain, offset, length, sliced = split_slice(name)
    value = channel.get_variable(plain)
    if value is None or not sliced:
        return value
    return slice_value(value, offset, length)


def _name(channel: Channel | None) -> str:
    return "no channel" if channel is None else channel.name


async def read_expression(registry: Registry, channel: Channel | None, expression: str) -> str | None:
    """Read ``FUNC(args)``; a failure is logged and gives None."""
    try:
        return await settle(registry.read(channel, expression))
    except LookupError as error:
        log.error("{channel}: {reason}", channel=_name(channel), reason=str(error.args[0]))
    except NothingThere:
        pass
    except ObeliskError as error:
        log.warn("{channel}: {expression}: {reason}", channel=_name(channel), expression=expression, reason=str(error))
    return None


async def write_expression(registry: Registry, channel: Channel | None, expression: str, value: str) -> bool:
    """Write ``FUNC(args)``; a failure is logged and gives False."""
    try:
        waiting = registry.write(channel, expression, value)
        if waiting is not None:
            await waiting
        return True
    except LookupError as error:
        log.error("{channel}: {reason}", channel=_name(channel), reason=str(error.args[0]))
    except ObeliskError as error:
        log.warn("{channel}: {expression}: {reason}", channel=_name(channel), expression=expression, reason=str(error))
    return False

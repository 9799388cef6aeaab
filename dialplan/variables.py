"""Variables by the names scripts and dialplans use: plain names, slices ``NAME:offset:length`` and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.channel import settle
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.registry import Registry
    from pbx.core.channel import Channel

log = Logger()

#: Bytes of a value that a read gives (Asterisk's buffer of 4096 less its terminator).
MAX_READ = 4095


def slice_value(value: str, offset: int, length: int | None) -> str:
    """What ``${NAME:offset:length}`` means: a negative offset counts from the end, a negative length leaves off."""
    if offset < 0:
        offset = max(0, len(value) + offset)
    rest = value[offset:]
    if length is None:
        return rest
    return rest[:length] if length >= 0 else rest[: max(0, len(rest) + length)]


def split_slice(name: str) -> tuple[str, int, int | None, bool]:
    """``NAME:offset:length`` apart: name, offset, length, and whether there was a slice at all."""
    depth = 0
    for at, character in enumerate(name):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == ":" and not depth:
            parts = name[at + 1 :].split(":", 1)
            offset = _number(parts[0])
            length = _number(parts[1]) if len(parts) > 1 else None
            return name[:at], offset or 0, length, True
    return name, 0, None, False


def _number(text: str) -> int | None:
    """A leading integer as C's sscanf reads one, or None."""
    text = text.strip()
    end = 1 if text[:1] in ("-", "+") else 0
    while end < len(text) and text[end].isdecimal():
        end += 1
    try:
        return int(text[:end])
    except ValueError:
        return None


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

"""Places in the dialplan as arguments name them, ``[[context,]extension,]priority``, read as by pbx_parse_location."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dialplan.arguments import ArgumentError

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from pbx.core.channel import Channel

#: Context, extension and priority.
Place = tuple[str, str, int]

_NUMBER = re.compile(r"[+-]?\d{1,30}\s*\Z", re.ASCII)
MAX_PRIORITY = (1 << 31) - 1


def split_location(channel: Channel, text: str) -> tuple[str, str, str]:
    """Context, extension and the text of the priority; what is left out is where ``channel`` is."""
    parts = [part.strip() for part in text.split(",", 2)]
    if len(parts) == 3:
        # Whatever follows the priority means nothing.
        parts[2] = parts[2].partition(",")[0].strip()
    context = parts[0] if len(parts) == 3 else ""
    exten = parts[-2] if len(parts) > 1 else ""
    return context or channel.context, exten or channel.exten, parts[-1]


def go_to(engine: Engine, channel: Channel, text: str) -> Place:
    """Go on at a place, and give it. Raises ArgumentError."""
    place = parse_location(engine, channel, text)
    engine.goto(channel, *as_named(text, place))
    return place


def as_named(text: str, place: Place) -> tuple[str | None, str | None, int]:
    """A place with None for what ``text`` does not name: that stays as it is (ast_parseable_goto)."""
    parts = ("", "", *(part.strip() for part in text.split(",", 2)))
    return place[0] if parts[-3] else None, place[1] if parts[-2] else None, place[2]


def parse_location(engine: Engine, channel: Channel, text: str) -> Place:
    """A place, whose priority may be a label, or be relative to the present one (``+2``). Raises ArgumentError."""
    if not text.strip():
        raise ArgumentError("an argument is required: ([[context,]extension,]priority)")
    context, exten, priority = split_location(channel, text)
    sign = priority[:1] if priority[:1] in ("+", "-") else ""
    number: int | None
    if _NUMBER.match(priority[len(sign) :]):
        number = int(priority[len(sign) :])
        if sign:
            number = channel.priority + (number if sign == "+" else -number)
    else:
        number = engine.contexts.find_label(context, exten, priority[len(sign) :], channel.caller.id.number)
    if number is None or not 0 < number <= MAX_PRIORITY:
        raise ArgumentError(f"priority '{priority}' of '{text}' must be a number > 0, or a valid label")
    return context, exten, number

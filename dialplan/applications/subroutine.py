"""Running a Gosub on a channel that an application holds, and waiting for its Return."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.engine import Engine
from pbx.core.channel import Channel

log = Logger()


def subroutine_of(channel: Channel, text: str) -> str:
    """``[[context^]exten^]priority[(arg1^arg2)]`` as Gosub takes it, with what is left out from ``channel``."""
    place, parenthesis, arguments = text.partition("(")
    parts = [part.strip() for part in place.replace("^", ",").split(",")]
    context = parts[-3] if len(parts) > 2 and parts[-3] else channel.context
    exten = parts[-2] if len(parts) > 1 and parts[-2] else channel.exten
    return f"{context},{exten},{parts[-1]}" + (f"({arguments.replace('^', ',')}" if parenthesis else "")


async def run_subroutine(engine: Engine, channel: Channel, location: str) -> bool:
    """Run ``context,exten,priority(args)`` on ``channel`` to its Return; whether it returned. Never raises."""
    log.warn(
        "{channel}: Cannot run 'Gosub({location})'. The app_stack module is not available.",
        channel=channel.name,
        location=location,
    )
    return False

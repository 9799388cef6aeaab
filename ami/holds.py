"""Events kept back until a reply.

What an action causes while it runs follows its reply; the events of a call that an Originate waits for follow that
reply, whenever it comes. Functions and not a class of their own, as an event is offered to every session's holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ami.events.event import Event

#: Bytes of events kept back until a reply; beyond, they go out before it.
MAX_HELD_BYTES = 1 << 20


class Hold:
    """Events kept back until a reply: all of them while ``linkedid`` is None, then those of that call."""

    __slots__ = ("data", "linkedid", "size")

    def __init__(self) -> None:
        self.linkedid: str | None = None
        self.data: list[bytes] = []
        self.size = 0


def keep_back(holds: Iterable[Hold], event: Event) -> bool:
    """Whether one of ``holds`` has taken the event."""
    for hold in holds:
        if hold.linkedid is None or (hold.linkedid == event.linkedid and hold.linkedid):
            hold.size += len(event.data)
            if hold.size > MAX_HELD_BYTES:
                continue
            hold.data.append(event.data)
            return True
    return False


def hold_call(holds: list[Hold], linkedid: str) -> Hold:
    """Keep this call's events back from now on, with what the action that runs now has caused so far."""
    hold = Hold()
    hold.linkedid = linkedid
    current = next((each for each in holds if each.linkedid is None), None)
    if current is not None:
        hold.data, current.data = current.data, []
        hold.size = current.size
    holds.append(hold)
    return hold

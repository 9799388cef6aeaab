"""Events: what the bus says, as manager clients read it."""

from __future__ import annotations

from ami.events import agi, bridges, channels, records, states, system
from ami.events.encoders import Encoder
from ami.events.event import Event, EventMaker
from ami.events.stream import EventStream

#: Every encoder there is.
ENCODERS: tuple[Encoder, ...] = (
    *channels.TABLE.encoders,
    *bridges.TABLE.encoders,
    *states.TABLE.encoders,
    *system.TABLE.encoders,
    *agi.TABLE.encoders,
    *records.TABLE.encoders,
)

__all__ = ["ENCODERS", "Encoder", "Event", "EventMaker", "EventStream"]

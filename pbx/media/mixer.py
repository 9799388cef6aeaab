"""Ports on two bridges as if they were on one: what can be wideband is, and nothing is resampled that need not be.

A port belongs to what it is connected with. Ports that are connected, directly or through others, are on one bridge:
the 16 kHz bridge when a wideband stream (G.722) is among them and no narrowband one, else the 8 kHz bridge. So two
G.722 phones hear each other in full, G.711 calls cost no resampling, and a mixture is narrowband for all. A wideband
port that is left alone goes back.

Measured, per leg of a two-party call with both directions flowing: G.722 among themselves costs three times what G.711
costs, G.722 mixed with G.711 seven times. On one 16 kHz bridge for all, G.711 would cost five times as much.

Pure bookkeeping over two `Mixable` bridges.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

#: Port numbers that stand for something in every bridge: a sink that consumes in real time, a source of silence.
NULL = 0
SILENCE = 1
_CONSTANT = (NULL, SILENCE)


class Band(Enum):
    """What a port is best mixed as. EITHER goes along with the others: files and recordings."""

    NARROW = "narrow"
    WIDE = "wide"
    EITHER = "either"


class Mixable(Protocol):
    """A bridge, as `pbx.media._native.conference.Bridge` is one."""

    @property
    def silence_slot(self) -> int: ...
    @property
    def ports(self) -> int: ...
    @property
    def connections(self) -> int: ...
    def add(self, port: Any, name: bytes) -> int: ...
    def remove(self, slot: int) -> None: ...
    def connect(self, source: int, sink: int) -> None: ...
    def disconnect(self, source: int, sink: int) -> None: ...
    def level_to(self, slot: int) -> int: ...


class _Port:
    __slots__ = ("band", "bridge", "handle", "hears_silence", "into_null", "name", "sinks", "slot", "sources")

    def __init__(self, handle: Any, name: bytes, band: Band, bridge: Mixable, slot: int) -> None:
        self.handle = handle
        self.name = name
        self.band = band
        self.bridge = bridge
        self.slot = slot
        self.sources: set[_Port] = set()
        self.sinks: set[_Port] = set()
        self.into_null = False
        self.hears_silence = False


class Mixer:
    """Numbers ports, and keeps each on the right bridge. Without a wide bridge everything is narrow."""

    def __init__(self, narrow: Mixable, wide: Mixable | None) -> None:
        self._narrow = narrow
        self._wide = wide
        self._ports: dict[int, _Port] = {}
        self._last = max(_CONSTANT)

    def add(self, handle: Any, name: bytes, band: Band) -> int:
        """Put a port on its bridge and return its number, which no other port ever has."""
        bridge = self._home(band)
        self._last += 1
        self._ports[self._last] = _Port(handle, name, band, bridge, bridge.add(handle, name))
        return self._last

    def remove(self, number: int) -> None:
        """Take a port out with its connections. The bridge lets go of it at its next tick."""
        port = self._ports.pop(number)
        port.bridge.remove(port.slot)
        for source in port.sources:
            source.sinks.discard(port)
        for sink in port.sinks:
            sink.sources.discard(port)
        for other in (port.sources | port.sinks) - {port}:
            self._go_home(other)

    def connect(self, source: int, sink: int) -> None:
        """``source`` SILENCE and ``sink`` NULL stand for the bridge's own. Connecting twice counts once."""
        if sink == NULL:
            port = self._ports[source]
            if not port.into_null:
                port.into_null = True
                port.bridge.connect(port.slot, NULL)
            return
        listener = self._ports[sink]
        if source == SILENCE:
            if not listener.hears_silence:
                listener.hears_silence = True
                listener.bridge.connect(listener.bridge.silence_slot, listener.slot)
            return
        speaker = self._ports[source]
        if listener in speaker.sinks:
            return
        if speaker.bridge is not listener.bridge:
            self._unite(speaker, listener)
        speaker.sinks.add(listener)
        listener.sources.add(speaker)
        speaker.bridge.connect(speaker.slot, listener.slot)

    def disconnect(self, source: int, sink: int) -> None:
        if sink == NULL:
            port = self._ports[source]
            if port.into_null:
                port.into_null = False
                port.bridge.disconnect(port.slot, NULL)
            return
        listener = self._ports[sink]
        if source == SILENCE:
            if listener.hears_silence:
                listener.hears_silence = False
                listener.bridge.disconnect(listener.bridge.silence_slot, listener.slot)
            return
        speaker = self._ports[source]
        if listener in speaker.sinks:
            speaker.sinks.discard(listener)
            listener.sources.discard(speaker)
            speaker.bridge.disconnect(speaker.slot, listener.slot)
            self._go_home(speaker)
            self._go_home(listener)

    def level_to(self, number: int) -> int:
        """Level of the last tick's audio to a port: 0 to 255, on the u-law scale."""
        port = self._ports[number]
        return port.bridge.level_to(port.slot)

    def is_wide(self, number: int) -> bool:
        return self._ports[number].bridge is self._wide

    @property
    def ports(self) -> int:
        """Ports on the bridges as these see it: removals count after the next tick."""
        return sum(bridge.ports for bridge in self._bridges())

    @property
    def connections(self) -> int:
        return sum(bridge.connections for bridge in self._bridges())

    def _bridges(self) -> tuple[Mixable, ...]:
        return (self._narrow,) if self._wide is None else (self._narrow, self._wide)

    def _home(self, band: Band) -> Mixable:
        return self._wide if band is Band.WIDE and self._wide is not None else self._narrow

    def _go_home(self, port: _Port) -> None:
        """A wideband port that nothing is connected to any more is wideband again."""
        if port.band is Band.WIDE and not port.sources and not port.sinks and port.bridge is not self._home(port.band):
            self._move({port}, self._home(port.band))

    def _unite(self, one: _Port, other: _Port) -> None:
        """Bring two sets of connected ports, one on each bridge, onto the same."""
        if one.bridge is self._wide:
            one, other = other, one
        if any(port.band is Band.NARROW for port in self._connected(one)):
            self._move(self._connected(other), self._narrow)
        elif self._wide is not None:
            self._move(self._connected(one), self._wide)

    @staticmethod
    def _connected(port: _Port) -> set[_Port]:
        found, waiting = {port}, [port]
        while waiting:
            one = waiting.pop()
            new = (one.sources | one.sinks) - found
            found |= new
            waiting += new
        return found

    @staticmethod
    def _move(ports: set[_Port], target: Mixable) -> None:
        """Move ports that are connected with each other only. Removed first, so no tick sees a port on both bridges."""
        for port in ports:
            port.bridge.remove(port.slot)
        for port in ports:
            port.bridge, port.slot = target, target.add(port.handle, port.name)
        for port in ports:
            if port.into_null:
                target.connect(port.slot, NULL)
            if port.hears_silence:
                target.connect(target.silence_slot, port.slot)
            for sink in port.sinks:
                target.connect(port.slot, sink.slot)

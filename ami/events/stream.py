"""The stream of events: reads the bus as far as some session wants it, encodes once, hands to those who take it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ami.events.encoders import Encode, Encoder
from ami.events.event import Event, EventMaker
from pbx.bus import Bus, Subscription
from pbx.core.channel import Channel
from pbx.core.messages import ChannelChanged


class Taker(Protocol):
    """A session as the stream sees it."""

    #: The classes of which the session gets events: those it may read and has asked for.
    event_mask: int

    def deliver(self, event: Event) -> None:
        """Take an event whose classes are all in ``event_mask``. Must not raise, wait or write."""


class EventStream:
    """Subscribed to the bus only for messages that become events some session takes."""

    def __init__(self, bus: Bus, encoders: Iterable[Encoder], channels: Iterable[Channel]) -> None:
        self._bus = bus
        self._channels = channels
        self._encoders = tuple(encoders)
        self._bits = frozenset(bits for encoder in self._encoders for bits in encoder.bits)
        self._takers: list[Taker] = []
        self._by_bits: dict[int, tuple[Taker, ...]] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._maker: EventMaker | None = None
        #: Events made since the start.
        self.made = 0

    def use(self, maker: EventMaker) -> None:
        """Make events with ``maker`` from now on (after a reload)."""
        self._maker = maker
        self.refresh()

    @property
    def encoders(self) -> Sequence[Encoder]:
        return self._encoders

    def add(self, taker: Taker) -> None:
        """Deliver to ``taker`` as well."""
        self._takers.append(taker)
        self.refresh()

    def remove(self, taker: Taker) -> None:
        """Deliver to ``taker`` no longer; no error when it was not there."""
        if taker in self._takers:
            self._takers.remove(taker)
            self.refresh()

    def refresh(self) -> None:
        """Take note of changed masks."""
        self._by_bits = {}
        maker = self._maker
        if maker is None:
            return
        maker.wanted_bits = frozenset(bits for bits in self._bits if self._takers_of(bits))
        for number, encoder in enumerate(self._encoders):
            wanted = any(bits in maker.wanted_bits for bits in encoder.bits)
            if wanted and number not in self._subscriptions:
                if encoder.kind is ChannelChanged and not self._bus.wanted(ChannelChanged):
                    for channel in self._channels:
                        channel.catch_up()
                self._subscriptions[number] = self._bus.subscribe(encoder.kind, self._reader(encoder.encode))
            elif not wanted and number in self._subscriptions:
                self._subscriptions.pop(number).cancel()

    def stop(self) -> None:
        """Leave the bus."""
        self._takers.clear()
        self.refresh()

    def _takers_of(self, bits: int) -> tuple[Taker, ...]:
        takers = self._by_bits.get(bits)
        if takers is None:
            takers = tuple(taker for taker in self._takers if taker.event_mask & bits == bits)
            self._by_bits[bits] = takers
        return takers

    def _reader(self, encode: Encode) -> Callable[[Any], None]:
        def read(message: Any) -> None:
            maker = self._maker
            if maker is None:
                return
            made = encode(maker, message)
            if made is None:
                return
            if made.__class__ is Event:
                self.publish(made)
                return
            for event in made:  # type: ignore[union-attr]  # an Event was dealt with above
                if event is not None:
                    self.publish(event)

        return read

    def publish(self, event: Event) -> None:
        """Hand an event to every session that takes its classes."""
        self.made += 1
        for taker in self._takers_of(event.bits):
            taker.deliver(event)

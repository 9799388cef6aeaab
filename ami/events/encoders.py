"""The table of encoders: which message of the bus becomes which events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ami.events.event import Event, EventMaker

M = TypeVar("M")

#: Gives the events of one message: one, none, or several in order.
Encode = Callable[["EventMaker", Any], "Event | Iterable[Event | None] | None"]


@dataclass(frozen=True, slots=True)
class Encoder:
    """``kind`` is the bus message's class, ``bits`` the class sets its events have, ``events`` their names."""

    kind: type
    bits: tuple[int, ...]
    events: tuple[str, ...]
    encode: Encode


class EncoderTable:
    """Encoders as their modules declare them."""

    def __init__(self) -> None:
        self.encoders: list[Encoder] = []

    def encodes(
        self, kind: type[M], *bits: int, events: tuple[str, ...]
    ) -> Callable[[Callable[[EventMaker, M], Any]], Callable[[EventMaker, M], Any]]:
        """Declare a function as the encoder of ``kind``."""

        def decorate(encode: Callable[[EventMaker, M], Any]) -> Callable[[EventMaker, M], Any]:
            self.encoders.append(Encoder(kind, bits, events, encode))
            return encode

        return decorate

"""What the blocks of app_while and app_if share: marks in channel variables, and the search for a block's end.

Both keep, as Asterisk does, in ``PREFIX_n`` where the n-th block begins, in ``context_exten_priority`` which number the
block at that place has, and in ``END_PREFIX_n`` where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.arguments import ArgumentError
from dialplan.locations import go_to

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from pbx.core.channel import Channel

log = Logger()


class Blocks:
    """The blocks of one kind on one channel."""

    __slots__ = ("_channel", "_engine", "_prefix", "last")

    def __init__(self, engine: Engine, channel: Channel, prefix: str) -> None:
        self._engine = engine
        self._channel = channel
        self._prefix = prefix
        #: The number of the innermost block that has begun, -1 where none has.
        self.last = -1
        while channel.get_variable(f"{prefix}_{self.last + 1}") is not None:
            self.last += 1

    @property
    def place(self) -> str:
        """The variable that keeps the number of the block where the channel is."""
        channel = self._channel
        return f"{channel.context}_{channel.exten}_{channel.priority}"

    def here(self) -> str:
        """The variable of the block that begins where the channel is; it gets the next number unless it has one."""
        number = self._channel.get_variable(self.place)
        if number is None:
            number = str(self.last + 1)
            self._channel.set_variable(self.place, number)
        return f"{self._prefix}_{number}"

    def innermost(self) -> str:
        """The variable of the innermost block."""
        return f"{self._prefix}_{self.last}"

    def at(self, offset: int = 0) -> str:
        """Where the channel is, or some priorities further, as a place."""
        channel = self._channel
        return f"{channel.context},{channel.exten},{channel.priority + offset}"

    def forget(self, variable: str) -> str | None:
        """The block is left: its variables go. Gives where it ends, if that is known by now."""
        channel = self._channel
        channel.unset_variable(variable)
        channel.unset_variable(self.place)
        end = channel.get_variable(f"END_{variable}")
        if end is not None:
            channel.unset_variable(f"END_{variable}")
        return end

    def jump(self, place: str) -> None:
        """Go on at a place that a variable had."""
        try:
            go_to(self._engine, self._channel, place)
        except ArgumentError as error:
            log.warn("{where}: {error}", where=self._engine.where(self._channel), error=str(error))

    def go(self, priority: int) -> None:
        """Go on at another priority of the extension."""
        channel = self._channel
        self._engine.goto(channel, None, None, priority)

    def following(self) -> Iterator[tuple[int, str]]:
        """The priorities behind the present one, each with its application in small letters, while there are any."""
        channel, contexts = self._channel, self._engine.contexts
        priority = channel.priority + 1
        while True:
            found = contexts.find(channel.context, channel.exten, priority, channel.caller.id.number, channel=channel)
            if found is None or found.step is None:
                return
            yield priority, found.step.application.lower()
            priority += 1

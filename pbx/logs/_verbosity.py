"""How much anybody wants to read, so that a call spends nothing on messages for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.logger import Logger


class Verbosity:
    """The highest verbose and debug levels that any sink wants now; kept by `LogManager`."""

    __slots__ = ("debug", "level")

    def __init__(self) -> None:
        self.level = 0
        self.debug = 0

    def wants(self, level: int) -> bool:
        return level <= self.level


#: Process wide, as Twisted's log publisher that it stands before.
verbosity = Verbosity()


class CallGroups:
    """Which calls' verbose messages are read: all, or those of the groups that ``logger filter`` has enabled."""

    __slots__ = ("enabled", "of_call")

    def __init__(self) -> None:
        #: Empty: no filter. In the order in which they were enabled.
        self.enabled: dict[str, None] = {}
        #: The group of a call by its id in the log (LOG_GROUP).
        self.of_call: dict[str, str] = {}

    def wants(self, call_id: object) -> bool:
        """Whether verbose messages of that call are read."""
        return not self.enabled or (isinstance(call_id, str) and self.of_call.get(call_id) in self.enabled)


#: Process wide, as `verbosity`.
call_groups = CallGroups()


def verbose(log: Logger, level: int, text: str, **fields: object) -> None:
    """Log ``text`` (a Twisted log format) at verbose ``level``, if anybody reads that much."""
    if level <= verbosity.level:
        log.info(text, verbose=level, **fields)

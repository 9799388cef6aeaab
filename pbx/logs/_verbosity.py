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


def verbose(log: Logger, level: int, text: str, **fields: object) -> None:
    """Log ``text`` (a Twisted log format) at verbose ``level``, if anybody reads that much."""
    if level <= verbosity.level:
        log.info(text, verbose=level, **fields)

"""``asterisk -c``: commands typed at the terminal of the exchange itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineReceiver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Terminal(LineReceiver):
    """Runs each line of standard input in order; its end is not the exchange's."""

    delimiter = b"\n"
    MAX_LENGTH = 65536

    def __init__(self, run: Callable[[str], Awaitable[str]]) -> None:
        self._run = run
        self._last: Deferred[None] = Deferred()
        self._last.callback(None)

    def open(self) -> Any:
        """Begin to read. A standard input that cannot be waited for (a file, /dev/null) is left alone."""
        try:
            return StandardIO(self)  # type: ignore[no-untyped-call]
        except OSError:
            return None

    def lineReceived(self, line: bytes) -> None:
        """Queue a command behind those before it."""
        text = line.decode(errors="replace").strip()
        if text:
            self._last.addCallback(lambda _: Deferred.fromCoroutine(self._work(text)))

    async def _work(self, text: str) -> None:
        sys.stdout.write(await self._run(text))
        sys.stdout.flush()

"""func_lock: locks by name, which channels take from each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from dialplan.arguments import Arguments
from dialplan.functions.base import live, wait_within
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.cli.registry import Command, UsageError
from pbx.clock import cancel_timer
from pbx.core.channel import Channel

#: Seconds LOCK waits.
WAIT_SECONDS = 3.0
#: Channels that may wait for one lock.
MAX_WAITERS = 1000

_KEY = "locks"


@dataclass(slots=True, eq=False)
class Lock:
    """A lock that some channel holds, ``count`` times."""

    name: str
    owner: Channel
    count: int = 1
    waiters: deque[tuple[Channel, Deferred[bool]]] = field(default_factory=deque)


class LockModule(DialplanModule):
    """LOCK, TRYLOCK, UNLOCK and ``dialplan locks show``."""

    name = "func_lock"
    description = "Dialplan mutexes"

    async def load(self) -> None:
        self._locks: dict[str, Lock] = {}
        self._withdraw: Callable[[], None] = self.server.cli.register(
            Command("dialplan locks show", "dialplan locks show", "List func_lock locks.", self._show)
        )
        self.register()

    async def unload(self) -> None:
        await super().unload()
        self._withdraw()

    def _take(self, channel: Channel, name: str) -> bool:
        lock = self._locks.get(name)
        if lock is None:
            self._locks[name] = Lock(name, channel)
            if _KEY not in channel.extra:
                channel.extra[_KEY] = True
                channel.on_end.append(self._ended)
            return True
        if lock.owner is channel:
            lock.count += 1
            return True
        return False

    def _pass_on(self, lock: Lock) -> None:
        """Give a lock that is free to the first who waits."""
        del self._locks[lock.name]
        while lock.waiters:
            channel, waiting = lock.waiters.popleft()
            if waiting.called or not channel.alive:
                continue
            self._take(channel, lock.name)
            self._locks[lock.name].waiters = lock.waiters
            waiting.callback(True)
            return

    def _ended(self, channel: Channel) -> None:
        for lock in [each for each in self._locks.values() if each.owner is channel]:
            self._pass_on(lock)

    @function(
        "LOCK",
        "lockname",
        synopsis="Attempt to obtain a named mutex.",
        description="1 when the channel has the lock, 0 when it waited three seconds in vain. Hanging up unlocks.",
        see_also=("TRYLOCK", "UNLOCK"),
        capability="dangerous",
    )
    async def func_lock(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "LOCK")
        if self._take(call, args.raw):
            return "1"
        lock = self._locks[args.raw]
        if len(lock.waiters) >= MAX_WAITERS:
            raise FunctionError(f"{MAX_WAITERS} channels wait for lock '{args.raw}' already")
        waiting: Deferred[bool] = Deferred()
        entry = (call, waiting)
        lock.waiters.append(entry)
        timer = self.server.clock.call_later(WAIT_SECONDS, _give_up, waiting)
        try:
            return "1" if await wait_within(call, waiting) else "0"
        finally:
            cancel_timer(timer)
            if entry in lock.waiters:
                lock.waiters.remove(entry)

    @function(
        "TRYLOCK",
        "lockname",
        synopsis="Attempt to obtain a named mutex.",
        description="As LOCK, without waiting.",
        see_also=("LOCK", "UNLOCK"),
        capability="dangerous",
    )
    def func_trylock(self, channel: Channel | None, args: Arguments) -> str:
        return str(int(self._take(live(channel, "TRYLOCK"), args.raw)))

    @function(
        "UNLOCK",
        "lockname",
        synopsis="Unlocks a named mutex.",
        description="1 when the channel had the lock, else 0. A lock taken twice is to be unlocked twice.",
        see_also=("LOCK", "TRYLOCK"),
        capability="dangerous",
    )
    def func_unlock(self, channel: Channel | None, args: Arguments) -> str:
        lock = self._locks.get(args.raw)
        if lock is None or lock.owner is not live(channel, "UNLOCK"):
            return "0"
        lock.count -= 1
        if not lock.count:
            self._pass_on(lock)
        return "1"

    def _show(self, words: Sequence[str]) -> str:
        if words:
            raise UsageError
        rows = [f"{lock.name:<40} {len(lock.waiters):<10} {lock.owner.name}" for lock in self._locks.values()]
        return "\n".join(
            ("func_lock locks:", f"{'Name':<40} Requesters Owner", *rows, f"{len(rows)} total locks listed.")
        )


def _give_up(waiting: Deferred[bool]) -> None:
    if not waiting.called:
        waiting.callback(False)

"""Senders of requests that belong to no endpoint: counted, so that logs and security events name the persistent."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SUSPECTS = 10_000
"""More addresses than this at once are a flood; the oldest are forgotten."""


@dataclass(slots=True)
class Suspect:
    """One address: monotonic times in seconds."""

    first_seen: float
    last_seen: float
    count: int


class Suspects:
    """The addresses now under suspicion."""

    def __init__(self) -> None:
        self._by_address: dict[str, Suspect] = {}
        self._pruned_at = 0.0

    def __len__(self) -> int:
        return len(self._by_address)

    def record(self, address: str, now: float, prune_seconds: float) -> Suspect:
        """Count one request; the address's record is a new one when it was quiet for ``prune_seconds``."""
        if now - self._pruned_at >= prune_seconds:
            self._pruned_at = now
            self._by_address = {
                known: each for known, each in self._by_address.items() if now - each.last_seen < prune_seconds
            }
        suspect = self._by_address.get(address)
        if suspect is None or now - suspect.last_seen >= prune_seconds:
            if len(self._by_address) >= MAX_SUSPECTS:
                del self._by_address[next(iter(self._by_address))]
            suspect = self._by_address[address] = Suspect(now, now, 0)
        suspect.count += 1
        suspect.last_seen = now
        return suspect

    def clear(self, address: str) -> None:
        """The address belongs to an endpoint after all."""
        if self._by_address:
            self._by_address.pop(address, None)

    def rows(self) -> list[tuple[str, Suspect]]:
        """All of them, by address."""
        return sorted(self._by_address.items())

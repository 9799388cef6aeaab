"""Accept and Supported: what the loaded modules understand, collected in one place."""

from __future__ import annotations

from collections.abc import Callable


class Capabilities:
    """Media types and option tags, each offered by one or more modules."""

    def __init__(self) -> None:
        self._accept: dict[str, int] = {}
        self._supported: dict[str, int] = {}

    @property
    def accept(self) -> str:
        """The value of Accept."""
        return ", ".join(self._accept)

    @property
    def supported(self) -> str:
        """The value of Supported."""
        return ", ".join(self._supported)

    def add_accept(self, *media_types: str) -> Callable[[], None]:
        """Offer media types; the result withdraws them."""
        return self._add(self._accept, media_types)

    def add_supported(self, *tags: str) -> Callable[[], None]:
        """Offer option tags; the result withdraws them."""
        return self._add(self._supported, tags)

    @staticmethod
    def _add(counts: dict[str, int], words: tuple[str, ...]) -> Callable[[], None]:
        for word in words:
            counts[word] = counts.get(word, 0) + 1

        def withdraw() -> None:
            for word in words:
                counts[word] -= 1
                if not counts[word]:
                    del counts[word]

        return withdraw

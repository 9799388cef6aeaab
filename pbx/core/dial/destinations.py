"""What a dial string names."""

from __future__ import annotations

from dataclasses import dataclass

#: Destinations one dial may ring at once: a bound on what a single call can set in motion.
MAX_DESTINATIONS = 256


@dataclass(frozen=True, slots=True)
class Destination:
    """``technology/address`` of a dial string."""

    technology: str
    address: str

    def __str__(self) -> str:
        return f"{self.technology}/{self.address}"


def parse_destinations(text: str) -> list[Destination]:
    """The destinations of ``PJSIP/a&Local/b@c``, empty where nothing is named.

    Raises ValueError naming one that is malformed.
    """
    found: list[Destination] = []
    for part in text.split("&"):
        part = part.strip()
        if not part:
            continue
        technology, slash, address = part.partition("/")
        if not slash or not technology or not address:
            raise ValueError(f"'{part}' is not of the form Technology/resource")
        found.append(Destination(technology, address))
    if len(found) > MAX_DESTINATIONS:
        raise ValueError(f"{len(found)} destinations; at most {MAX_DESTINATIONS} are dialled at once")
    return found

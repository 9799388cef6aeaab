"""What the dialplan may ask of the manager's clients: AMI_CLIENT()."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManagerClients:
    """Offered by the manager while it is loaded. ``sessions`` counts a user's sessions; None for no such user."""

    sessions: Callable[[str], int | None]

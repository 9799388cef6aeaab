"""Actions: one table, made from what the files of this package declare."""

from __future__ import annotations

from ami.actions import channels, originate, session, system
from ami.table import Action, actions_of

#: Every action the program knows; those of a module that does not run are left out of listings and refused.
ACTIONS: tuple[Action, ...] = tuple(
    action for module in (session, system, channels, originate) for action in actions_of(module)
)

__all__ = ["ACTIONS"]

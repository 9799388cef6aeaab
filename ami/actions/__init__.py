"""Actions: one table, made from what the files of this package declare."""

from __future__ import annotations

from ami.actions import (
    agi,
    bridges,
    channel_lists,
    channels,
    charges,
    configuration,
    database,
    dialplan,
    mailboxes,
    messages,
    originate,
    pjsip,
    pjsip_control,
    session,
    states,
    system,
    variables,
)
from ami.table import Action, actions_of

_FILES = (
    session,
    system,
    channel_lists,
    channels,
    variables,
    originate,
    bridges,
    charges,
    database,
    dialplan,
    mailboxes,
    messages,
    states,
    configuration,
    pjsip,
    agi,
    pjsip_control,
)

#: Every action the program knows; those of a module that does not run are left out of listings and refused.
ACTIONS: tuple[Action, ...] = tuple(action for file in _FILES for action in actions_of(file))

__all__ = ["ACTIONS"]

"""AGI's commands: one table, made from what the files of this package declare."""

from __future__ import annotations

from dialplan.agi.commands import call, media, record, say, speech, subroutine, text, values
from dialplan.agi.table import AgiCommand, commands_of

#: Every command.
COMMANDS: tuple[AgiCommand, ...] = tuple(
    command for file in (call, media, record, say, speech, subroutine, text, values) for command in commands_of(file)
)

__all__ = ["COMMANDS"]

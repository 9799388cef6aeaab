"""Verbose lines as Asterisk's ast_verb writes them, and whether anybody wants them."""

from __future__ import annotations

from pbx.logs import verbose, verbosity


def wants(level: int) -> bool:
    """Whether some console or file shows verbose lines of ``level``; a run asks before it builds one."""
    return verbosity.level >= level


__all__ = ["verbose", "wants"]

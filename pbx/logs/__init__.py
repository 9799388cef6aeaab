"""Logging as logger.conf says: files, console and syslog, in Asterisk's line format.

Every part logs through ``twisted.logger``; this package is the observer. `verbose` is Asterisk's ``ast_verb``.
Levels: critical and error become ERROR, warn WARNING, info NOTICE, debug DEBUG; an event with a ``verbose`` field is
VERBOSE of that level, one with a ``category`` field is what that says (``SECURITY``, ``DTMF``). A ``call_id`` field is
shown behind the process id.
"""

from __future__ import annotations

from pbx.logs._verbosity import CallGroups, Verbosity, call_groups, verbose, verbosity
from pbx.logs.manager import LogManager
from pbx.logs.settings import Channel, Level, LoggerSettings, read_logger_settings

__all__ = [
    "CallGroups",
    "Channel",
    "Level",
    "LogManager",
    "LoggerSettings",
    "Verbosity",
    "call_groups",
    "read_logger_settings",
    "verbose",
    "verbosity",
]

"""The one place that decides what a session may do: by class for actions, by capability for what an action runs.

Applications and functions declare the capability they need where they are defined. Whoever lacks it is refused,
whichever action names the application or function, and at whatever depth: arguments that a dialplan would substitute
are searched for functions as well. Nothing that is not known is run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ami.classes import AGI, LABELS, SYSTEM
from pbx.core.agi import split_command

if TYPE_CHECKING:
    from ami.table import Action
    from pbx.core.dialplan import Dialplan

#: Asterisk's words: an application whose name holds one needs ``system``, whatever it declares.
SYSTEM_APPLICATIONS = ("agi", "dbdeltree", "exec", "externalivr", "mixmonitor", "originate", "reload", "system")
#: Words that need ``system`` anywhere in an application's data, in this letter case.
SYSTEM_DATA = ("CURL", "DB", "EVAL", "FILE", "ODBC", "REALTIME", "SHELL")
#: Functions that no session without ``system`` may read or write, declared or not.
SYSTEM_FUNCTIONS = frozenset(
    ("SHELL", "EVAL", "FILE", "CURL", "STAT", "LOCK", "DB", "DB_DELETE", "DB_EXISTS", "REALTIME")
)

#: The capability that no class gives: functions that only a dialplan may use, unless asterisk.conf lives dangerously.
DANGEROUS = "dangerous"

_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=\()")
#: Queue's argument with the AGI to run on the member's channel.
_QUEUE_AGI_ARGUMENT = 5


def may_act(write: int, action: Action) -> bool:
    """Whether a user with these ``write`` classes may take an action: any one class of it is enough."""
    return not action.privilege or bool(write & action.privilege)


def is_dangerous(expression: str, dialplan: Dialplan) -> bool:
    """Whether a function in ``FUNC(args)`` is kept to the dialplan, whatever a user may otherwise do."""
    return any(dialplan.function_capability(name) == DANGEROUS for name in _NAMES.findall(expression))


def may_use_function(write: int, expression: str, dialplan: Dialplan) -> bool:
    """Whether a variable or ``FUNC(args)`` may be read or written; the arguments count too."""
    if is_dangerous(expression, dialplan):
        return False
    if write & SYSTEM:
        return True
    for name in _NAMES.findall(expression):
        if name.upper() in SYSTEM_FUNCTIONS or not _holds(write, dialplan.function_capability(name)):
            return False
    return True


def may_run(write: int, application: str, data: str, dialplan: Dialplan) -> bool:
    """Whether Originate may run an application with this data."""
    if write & SYSTEM:
        return may_use_function(write, data, dialplan)
    lower = application.lower()
    if any(word in lower for word in SYSTEM_APPLICATIONS) or any(word in data for word in SYSTEM_DATA):
        return False
    if "queue" in lower:
        arguments = data.split(",")
        if len(arguments) > _QUEUE_AGI_ARGUMENT and arguments[_QUEUE_AGI_ARGUMENT].strip() and not write & AGI:
            return False
    return _holds(write, dialplan.application_capability(application)) and may_use_function(write, data, dialplan)


def may_send_agi(write: int, command: str, dialplan: Dialplan) -> bool:
    """Whether a command for AsyncAGI may be queued: what it names counts as the program will read it, unquoted."""
    words = split_command(command)
    if len(words) > 1 and words[0].lower() == "exec":
        return may_run(write, words[1], " ".join(words[2:]), dialplan)
    return may_use_function(write, " ".join(words), dialplan)


def _holds(write: int, capability: str) -> bool:
    """Whether ``write`` covers a declared capability; an unknown word is covered by nothing less than ``system``."""
    return not capability or bool(write & LABELS.get(capability, SYSTEM))

"""The table of checks: what each looks for, how bad it is, and an example of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is: an error cannot be meant, a warning could be."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``bad`` is an example it finds and ``good`` the same mended; ``language`` is that of the example."""

    id: str
    severity: Severity
    summary: str
    bad: str = ""
    good: str = ""
    language: str = "conf"


def _error(check_id: str, summary: str, bad: str = "", good: str = "", language: str = "conf") -> Check:
    return Check(check_id, Severity.ERROR, summary, bad, good, language)


def _warning(check_id: str, summary: str, bad: str = "", good: str = "", language: str = "conf") -> Check:
    return Check(check_id, Severity.WARNING, summary, bad, good, language)


_TABLE = (
    # The files
    _error("syntax", "A file cannot be read, or a line of it is left out when it is loaded."),
    _error(
        "duplicate-priority",
        "An extension has the priority already; the second is left out.",
        "exten => 1,1,NoOp()\nexten => 1,1,Hangup()",
        "exten => 1,1,NoOp()\n same => n,Hangup()",
    ),
    _error(
        "duplicate-label",
        "A label is in the extension already; the second is left out.",
        "exten => 1,1(a),NoOp()\n same => n(a),Hangup()",
        "exten => 1,1(a),NoOp()\n same => n(b),Hangup()",
    ),
    _error(
        "missing-parenthesis",
        "The parenthesis behind an application is not closed; a ';' that is meant as text is written '\\;'.",
        "exten => 1,1,Set(A=x;y)",
        "exten => 1,1,Set(A=x\\;y)",
    ),
    _error(
        "unbalanced-brackets",
        "'${' or '$[' is not closed.",
        "exten => 1,1,NoOp(${EXTEN)",
        "exten => 1,1,NoOp(${EXTEN})",
    ),
    _error(
        "bad-expression",
        "What stands in '$[...]' is no expression.",
        "exten => 1,1,Set(A=$[1 +])",
        "exten => 1,1,Set(A=$[1 + 1])",
    ),
    # Names
    _error(
        "unknown-application",
        "There is no such application.",
        "exten => 1,1,Plaback(hello)",
        "exten => 1,1,Playback(hello)",
    ),
    _error(
        "unknown-function",
        "There is no such function.",
        "exten => 1,1,NoOp(${CALLERIDNUM(x)})",
        "exten => 1,1,NoOp(${CALLERID(num)})",
    ),
    _error("module-not-loaded", "modules.conf does not load the module of an application or function."),
    _error("unknown-switch", "There is no such switch.", "switch => Iax/x", "switch => Lua/"),
    _error(
        "read-only-function",
        "The function cannot be written.",
        "exten => 1,1,Set(LEN(x)=1)",
        "exten => 1,1,Set(A=${LEN(x)})",
    ),
    # Arguments
    _error("missing-argument", "An argument that is needed is missing.", "exten => 1,1,Wait()", "exten => 1,1,Wait(1)"),
    _warning(
        "extra-argument",
        "There are more arguments than the application takes.",
        "exten => 1,1,Wait(1,2)",
        "exten => 1,1,Wait(1)",
    ),
    _warning(
        "unknown-option", "The application has no such option.", "exten => 1,1,Answer(,q)", "exten => 1,1,Answer(,i)"
    ),
    _error(
        "bad-option",
        "The parenthesis behind an option is not closed.",
        "exten => 1,1,Dial(PJSIP/a,,S(5)",
        "exten => 1,1,Dial(PJSIP/a,,S(5))",
    ),
    # Where it goes
    _error(
        "no-such-context",
        "A jump, an include or an endpoint of pjsip.conf names a context that does not exist.",
        "exten => 1,1,Goto(nowhere,2,1)",
        "exten => 1,1,Goto(default,2,1)",
    ),
    _error(
        "no-such-extension",
        "A jump goes to an extension that the context does not have.",
        "exten => 1,1,Goto(default,77,1)",
        "exten => 1,1,Goto(default,2,1)",
    ),
    _error(
        "no-such-priority",
        "A jump goes to a priority or label that the extension does not have.",
        "exten => 1,1,Goto(there)",
        "exten => 1,1(there),NoOp()",
    ),
    _warning("include-loop", "A context includes itself, perhaps through others."),
    # What is never reached
    _warning(
        "unreachable-priority",
        "A priority is never run: a number before it is missing, and nothing jumps to it.",
        "exten => 1,1,NoOp()\nexten => 1,3,Hangup()",
        "exten => 1,1,NoOp()\nexten => 1,2,Hangup()",
    ),
    _warning(
        "unreachable-code",
        "What follows a Hangup, a Goto or the like is never run.",
        "exten => 1,1,Hangup()\n same => n,NoOp()",
        "exten => 1,1,NoOp()\n same => n,Hangup()",
    ),
    _warning(
        "unbalanced-block",
        "A While has no EndWhile, an If no EndIf, or the other way round; or ExitWhile, Else or the like is outside.",
        "exten => 1,1,While($[${N} < 3])\n same => n,Set(N=$[${N} + 1])",
        "exten => 1,1,While($[${N} < 3])\n same => n,Set(N=$[${N} + 1])\n same => n,EndWhile",
    ),
    _warning(
        "no-first-priority",
        "An extension has no priority 1, so it cannot be dialled.",
        "exten => 1,2,NoOp()",
        "exten => 1,1,NoOp()",
    ),
    _warning(
        "shadowed-extension",
        "Another extension takes every number that this one would get.",
        "exten => _2X!,1,NoOp()\nexten => _2X,1,NoOp()",
        "exten => _2X!,1,NoOp()",
    ),
    _warning("shadowed-include", "A context's open pattern takes numbers of a context that is searched after it."),
    _warning(
        "no-timeout-extension",
        "A menu waits for digits, and the context has neither 't' nor 'e' for a caller who presses nothing.",
        "exten => 1,1,WaitExten(5)",
        "exten => 1,1,WaitExten(5)\nexten => t,1,Hangup()",
    ),
    _warning(
        "catch-all-pattern", "'_.' takes 'h', 't' and 'i' as well.", "exten => _.,1,NoOp()", "exten => _X.,1,NoOp()"
    ),
    _warning(
        "pattern-without-underscore",
        "A name looks like a pattern but does not begin with '_'.",
        "exten => 2XX,1,NoOp()",
        "exten => _2XX,1,NoOp()",
    ),
    # Traps
    _warning(
        "several-assignments",
        "Set takes one assignment; what follows the comma becomes part of the value.",
        "exten => 1,1,Set(A=1,B=2)",
        "exten => 1,1,MSet(A=1,B=2)",
    ),
    _warning(
        "blank-in-assignment",
        "A blank beside '=' becomes part of the name or the value.",
        "exten => 1,1,Set(A = 1)",
        "exten => 1,1,Set(A=1)",
    ),
    _warning(
        "unquoted-value",
        "A variable stands alone in '$[...]': when it is empty, that is a syntax error.",
        "exten => 1,1,Set(A=$[${B} = 1])",
        'exten => 1,1,Set(A=$["${B}" = "1"])',
    ),
    _warning(
        "condition-is-text",
        "A condition with an operator but without '$[...]' is a text, and always true.",
        "exten => 1,1,Set(A=${IF(${B}=1?x:y)})",
        'exten => 1,1,Set(A=${IF($["${B}" = "1"]?x:y)})',
    ),
    _warning(
        "name-for-value",
        "A function that takes a variable's name is given its value, or the other way round.",
        "exten => 1,1,Set(A=${CUT(${B},-,1)})",
        "exten => 1,1,Set(A=${CUT(B,-,1)})",
    ),
    # Lua
    _warning(
        "lua-comma",
        "A comma in a text splits it into two arguments of the application.",
        'app.Dial("PJSIP/a,PJSIP/b", 20)',
        'app.Dial("PJSIP/a&PJSIP/b", 20)',
        "lua",
    ),
    _warning(
        "lua-substitution",
        "'${...}' is not replaced in Lua.",
        'app.Playback("digits/${EXTEN}")',
        'app.Playback("digits/" .. channel.EXTEN:get())',
        "lua",
    ),
    _error(
        "lua-argument",
        "A table, a boolean or a function is given to an application, which takes texts and numbers.",
        "app.Playback({})",
        'app.Playback("hello")',
        "lua",
    ),
    _error(
        "lua-nil-assignment",
        "nil, a boolean or a table is assigned to a channel variable, which holds texts and numbers.",
        "channel.A = nil",
        'channel.A = ""',
        "lua",
    ),
    _warning(
        "lua-variable-object",
        "channel.NAME is an object: its text is channel.NAME:get() or channel.NAME.value.",
        'if channel.A == "1" then end',
        'if channel.A:get() == "1" then end',
        "lua",
    ),
    _error(
        "lua-not-a-function",
        "An extension is no function.",
        '["1"] = "hello"',
        '["1"] = function() app.Playback("hello") end',
        "lua",
    ),
    # What a caller says
    _error(
        "unsafe-command",
        "What a caller says is run, evaluated, fetched or opened (System, SHELL, EVAL, CURL, SQL, FILE): FILTER() it.",
        "exten => 1,1,NoOp(${SHELL(who ${CALLERID(name)})})",
        "exten => 1,1,NoOp(${SHELL(who ${FILTER(a-z,${CALLERID(name)})})})",
    ),
    _warning(
        "unsafe-destination",
        "What a caller says decides who is called or where the call goes: FILTER() it.",
        "exten => _X.,1,Dial(PJSIP/${EXTEN})",
        "exten => _X.,1,Dial(PJSIP/${FILTER(0-9,${EXTEN})})",
    ),
    # Suppression
    _warning(
        "bad-suppression",
        "'obelisk: allow' names a check that does not exist, or one that found nothing there.",
        "exten => 1,1,NoOp() ; obelisk: allow synta",
        "exten => 1,1,NoOp()",
    ),
)

#: Every check by its id.
CHECKS: dict[str, Check] = {check.id: check for check in _TABLE}

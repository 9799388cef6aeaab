"""AGI commands about the call: its state, where it goes on, its end, what it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from twisted.logger import Logger

from dialplan.agi.commands._numbers import atoi, integer
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, Outcome, WrongUsage, command, result
from dialplan.functions.base import scan_float
from dialplan.run import KEEPS_DIGITS
from dialplan.verbosity import verbose
from pbx.config.types import is_true
from pbx.core import hangup_source
from pbx.core.channel import ChannelInterrupted, settle
from pbx.core.party import parse_callerid

log = Logger()

#: EXEC's answer for an application that there is not.
NO_APPLICATION = -2
_OF_RESULT = {0: Outcome.SUCCESS, 1: Outcome.USAGE, 2: Outcome.FAILURE}


@command(
    "answer",
    arguments=(0, None),
    synopsis="Answer channel",
    description="Answers the call if it is not up. Gives -1 on failure, 0 if successful.",
    see_also=("hangup",),
)
def answer(agi: Interpreter, words: Sequence[str]) -> Answer:
    agi.channel.check()
    agi.channel.answer()
    return result(0)


@command(
    "asyncagi break",
    arguments=(0, None),
    dead=True,
    synopsis="Interrupts Async AGI",
    description="Ends AsyncAGI; the dialplan goes on behind it.",
    see_also=("hangup",),
)
def asyncagi_break(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0, outcome=Outcome.BREAK)


@command(
    "channel status",
    "[channelname]",
    arguments=(0, 1),
    synopsis="Returns status of the connected channel.",
    description=(
        "Gives the state of the named channel, or of this one, or -1 where there is no such channel. 0: down and "
        "available. 1: down, but reserved. 2: off hook. 3: digits have been dialed. 4: line is ringing. 5: remote end "
        "is ringing. 6: line is up. 7: line is busy."
    ),
)
def channel_status(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel = agi.server.channels.find(words[0]) if words else agi.channel
    return result(-1 if channel is None else int(channel.state))


@command(
    "exec",
    "application [options]",
    arguments=(1, None),
    dead=True,
    synopsis="Executes a given Application",
    description=(
        "Runs an application with its arguments in one word, and gives its result, or -2 where there is no such "
        "application. Variables and functions in it are replaced only where the variable AGIEXECFULL is yes."
    ),
)
async def execute(agi: Interpreter, words: Sequence[str]) -> Answer:
    name, data = words[0], words[1] if len(words) > 1 else ""
    verbose(log, 3, "AGI Script Executing Application: ({name}) Options: ({data})", name=name, data=data)
    channel = agi.channel
    if data and is_true(channel.get_variable("AGIEXECFULL")):
        data = await settle(agi.engine.substitute(channel, data))
    held = channel.extra.get(KEEPS_DIGITS)
    channel.extra[KEEPS_DIGITS] = True
    try:
        code = await agi.engine.execute(channel, name, data)
    except LookupError:
        log.warn("{channel}: Could not find application ({name})", channel=channel.name, name=name)
        return result(NO_APPLICATION, outcome=Outcome.UNKNOWN)
    except ChannelInterrupted:
        code = -1
    finally:
        channel.extra[KEEPS_DIGITS] = held
    return result(code, outcome=_OF_RESULT.get(code, Outcome.UNKNOWN))


@command(
    "hangup",
    "[channelname]",
    arguments=(0, 1),
    synopsis="Hangup a channel.",
    description="Hangs up the named channel, or this one. Gives 1, or -1 where there is no such channel.",
)
def hangup(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel = agi.server.channels.find(words[0]) if words else agi.channel
    if channel is None:
        return result(-1)
    hangup_source.note(channel, hangup_source.AGI)
    channel.request_hangup()
    return result(1)


@command("noop", arguments=(0, None), dead=True, synopsis="Does nothing.", description="Does nothing.")
def noop(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "set autohangup",
    "time",
    arguments=(1, 1),
    synopsis="Autohangup channel in some time.",
    description="Ends the call after so many seconds; 0 takes the limit away.",
)
def set_autohangup(agi: Interpreter, words: Sequence[str]) -> Answer:
    seconds = scan_float(words[0])
    if seconds is None or isnan(seconds):
        raise WrongUsage(words[0])
    agi.engine.set_absolute_timeout(agi.channel, min(max(seconds, 0.0), 1e9))
    return result(0)


@command(
    "set callerid",
    "number",
    arguments=(0, None),
    synopsis="Sets callerid for the current channel.",
    description='Sets the caller of this channel: a number, or "name"<number>.',
)
def set_callerid(agi: Interpreter, words: Sequence[str]) -> Answer:
    if words:
        channel = agi.channel
        party = parse_callerid(words[0])
        caller = channel.caller
        identity = replace(caller.id, name=party.name, name_valid=True, number=party.number, number_valid=True)
        channel.caller = replace(caller, id=identity)
        channel.changed()
    return result(1)


@command(
    "set context",
    "desired_context",
    arguments=(1, 1),
    synopsis="Sets channel context.",
    description="Sets the context in which the call goes on.",
    see_also=("set extension", "set priority"),
)
def set_context(agi: Interpreter, words: Sequence[str]) -> Answer:
    agi.channel.context = words[0]
    return result(0)


@command(
    "set extension",
    "new_extension",
    arguments=(1, 1),
    synopsis="Changes channel extension.",
    description="Sets the extension at which the call goes on.",
    see_also=("set context", "set priority"),
)
def set_extension(agi: Interpreter, words: Sequence[str]) -> Answer:
    agi.channel.exten = words[0]
    return result(0)


@command(
    "set music",
    "on|off [class]",
    arguments=(1, None),
    synopsis="Enable/Disable Music on hold generator",
    description="Plays music on hold, of a class, to the caller, or ends it. A sound that is played ends it too.",
)
def set_music(agi: Interpreter, words: Sequence[str]) -> Answer:
    music = agi.channel.channels.music
    if music is not None:
        if words[0][:2].lower() == "on":
            music.start(agi.channel, words[1] if len(words) > 1 else "")
        elif words[0][:3].lower() == "off":
            music.stop(agi.channel)
    return result(0)


@command(
    "set priority",
    "priority",
    arguments=(1, 1),
    synopsis="Set channel dialplan priority.",
    description="Sets the priority, by number or label, at which the call goes on.",
    see_also=("set context", "set extension"),
)
def set_priority(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel = agi.channel
    try:
        priority: int | None = integer(words[0])
    except WrongUsage:
        number = channel.caller.id.number
        priority = agi.engine.contexts.find_label(channel.context, channel.exten, words[0], number)
        if priority is None or priority < 1:
            raise
    agi.engine.goto(channel, None, None, priority or 0)
    return result(0)


@command(
    "tdd mode",
    "on|off|mate",
    arguments=(1, 1),
    synopsis="Toggles TDD mode (for the deaf).",
    description="Gives 1, or 0 where the channel has no such mode, which is so for every channel here.",
)
def tdd_mode(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "verbose",
    "message level",
    arguments=(1, None),
    dead=True,
    synopsis="Logs a message to the asterisk verbose log.",
    description="Shows a message on consoles that show verbose messages of its level. Gives 1.",
)
def say_verbose(agi: Interpreter, words: Sequence[str]) -> Answer:
    level = atoi(words[1]) if len(words) > 1 else 0
    verbose(log, level, "{data}: {message}", data=agi.channel.application_data, message=words[0])
    return result(1)

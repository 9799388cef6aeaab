"""AGI's GOSUB (apps/app_stack.c, handle_gosub)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, Outcome, command, result
from dialplan.applications.subroutine import Ending, run_subroutine
from dialplan.functions.base import scan_int

log = Logger()


@command(
    "gosub",
    "context extension priority [optional-argument]",
    arguments=(3, 4),
    synopsis="Cause the channel to execute the specified dialplan subroutine.",
    description=(
        "Runs a subroutine of the dialplan to its Return; the priority may be a label. Answers 100 result=0 Trying... "
        "as it begins, and then 0, or -1 where it cannot be run. What it returned is in GOSUB_RETVAL."
    ),
    requires="Gosub",
)
async def gosub(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel, contexts = agi.channel, agi.engine.contexts
    context, exten, text = words[:3]
    number = channel.caller.id.number
    priority = scan_int(text)
    if priority is None or priority < 1:
        priority = contexts.find_label(context, exten, text, number)
        if priority is None:
            log.error(
                "{channel}: Priority '{priority}' not found in '{exten}@{context}'",
                channel=channel.name,
                priority=text,
                exten=exten,
                context=context,
            )
    if priority is None or contexts.find(context, exten, priority, number, channel=channel) is None:
        return result(-1, " Gosub label not found", Outcome.FAILURE)
    arguments = f"({words[3]})" if len(words) > 3 else ""
    ending = await run_subroutine(
        agi.engine,
        channel,
        f"{context},{exten},{priority}{arguments}",
        begun=lambda: agi.send("100 result=0 Trying...\n"),
    )
    if not ending:
        return result(-1, " Gosub failed")
    return result(0, " Gosub complete" + (" (abnormal exit)" if ending is Ending.BROKEN_OFF else ""))

"""app_waituntil and app_waitforcond: WaitUntil and WaitForCondition."""

from __future__ import annotations

import re

from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS
from dialplan.arguments import Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_float
from dialplan.functions.logic import holds
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.substitution import cut
from pbx.core.channel import Channel, ChannelInterrupted

log = Logger()

#: Seconds between looks at a condition, and the least there may be.
POLL_SECONDS = 0.05
LEAST_POLL_SECONDS = 0.001
#: Bytes of a condition's value that count.
MAX_CONDITION = 510

_EPOCH = re.compile(r"\s*([+-]?\d{1,18}(?:\.\d*)?)")


class WaitUntilModule(DialplanModule):
    """WaitUntil."""

    name = "app_waituntil"
    description = "Wait until specified time"

    @application(
        "WaitUntil",
        "epoch",
        synopsis="Wait (sleep) until the current time is the given epoch.",
        description="WAITUNTILSTATUS is OK, FAILURE where epoch is no number, HANGUP, or PAST.",
        sets=("WAITUNTILSTATUS",),
        see_also=("Wait", "WaitForCondition"),
    )
    async def app_wait_until(self, channel: Channel, args: Arguments) -> int:
        found = _EPOCH.match(args.raw)
        if found is None:
            log.warn(
                "{channel}: WaitUntil requires an argument(epoch), not '{text}'", channel=channel.name, text=args.raw
            )
            channel.set_variable("WAITUNTILSTATUS", "FAILURE")
            return RESULT_OK
        clock, until = self.server.clock, float(found[1])
        if until < clock.now():
            log.info("{channel}: WaitUntil called in the past ({text})", channel=channel.name, text=args.raw)
            channel.set_variable("WAITUNTILSTATUS", "PAST")
            return RESULT_OK
        try:
            while (left := until - clock.now()) > 0:
                await channel.sleep(min(left, MAX_SECONDS))
        except ChannelInterrupted:
            channel.set_variable("WAITUNTILSTATUS", "HANGUP")
            raise
        channel.set_variable("WAITUNTILSTATUS", "OK")
        return RESULT_OK


class WaitForConditionModule(DialplanModule):
    """WaitForCondition."""

    name = "app_waitforcond"
    description = "Wait until condition is true"

    @application(
        "WaitForCondition",
        "replacementchar,expression[,timeout[,interval]]",
        synopsis="Wait (sleep) until the given condition is true.",
        description=(
            "In the expression replacementchar stands for each $, as in #,#[#{A} = 1], so that it is looked at again "
            "and again: each interval of 0.05 seconds unless given, for timeout seconds at most. "
            "WAITFORCONDITIONSTATUS is TRUE, FAILURE where an argument is wrong, TIMEOUT, or HANGUP."
        ),
        sets=("WAITFORCONDITIONSTATUS",),
        see_also=("WaitUntil",),
    )
    async def app_wait_for_condition(self, channel: Channel, args: Arguments) -> int:
        expression, rest, problem = _take_apart(args.raw)
        if problem:
            log.error("{channel}: WaitForCondition: {problem}", channel=channel.name, problem=problem)
            channel.set_variable("WAITFORCONDITIONSTATUS", "FAILURE")
            return RESULT_OK
        timeout, interval = (*split_arguments(rest, 2), "", "")[:2]
        seconds = scan_float(timeout) if timeout else 0.0
        poll = scan_float(interval) if interval else POLL_SECONDS
        # Not a number is neither more nor less than anything.
        if seconds is None or poll is None or not poll >= LEAST_POLL_SECONDS or not seconds <= MAX_SECONDS:
            log.warn(
                "{channel}: WaitForCondition: '{rest}' is not a timeout and an interval of 1 ms or more",
                channel=channel.name,
                rest=rest,
            )
            return RESULT_HANGUP
        return await self._wait(channel, expression, seconds, min(poll, MAX_SECONDS))

    async def _wait(self, channel: Channel, expression: str, seconds: float, poll: float) -> int:
        engine, clock = self.server.require(Engine), self.server.clock
        deadline = clock.monotonic() + seconds
        while True:
            value = engine.substitute(channel, expression)
            if not isinstance(value, str):
                value = await value
            if holds(cut(value, MAX_CONDITION)):
                channel.set_variable("WAITFORCONDITIONSTATUS", "TRUE")
                return RESULT_OK
            if seconds > 0 and clock.monotonic() >= deadline:
                channel.set_variable("WAITFORCONDITIONSTATUS", "TIMEOUT")
                return RESULT_OK
            try:
                await channel.sleep(poll)
            except ChannelInterrupted:
                channel.set_variable("WAITFORCONDITIONSTATUS", "HANGUP")
                raise


def _take_apart(text: str) -> tuple[str, str, str]:
    """The expression with its ``$``, what follows it, and what is wrong, if anything."""
    if not text:
        return "", "", "it requires a condition"
    opening = text.find("[")
    if opening < 0 or text.find("]", opening) < 0:
        return "", "", "No expression detected. Did you forget to replace the $ signs?"
    mark = text[0]
    if mark in "$[]{}":
        return "", "", f"Dollar sign replacement cannot be {mark}."
    if text[1:2] != ",":
        return "", "", f"Invalid separator: {text[1:2]}"
    if text[2:3] != mark:
        return "", "", f"Expression start does not match provided replacement: {text[2:3]}"
    depth = 0
    for at in range(3, len(text)):
        depth += (text[at] == "[") - (text[at] == "]")
        if not depth:
            return text[2 : at + 1].replace(mark, "$"), text[at + 2 :], ""
    return "", "", "Could not parse end of expression."

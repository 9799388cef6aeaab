"""app_statsd: StatsD."""

from __future__ import annotations

import re

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_ERROR, RESULT_OK
from pbx.core.channel import Channel
from pbx.statsd import COUNTER, GAUGE, SET, TIMER, Statsd

log = Logger()

#: As in Asterisk a dot alone is a number too.
_NUMBER = re.compile(r"[0-9]*\.?[0-9]*", re.ASCII)
#: Arguments before the rate.
_BEFORE_RATE = 3
_UNFIT = re.compile(r"[|\r\n]")
_NAMES = {GAUGE: "gauge", COUNTER: "counter", TIMER: "timer", SET: "set"}


class StatsdModule(DialplanModule):
    """StatsD."""

    name = "app_statsd"
    description = "StatsD Dialplan Application"
    support_level = "extended"
    requires = ("res_statsd",)

    @application(
        "StatsD",
        "metric_type,statistic_name,value[,sample_rate]",
        synopsis="Allow statistics to be passed to the StatsD server from the dialplan.",
        description=(
            "g: a gauge, c: a counter; a value with a sign changes the present one. ms: a time. s: a member of a set. "
            "The rate is the share of figures that is sent, from 0 to 1. Where they go says statsd.conf."
        ),
    )
    def app_statsd(self, channel: Channel, args: Arguments) -> int:
        kind, name, value, rate = args["metric_type"], args["statistic_name"], args["value"], args["sample_rate"]
        wrong = _mistake(kind, name, value, rate)
        if wrong:
            log.error("{channel}: StatsD: {reason}", channel=channel.name, reason=wrong, call_id=channel.callid)
            return RESULT_ERROR
        # A rate that is given but empty is 0: then nothing is ever sent.
        share = _number(rate) if args.raw.count(",") >= _BEFORE_RATE else 1.0
        self.server.require(Statsd).send(name, kind, value, share)
        return RESULT_OK


def _mistake(kind: str, name: str, value: str, rate: str) -> str:
    """What is wrong with a figure, or empty."""
    if not kind:
        return "Missing metric type argument."
    if kind not in _NAMES:
        return f"Invalid metric type {kind}."
    if not value:
        return "Missing value argument."
    if not name or _UNFIT.search(name):
        return f"Statistic name {name} is missing or contains a pipe (|) character."
    wrong = _mistake_in_set(value) if kind == SET else _mistake_in_number(kind, value)
    if wrong:
        return f"{wrong} Invalid input for a {_NAMES[kind]} metric."
    if rate and not _NUMBER.fullmatch(rate):
        return f"{rate} is not a number!"
    return ""


def _mistake_in_set(value: str) -> str:
    return f"Pipe (|) character is not allowed for value {value} in a set metric." if _UNFIT.search(value) else ""


def _mistake_in_number(kind: str, value: str) -> str:
    digits = value
    if kind != TIMER and value[0] in "+-":
        digits = value[1:]
        if not digits:
            return f"Value argument {value} only contains a sign operator."
    if not _NUMBER.fullmatch(digits):
        return f"{digits} is not a number!"
    largest = 2.0**64 if kind == TIMER else 2.0**63
    return f"Value {value} out of range!" if _number(digits) > largest else ""


def _number(digits: str) -> float:
    """What matches `_NUMBER`, read by strtod."""
    return float(digits) if digits.strip(".") else 0.0

"""func_timeout and res_pjsip_header_funcs: TIMEOUT, PJSIP_HEADER, SIP_HEADER, PJSIP_HEADERS."""

from __future__ import annotations

import re

from dialplan.absolute_timeout import seconds_left
from dialplan.arguments import ArgumentError, Arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_float, write_only
from dialplan.functions.pjsip_headers import ResponseHeaderFunctions, header_arguments
from dialplan.registry import DialplanModule, FunctionError, NothingThere, function
from dialplan.run import Run, run_of
from pbx.core.channel import Channel
from pbx.pjsip.headers import change_inheritable

#: By the letter they begin with, which is all that counts.
_TIMEOUTS = {"a": "absolute", "d": "digit", "r": "response"}
_SECONDS = re.compile(r"\s*([+-]?[0-9]{1,30})")
#: Seconds no timeout is longer than.
_MAX_SECONDS = 1e7


def timeout_seconds(text: str) -> float:
    """A timeout as sscanf reads it: whole seconds, then a fraction; 0 for what is no number or below it."""
    whole = _SECONDS.match(text)
    if whole is None or int(whole[1]) < 0:
        return 0.0
    fraction = scan_float(text[whole.end() :]) or 0.0
    return max(0.0, min(int(whole[1]) + int(fraction * 1_000_000) / 1_000_000, _MAX_SECONDS))


class TimeoutModule(DialplanModule):
    """TIMEOUT."""

    name = "func_timeout"
    description = "Channel timeout dialplan functions"

    def _run(self, channel: Channel | None, args: Arguments) -> tuple[Channel, Run, str]:
        kind = _TIMEOUTS.get(args.raw[:1].lower())
        if kind is None:
            raise ArgumentError(f"unknown timeout type '{args.raw}'; there are {', '.join(_TIMEOUTS.values())}")
        run = None if channel is None else run_of(channel)
        if channel is None or (run is None and kind != "absolute"):
            raise FunctionError(f"TIMEOUT({kind}) needs a channel that runs the dialplan")
        return channel, run or Run(), kind

    @function(
        "TIMEOUT",
        "timeouttype",
        synopsis="Gets or sets timeouts on the channel, in seconds.",
        description=(
            "absolute: length of the call, 0 for none, on any channel. digit: between digits. response: for the first "
            "digit."
        ),
    )
    def func_timeout(self, channel: Channel | None, args: Arguments) -> str:
        live, run, kind = self._run(channel, args)
        if kind == "absolute":
            left = seconds_left(live)
            return "0" if left is None else f"{max(left, 0.0):.3f}"
        return f"{run.digit_timeout if kind == 'digit' else run.response_timeout:.3f}"

    @func_timeout.writer
    def set_timeout(self, channel: Channel | None, args: Arguments, value: str) -> None:
        live, run, kind = self._run(channel, args)
        length = timeout_seconds(value)
        if kind == "absolute":
            self.server.require(Engine).set_absolute_timeout(live, length)
        elif kind == "digit":
            run.digit_timeout = length
        else:
            run.response_timeout = length


class HeaderModule(ResponseHeaderFunctions):
    """PJSIP_HEADER, SIP_HEADER, PJSIP_HEADERS, PJSIP_INHERITABLE_HEADER."""

    name = "res_pjsip_header_funcs"
    description = "PJSIP Header Functions"

    def _read(self, channel: Channel | None, args: Arguments) -> str:
        store = self.store_of(channel)
        action, name, number = header_arguments(args, "read", "remove")
        if action == "remove":
            return str(store.remove(name))
        value = store.read(name, number)
        if value is None:
            raise NothingThere(f"there is no header '{name}' number {number}")
        return value

    def _write(self, channel: Channel | None, args: Arguments, value: str) -> None:
        store = self.store_of(channel)
        action, name, number = header_arguments(args, "add", "update", "remove")
        if action == "add":
            store.add(name, value)
        elif action == "remove":
            store.remove(name)
        elif not store.update(name, value, number):
            raise FunctionError(f"there is no header '{name}' number {number}")

    @function(
        "PJSIP_HEADER",
        "action,name[,number]",
        synopsis="Gets headers from an inbound PJSIP channel. Adds, updates or removes them on the outbound one.",
        description=(
            "Actions: read, add, update, remove. A name may end in * for reading and removing. Read, remove gives how "
            "many there were. What is changed of an incoming call's headers is what is read of them later."
        ),
    )
    def func_pjsip_header(self, channel: Channel | None, args: Arguments) -> str:
        return self._read(channel, args)

    @func_pjsip_header.writer
    def set_pjsip_header(self, channel: Channel | None, args: Arguments, value: str) -> None:
        self._write(channel, args, value)

    @function(
        "SIP_HEADER",
        "action,name[,number]",
        synopsis="PJSIP_HEADER by its old name.",
        description="SIP_HEADER(name[,number]) reads, as it did in chan_sip.",
    )
    def func_sip_header(self, channel: Channel | None, args: Arguments) -> str:
        return self._read(channel, self._old_form(args))

    @func_sip_header.writer
    def set_sip_header(self, channel: Channel | None, args: Arguments, value: str) -> None:
        self._write(channel, args, value)

    @function(
        "PJSIP_INHERITABLE_HEADER",
        "action,name[,number]",
        synopsis="Adds, updates or removes headers that channels dialled from this one send.",
        description=(
            "Actions: add, update, remove (a name may end in * there). The channel may be of any technology; headers "
            "of PJSIP_HEADER are others."
        ),
        see_also=("PJSIP_HEADER",),
    )
    def func_pjsip_inheritable_header(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("PJSIP_INHERITABLE_HEADER")

    @func_pjsip_inheritable_header.writer
    def set_pjsip_inheritable_header(self, channel: Channel | None, args: Arguments, value: str) -> None:
        if channel is None:
            raise FunctionError("PJSIP_INHERITABLE_HEADER works on a channel only")
        action, name, number = header_arguments(args, "add", "update", "remove")
        change_inheritable(channel, action, name, value, number)

    @staticmethod
    def _old_form(args: Arguments) -> Arguments:
        if args["action"].strip().lower() in ("read", "add", "update", "remove") and args["name"]:
            return args
        return Arguments(_HEADER_GRAMMAR, f"read,{args.raw}")

    @function("PJSIP_HEADERS", "[prefix]", synopsis="The names of headers that begin with a prefix, divided by commas.")
    def func_pjsip_headers(self, channel: Channel | None, args: Arguments) -> str:
        return ",".join(self.store_of(channel).names(args.raw.strip()))


_HEADER_GRAMMAR = HeaderModule.func_pjsip_header.mark.grammar

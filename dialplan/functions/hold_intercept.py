"""func_holdintercept: HOLD_INTERCEPT, which tells of a hold in place of passing it on."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import live, write_only
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import HOLD_INTERCEPT, Channel

log = Logger()


class HoldInterceptModule(DialplanModule):
    """HOLD_INTERCEPT."""

    name = "func_holdintercept"
    description = "Hold interception dialplan function"

    @function(
        "HOLD_INTERCEPT",
        "action",
        synopsis="Intercepts hold frames on a channel and raises an event instead of passing the frame on.",
        description=(
            "Can be written only, with nothing. set: what would put this channel on hold, or take it back, becomes an "
            "event Hold or Unhold of the channel. remove: it is passed on again."
        ),
    )
    def func_hold_intercept(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("HOLD_INTERCEPT")

    @func_hold_intercept.writer
    def set_hold_intercept(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "HOLD_INTERCEPT")
        match args.raw.lower():
            case "":
                raise ArgumentError("HOLD_INTERCEPT requires an argument")
            case "set":
                if HOLD_INTERCEPT in call.extra:
                    log.warn("HOLD_INTERCEPT already set on '{channel}'", channel=call.name)
                call.extra[HOLD_INTERCEPT] = True
            case "remove":
                if call.extra.pop(HOLD_INTERCEPT, None) is None:
                    raise FunctionError(f"Cannot remove HOLD_INTERCEPT from {call.name}: it is not enabled")
            case _:
                raise ArgumentError(f"HOLD_INTERCEPT: unknown option {args.raw}")

"""func_hangupcause: what became of each channel that was dialled for a channel, and the application that forgets it."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import live
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_OK
from pbx.core.causes import cause_text
from pbx.core.channel import Channel
from pbx.core.dialed_causes import causes_of, forget_causes


class HangupCauseModule(DialplanModule):
    """HANGUPCAUSE, HANGUPCAUSE_KEYS, HangupCauseClear."""

    name = "func_hangupcause"
    description = "HANGUPCAUSE related functions and applications"

    @function(
        "HANGUPCAUSE",
        "channel,type",
        synopsis="Gets per-channel hangupcause information from the channel.",
        description=(
            "The channel is one that was dialled (see HANGUPCAUSE_KEYS); tech: what its technology said, such as "
            "SIP 486 Busy Here; ast: the cause in words."
        ),
        see_also=("HANGUPCAUSE_KEYS", "HangupCauseClear"),
    )
    def func_hangupcause(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "HANGUPCAUSE")
        if len(args) != 2:
            raise ArgumentError(f"The HANGUPCAUSE function must have 2 parameters, not {len(args)}")
        found = causes_of(call).get(args["channel"])
        if found is None:
            raise FunctionError(f"Unable to find information for channel {args['channel']}")
        if args["type"] == "tech":
            return found.text
        if args["type"] == "ast":
            return cause_text(found.cause)
        raise ArgumentError(f"Information type not recognized ({args['type']})")

    @function(
        "HANGUPCAUSE_KEYS",
        "",
        synopsis="Gets the list of channels for which hangup causes are available.",
        description="Their names, divided by commas.",
        see_also=("HANGUPCAUSE", "HangupCauseClear"),
    )
    def func_hangupcause_keys(self, channel: Channel | None, args: Arguments) -> str:
        return ",".join(causes_of(live(channel, "HANGUPCAUSE_KEYS")))

    @application(
        "HangupCauseClear",
        synopsis="Clears hangup cause information from the channel that is available through HANGUPCAUSE.",
        see_also=("HANGUPCAUSE", "HANGUPCAUSE_KEYS"),
    )
    def app_hangup_cause_clear(self, channel: Channel, args: Arguments) -> int:
        forget_causes(channel)
        return RESULT_OK

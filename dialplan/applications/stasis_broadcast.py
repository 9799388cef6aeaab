"""app_stasis_broadcast: StasisBroadcast."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.config.types import is_true
from pbx.core.channel import Channel
from pbx.stasis.service import Stasis

DEFAULT_TIMEOUT_MS = 500
MAX_TIMEOUT_MS = 60_000


class StasisBroadcastModule(DialplanModule):
    """StasisBroadcast."""

    name = "app_stasis_broadcast"
    description = "Stasis broadcast dialplan application"
    requires = ("res_stasis",)

    @application(
        "StasisBroadcast",
        "[timeout[,app_filter[,args[,notify_claimed]]]]",
        synopsis="Broadcast a channel to multiple ARI applications; the first to claim it gets it.",
        description=(
            "timeout: milliseconds to wait for a claim, 500 unless given, at most 60000. app_filter: a regular "
            "expression; only applications it matches hear of the call. args: given to the winner, divided by colons. "
            "notify_claimed: whether the others are told who won."
        ),
        sets=("STASISSTATUS",),
        see_also=("Stasis",),
    )
    async def app_stasis_broadcast(self, channel: Channel, args: Arguments) -> int:
        channel.set_variable("STASISSTATUS", "")
        stasis = self.server.require(Stasis)
        given = args["args"]
        try:
            winner = await stasis.broadcasts.offer(
                channel,
                _milliseconds(args["timeout"]) / 1000,
                args["app_filter"],
                notify=is_true(args["notify_claimed"]),
            )
        except ValueError as error:
            raise ArgumentError(f"StasisBroadcast: {error}") from error
        if not winner:
            channel.set_variable("STASISSTATUS", "TIMEOUT")
            return RESULT_OK
        await stasis.enter(channel, winner, given.split(":") if given else ())
        return RESULT_OK


def _milliseconds(text: str) -> int:
    word = text.strip()
    if not word:
        return DEFAULT_TIMEOUT_MS
    if not (word.isascii() and word.isdecimal()) or int(word) > MAX_TIMEOUT_MS:
        raise ArgumentError(f"StasisBroadcast: timeout '{word}' is not 0 to {MAX_TIMEOUT_MS} milliseconds")
    return int(word)

"""The action AGI: commands for a call in AsyncAGI (res/res_agi.c)."""

from __future__ import annotations

from ami.authorisation import may_send_agi
from ami.context import Context
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.core.agi import AgiQueueError, AsyncCommand, queue_of

_NEEDED = "Both, Channel and Command are *required*"


@action(
    "AGI",
    "agi",
    synopsis="Add an AGI command to execute by Async AGI.",
    required={"Channel": _NEEDED, "Command": _NEEDED},
    optional=("CommandID",),
    module="res_agi",
)
def action_AGI(ctx: Context) -> Reply:
    name, command, dialplan = ctx.get("Channel"), ctx.get("Command"), ctx.server.dialplan
    channel = ctx.channel(missing=f"Channel {name} does not exist.")
    if not may_send_agi(ctx.write, command, dialplan):
        raise ActionError("Permission denied")
    queue = queue_of(channel)
    try:
        if queue is None:
            raise AgiQueueError(f"channel {channel.name} is not setup for Async AGI")
        queue.put(
            AsyncCommand(command, ctx.get("CommandID"), lambda: may_send_agi(ctx.rights_now(), command, dialplan))
        )
    except AgiQueueError as error:
        raise ActionError(f"Failed to add AGI command to channel {channel.name} queue") from error
    return Reply("Added AGI command to queue")

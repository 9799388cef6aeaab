"""Getvar and Setvar: variables of channels, global ones, and functions (main/manager.c)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ami.authorisation import is_dangerous
from ami.classes import SYSTEM
from ami.context import Context
from ami.manager import read_now
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.core.channel import settle
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel

log = Logger()


@action(
    "Getvar",
    "call,reporting",
    synopsis="Gets a channel variable or function value.",
    required={"Variable": "No variable specified"},
    optional=("Channel",),
)
def action_Getvar(ctx: Context) -> Reply | Awaitable[Reply]:
    name = ctx.get("Variable")
    if ctx.write & SYSTEM and is_dangerous(name, ctx.server.dialplan):
        # Whoever may use every function gets nothing of those that asterisk.conf keeps to the dialplan.
        log.warn("manager action Getvar: dangerous function {expression} read blocked", expression=name)
        return _value(name, "")
    ctx.check_function(name, "GetVar Access Forbidden: Variable")
    channel = ctx.channel() if ctx.get("Channel") else None
    if name.endswith(")"):
        return _read_function(ctx, channel, name)
    return _value(name, read_now(ctx.server, channel, name))


async def _read_function(ctx: Context, channel: Channel | None, expression: str) -> Reply:
    try:
        value = await settle(ctx.server.dialplan.read_function(channel, expression))
    except (ObeliskError, LookupError) as error:
        # An error in reading is an empty value, as in Asterisk; the log says why.
        log.info("manager action Getvar: {expression}: {error}", expression=expression, error=str(error))
        value = ""
    return _value(expression, value)


def _value(name: str, value: str) -> Reply:
    return Reply(headers=(("Variable", name), ("Value", value)))


@action(
    "Setvar",
    "call",
    synopsis="Sets a channel variable or function value.",
    required={"Variable": "No variable specified"},
    optional=("Channel", "Value"),
)
def action_Setvar(ctx: Context) -> Reply | Awaitable[Reply]:
    name, value = ctx.get("Variable"), ctx.get("Value")
    ctx.check_function(name, "SetVar Access Forbidden: Variable")
    channel = ctx.channel() if ctx.get("Channel") else None
    if name.endswith(")"):
        return _write_function(ctx, channel, name, value)
    if channel is None:
        ctx.server.channels.set_global(name, value)
    else:
        channel.set_variable(name, value)
    return Reply("Variable Set")


async def _write_function(ctx: Context, channel: Channel | None, expression: str, value: str) -> Reply:
    try:
        await settle(ctx.server.dialplan.write_function(channel, expression, value))
    except (ObeliskError, LookupError) as error:
        log.info("manager action Setvar: {expression}: {error}", expression=expression, error=str(error))
        raise ActionError("Variable not set") from error
    return Reply("Variable Set")

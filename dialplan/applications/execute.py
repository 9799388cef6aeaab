"""app_exec: Exec, TryExec and ExecIf, which run an application that is named when the step runs."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.logic import holds
from dialplan.registry import SYSTEM, Application, DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.core.channel import Channel, ChannelInterrupted

log = Logger()


def split_application(text: str) -> tuple[str, str]:
    """``name(data)`` apart; the data may hold parentheses, and the last one may be missing."""
    name, _, rest = text.partition("(")
    data, closed, _ = rest.rpartition(")")
    return name, data if closed else rest


class ExecModule(DialplanModule):
    """Applications inside applications."""

    name = "app_exec"
    description = "Executes dialplan applications"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @application(
        "Exec",
        "appname(arguments)",
        synopsis="Executes dialplan application.",
        description="The arguments are substituted once more. An application that is not there ends the call.",
        see_also=("TryExec", "ExecIf"),
        capability=SYSTEM,
    )
    async def app_exec(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            return RESULT_OK
        found, data = await self._named(channel, args.raw)
        return RESULT_HANGUP if found is None else await self._run(channel, found, data)

    @application(
        "TryExec",
        "appname(arguments)",
        synopsis="Executes dialplan application, always returning.",
        description=(
            "As Exec, but the call goes on whatever comes of it: TRYSTATUS is SUCCESS, FAILED where the application "
            "would have ended the call, or NOAPP."
        ),
        sets=("TRYSTATUS",),
        see_also=("Exec", "ExecIf"),
        capability=SYSTEM,
    )
    async def app_try_exec(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            return RESULT_OK
        found, data = await self._named(channel, args.raw)
        if found is None:
            channel.set_variable("TRYSTATUS", "NOAPP")
        else:
            try:
                result = await self._run(channel, found, data)
            except ChannelInterrupted:
                result = RESULT_HANGUP
            channel.set_variable("TRYSTATUS", "FAILED" if result else "SUCCESS")
        return RESULT_OK

    async def _named(self, channel: Channel, text: str) -> tuple[Application | None, str]:
        name, data = split_application(text)
        substituted = self.engine.substitute(channel, data)
        if not isinstance(substituted, str):
            substituted = await substituted
        found = self.engine.registry.application(name)
        if found is None:
            log.warn("{channel}: Could not find application ({name})", channel=channel.name, name=name)
        return found, substituted

    async def _run(self, channel: Channel, found: Application, data: str) -> int:
        result = self.engine.run_inside(channel, found, data)
        return result if isinstance(result, int) else await result

    @application(
        "ExecIf",
        "expression?appiftrue(args)[:appiffalse(args)]",
        synopsis="Executes dialplan application, conditionally.",
        description="A number that is not 0, and any other text that is not empty, is true.",
        see_also=("Exec", "TryExec", "GotoIf", "IF"),
        capability=SYSTEM,
    )
    def app_exec_if(self, channel: Channel, args: Arguments) -> int | Awaitable[int]:
        text = args.raw
        comma, question = text.find(","), text.find("?")
        if question < 0 or 0 <= comma < question:
            parts = [*split_arguments(text, 3), "", "", ""]
            log.warn(
                "{channel}: Deprecated syntax found.  Please upgrade to using ExecIf(<expr>?{name}({data}))",
                channel=channel.name,
                name=parts[1],
                data=parts[2],
            )
            condition, calls = parts[0], [(parts[1], parts[2])]
        else:
            condition, *rest = split_arguments(text, 2, "?", raw=True)
            if not rest or not rest[0]:
                raise ArgumentError("Usage: ExecIf(<expr>?<appiftrue>(<args>)[:<appiffalse>(<args>)])")
            calls = [split_application(each) for each in split_arguments(rest[0], 2, ":", raw=True)]
        if holds(condition):
            name, data = calls[0]
        elif len(calls) > 1 and calls[1][0]:
            name, data = calls[1]
        else:
            return RESULT_OK
        found = self.engine.registry.application(name)
        if found is None:
            log.warn("{channel}: Could not find application! ({name})", channel=channel.name, name=name)
            return RESULT_HANGUP
        return self.engine.run_inside(channel, found, data)

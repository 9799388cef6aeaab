"""app_while: While, EndWhile, ExitWhile, ContinueWhile."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.blocks import Blocks
from dialplan.arguments import Arguments
from dialplan.engine import Engine
from dialplan.functions.logic import holds
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel

log = Logger()

PREFIX = "WHILE"


class WhileModule(DialplanModule):
    """Loops."""

    name = "app_while"
    description = "While Loops and Conditional Execution"

    def _blocks(self, channel: Channel) -> Blocks:
        return Blocks(self.server.require(Engine), channel, PREFIX)

    @application(
        "While",
        "expr",
        synopsis="Start a while loop.",
        description="EndWhile comes back here until expr is no longer true: 0 or empty.",
        see_also=("EndWhile", "ExitWhile", "ContinueWhile"),
    )
    def app_while(self, channel: Channel, args: Arguments) -> int:
        blocks = self._blocks(channel)
        variable = blocks.here()
        if not holds(args.raw):
            self._leave(channel, blocks, variable)
        elif channel.get_variable(variable) is None:
            channel.set_variable(variable, blocks.at())
        return RESULT_OK

    @application("EndWhile", synopsis="End a while loop.", see_also=("While", "ExitWhile", "ContinueWhile"))
    def app_end_while(self, channel: Channel, args: Arguments) -> int:
        blocks = self._blocks(channel)
        variable = blocks.innermost()
        start = channel.get_variable(variable)
        if start is not None:
            if channel.get_variable(f"END_{variable}") is None:
                channel.set_variable(f"END_{variable}", blocks.at(1))
            blocks.jump(start)
        return RESULT_OK

    @application(
        "ExitWhile",
        synopsis="End a While loop.",
        description="Goes on behind EndWhile, whatever the condition is.",
        see_also=("While", "EndWhile", "ContinueWhile"),
    )
    def app_exit_while(self, channel: Channel, args: Arguments) -> int:
        blocks = self._blocks(channel)
        self._leave(channel, blocks, blocks.innermost())
        return RESULT_OK

    @application(
        "ContinueWhile",
        synopsis="Restart a While loop.",
        description="Goes back to While, which looks at its condition again.",
        see_also=("While", "EndWhile", "ExitWhile"),
    )
    def app_continue_while(self, channel: Channel, args: Arguments) -> int:
        blocks = self._blocks(channel)
        start = channel.get_variable(blocks.innermost())
        if start is not None:
            blocks.jump(start)
        return RESULT_OK

    @staticmethod
    def _leave(channel: Channel, blocks: Blocks, variable: str) -> None:
        end = blocks.forget(variable)
        if end is not None:
            blocks.jump(end)
            return
        level = 1
        for priority, name in blocks.following():
            level += (name == "while") - (name == "endwhile")
            if not level:
                blocks.go(priority + 1)
                return
        log.warn(
            "{channel}: Couldn't find matching EndWhile? (While at {exten}@{context} priority {priority})",
            channel=channel.name,
            exten=channel.exten,
            context=channel.context,
            priority=channel.priority,
        )

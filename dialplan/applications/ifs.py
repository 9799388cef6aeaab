"""app_if: If, ElseIf, Else, EndIf, ExitIf."""

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

PREFIX = "IF"


class IfModule(DialplanModule):
    """Branches."""

    name = "app_if"
    description = "If Branch and Conditional Execution"

    def _blocks(self, channel: Channel) -> Blocks:
        return Blocks(self.server.require(Engine), channel, PREFIX)

    @application(
        "If",
        "expr",
        synopsis="Start an if branch.",
        description="Goes on inside where expr is true, else at the next ElseIf, behind Else, or behind EndIf.",
        see_also=("ElseIf", "Else", "EndIf", "ExitIf"),
    )
    def app_if(self, channel: Channel, args: Arguments) -> int:
        return self._begin(channel, args.raw)

    @application(
        "ElseIf",
        "expr",
        synopsis="Start an else if branch.",
        description=(
            "As If, where all branches before were not taken. A branch that was taken and does not end with ExitIf "
            "comes here as well, as in Asterisk."
        ),
        see_also=("If", "Else", "EndIf", "ExitIf"),
    )
    def app_else_if(self, channel: Channel, args: Arguments) -> int:
        return self._begin(channel, args.raw)

    def _begin(self, channel: Channel, condition: str) -> int:
        blocks = self._blocks(channel)
        variable = blocks.here()
        if holds(condition):
            if channel.get_variable(variable) is None:
                channel.set_variable(variable, blocks.at())
            return RESULT_OK
        end = blocks.forget(variable)
        if end is not None:
            blocks.jump(end)
            return RESULT_OK
        following = list(blocks.following())
        last = self._end(following)
        another, otherwise = (self._branch(following, name, last) for name in ("elseif", "else"))
        if another is not None:
            blocks.go(another)
        elif otherwise is not None:
            # Else itself would leave the block.
            blocks.go(otherwise + 1)
        elif last is not None:
            blocks.go(last + 1)
        return RESULT_OK

    @application(
        "Else",
        "expr",
        synopsis="Define an optional else branch.",
        description="Goes on here where no branch before was taken; a branch that was taken ends here.",
        see_also=("If", "ElseIf", "EndIf", "ExitIf"),
    )
    def app_else(self, channel: Channel, args: Arguments) -> int:
        self._leave(channel)
        return RESULT_OK

    @application("EndIf", synopsis="End an if branch.", see_also=("If", "ElseIf", "Else", "ExitIf"))
    def app_end_if(self, channel: Channel, args: Arguments) -> int:
        blocks = self._blocks(channel)
        end = blocks.forget(blocks.innermost())
        if end is not None:
            blocks.jump(end)
        return RESULT_OK

    @application(
        "ExitIf",
        synopsis="End an If branch.",
        description="Goes on behind EndIf.",
        see_also=("If", "ElseIf", "Else", "EndIf"),
    )
    def app_exit_if(self, channel: Channel, args: Arguments) -> int:
        if not self._leave(channel):
            log.warn(
                "{channel}: Couldn't find matching EndIf? (If at {exten}@{context} priority {priority})",
                channel=channel.name,
                exten=channel.exten,
                context=channel.context,
                priority=channel.priority,
            )
        return RESULT_OK

    def _leave(self, channel: Channel) -> bool:
        """Go on behind EndIf; whether there is one."""
        blocks = self._blocks(channel)
        end = blocks.forget(blocks.innermost())
        if end is not None:
            blocks.jump(end)
            return True
        last = self._end(list(blocks.following()))
        if last is None:
            return False
        blocks.go(last + 1)
        return True

    @staticmethod
    def _end(following: list[tuple[int, str]]) -> int | None:
        """The priority of the EndIf of the block that the channel is in."""
        level = 1
        for priority, name in following:
            level += (name == "if") - (name == "endif")
            if not level:
                return priority
        return None

    @staticmethod
    def _branch(following: list[tuple[int, str]], wanted: str, last: int | None) -> int | None:
        """The priority of the next branch of that block, before its end."""
        level = 1
        for priority, name in following:
            if last is None or priority >= last:
                return None
            level += (name == "if") - (name == "endif")
            if level == 1 and name == wanted:
                return priority
        return None

"""The stack of subroutines a channel is in: where each returns to, and the variables that are local to it.

Source: apps/app_stack.c. The stack is kept with the channel and ends with it. A frame is *special* when an application
or function of ours waits for the subroutine (`dialplan.applications.subroutine`): its Return ends the wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel

#: Where a channel keeps its stack (`Channel.extra`).
KEY = "gosub"
#: Subroutines inside each other: an end for a recursion that has none.
MAX_DEPTH = 1000
#: Arguments of a subroutine; the last keeps the rest.
MAX_ARGUMENTS = 100


class StackOverflow(ObeliskError):
    """Subroutines call each other too deeply."""


@dataclass(slots=True, eq=False)
class Frame:
    """One subroutine: the place behind the Gosub, how many ``ARGn`` it hides, and the names of its local variables."""

    context: str
    exten: str
    priority: int
    arguments: int = 0
    variables: list[str] = field(default_factory=list)
    special: bool = False
    #: Whether a special frame was left by Return.
    returned: bool = False


class Stack:
    """The frames, the newest last."""

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    @property
    def top(self) -> Frame | None:
        return self.frames[-1] if self.frames else None

    def check(self, wanted: str) -> None:
        """Raise StackOverflow where there is no room for one more frame, that of ``wanted``."""
        if len(self.frames) >= MAX_DEPTH:
            raise StackOverflow(f"'{wanted}' is one subroutine too many: {MAX_DEPTH} have not returned yet")

    def push(self, channel: Channel, place: tuple[str, str, int], arguments: Sequence[str]) -> Frame:
        """Enter a subroutine that returns to ``place``: its arguments are ``ARG1`` and so on, their number ``ARGC``.

        Arguments of the subroutine around it are hidden, also where there are more of them.
        """
        around = self.top
        frame = Frame(*place, max(len(arguments), 0 if around is None else around.arguments))
        for number in range(frame.arguments):
            value = arguments[number] if number < len(arguments) else ""
            set_local(channel, frame, f"ARG{number + 1}", value)
        set_local(channel, frame, "ARGC", str(len(arguments)))
        self.frames.append(frame)
        channel.in_subroutine = True
        return frame

    def pop(self, channel: Channel) -> Frame:
        """Leave the newest subroutine: its variables go, and those they hid are back. Raises IndexError."""
        frame = self.frames.pop()
        channel.in_subroutine = bool(self.frames)
        for name in reversed(frame.variables):
            channel.unset_variable(name)
        frame.variables.clear()
        return frame


def stack_of(channel: Channel) -> Stack | None:
    """The channel's stack; None where it has never been in a subroutine."""
    stack = channel.extra.get(KEY)
    return stack if isinstance(stack, Stack) else None


def made_stack(channel: Channel) -> Stack:
    """The channel's stack, made if need be."""
    stack = stack_of(channel)
    if stack is None:
        stack = channel.extra[KEY] = Stack()
    return stack


def set_local(channel: Channel, frame: Frame, name: str, value: str) -> None:
    """Set a variable of a frame; the first time, over the one of that name outside. Told as ``LOCAL(name)``."""
    if name in frame.variables:
        channel.set_variable(name, value)
    else:
        frame.variables.append(name)
        channel.push_variable(name, value)
    channel.tell_variable(f"LOCAL({name})", value)

"""What the manager, the console and the dialplan share of AGI: command lines, and the queue of a call in AsyncAGI."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel

#: Where a channel keeps its queue (`Channel.extra`); it stays after AsyncAGI has ended, as Asterisk's datastore does.
KEY = "async_agi"
#: Commands that may wait for one call; Asterisk has no bound.
MAX_QUEUED = 256
#: Words of one command line (MAX_ARGS less its terminator).
MAX_WORDS = 127


class AgiQueueError(ObeliskError):
    """A command cannot be queued; the text says why."""


def split_command(line: str) -> list[str]:
    """The words of a command line (res_agi.c, parse_args).

    Blanks and tabs divide unless in double quotes or behind a backslash; both are taken away. ``""`` is an empty word.
    Words beyond `MAX_WORDS` are dropped.
    """
    if '"' not in line and "\\" not in line:
        return [word for word in line.replace("\t", " ").split(" ") if word][:MAX_WORDS]
    words: list[list[str]] = []
    quoted = escaped = False
    between = True
    for character in line:
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append([])
                between = False
        elif character in " \t" and not quoted and not escaped:
            between = True
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            if between:
                words.append([])
                between = False
            words[-1].append(character)
        escaped = False
    return ["".join(word) for word in words[:MAX_WORDS]]


@dataclass(frozen=True, slots=True)
class AsyncCommand:
    """A command that waits. ``allowed`` says, when its turn comes, whether whoever sent it may have it run."""

    text: str
    command_id: str = ""
    allowed: Callable[[], bool] | None = None


class AsyncQueue:
    """The commands for one call, in order."""

    def __init__(self) -> None:
        self._commands: deque[AsyncCommand] = deque()
        self._waiting: Deferred[None] | None = None

    def put(self, command: AsyncCommand) -> None:
        """Add a command. Raises AgiQueueError when too many wait."""
        if len(self._commands) >= MAX_QUEUED:
            raise AgiQueueError(f"{MAX_QUEUED} commands wait already")
        self._commands.append(command)
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def take(self) -> AsyncCommand | None:
        """The next command, or None."""
        return self._commands.popleft() if self._commands else None

    def ready(self) -> Deferred[None]:
        """Fires once there is a command; may be cancelled. One at a time."""
        waiting: Deferred[None] = Deferred()
        if self._commands:
            waiting.callback(None)
        else:
            self._waiting = waiting
        return waiting


def queue_of(channel: Channel) -> AsyncQueue | None:
    """The queue of a channel that is, or was, in AsyncAGI; else None."""
    queue = channel.extra.get(KEY)
    return queue if isinstance(queue, AsyncQueue) else None


def open_queue(channel: Channel) -> AsyncQueue:
    """The queue of a channel, made where it has none."""
    queue = queue_of(channel)
    if queue is None:
        queue = channel.extra[KEY] = AsyncQueue()
    return queue

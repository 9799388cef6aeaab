"""One run of the dialplan on a channel: its timeouts, its pending jump, why it went to ``e``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from dialplan.extensions import Priority
    from pbx.core.channel import Channel

#: Where a channel keeps its run (`Channel.extra`).
KEY = "dialplan"

#: Results of applications that mean something to the loop; digits are their own codes.
RESULT_HANGUP = -1
RESULT_OK = 0
RESULT_ERROR = 1
RESULT_INCOMPLETE = 12

#: Steps taken without a wait before other calls get their turn.
STEPS_PER_TURN = 200
#: Steps that a call may take after its hangup: enough for any ``h``, an end for a loop there.
MAX_STEPS_HUNG_UP = 10_000

#: Whether BackGround gives a digit as its result though it is an extension (`Channel.extra`): as AGI scripts expect.
KEEPS_DIGITS = "keeps_digits"

DIGIT_RESULTS = {ord(digit): digit for digit in "0123456789ABCDEF*#"}

DEFAULT_RESPONSE_TIMEOUT = 10.0
DEFAULT_DIGIT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class RaisedException:
    """What EXCEPTION() reads: why and where the dialplan went to ``e``."""

    reason: str
    context: str
    exten: str
    priority: int


class Run:
    """The state of a dialplan on a channel, from its start to the channel's end."""

    __slots__ = (
        "borrowed",
        "digit_timeout",
        "exception",
        "ignores_hangup",
        "jumped",
        "released",
        "response_timeout",
        "step",
        "steps",
        "steps_hung_up",
        "subroutines",
    )

    def __init__(self) -> None:
        #: Set by whoever moved the channel to another place; the loop then goes there and not to the next priority.
        self.jumped = False
        self.digit_timeout = DEFAULT_DIGIT_TIMEOUT
        self.response_timeout = DEFAULT_RESPONSE_TIMEOUT
        self.exception: RaisedException | None = None
        #: Whether nobody runs a dialplan on the channel, but for a subroutine that somebody else waits for.
        self.borrowed = False
        #: Whether a hangup does not end it: in ``h`` and hangup handlers, where applications that need the call refuse.
        self.ignores_hangup = False
        #: Set when somebody else takes the channel: the run ends without a hangup, and this fires.
        self.released: Deferred[None] | None = None
        #: The step of extensions.conf that runs or ran last, for messages.
        self.step: Priority | None = None
        #: Steps taken, and those after the hangup.
        self.steps = self.steps_hung_up = 0
        #: Subroutines under way that an application or function waits for, each inside the one before.
        self.subroutines = 0


def timeouts_of(channel: Channel, first: float, following: float) -> tuple[float, float]:
    """Seconds to wait for a first digit and for each further one; those given where no dialplan runs."""
    run = run_of(channel)
    return (first, following) if run is None else (run.response_timeout, run.digit_timeout)


def run_of(channel: Channel) -> Run | None:
    """The run on ``channel``, or None where no dialplan runs."""
    run = channel.extra.get(KEY)
    return run if isinstance(run, Run) else None

"""What an action's handler is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ami.authorisation import may_use_function
from ami.codec import Message
from ami.replies import ActionError

if TYPE_CHECKING:
    from ami.holds import Hold
    from ami.manager import Manager
    from ami.session import Answer, Session
    from ami.table import Action
    from pbx.core.channel import Channel
    from pbx.server import Server


class Context:
    """One request: who asks what. ``write`` is the user's classes at this moment."""

    __slots__ = ("action", "answer", "hold", "manager", "request", "server", "session")

    def __init__(self, manager: Manager, session: Session, action: Action, request: Message, answer: Answer) -> None:
        self.manager = manager
        self.server: Server = manager.server
        self.session = session
        self.action = action
        self.request = request
        #: Takes the reply.
        self.answer = answer
        #: What `hold_call` keeps back until the reply.
        self.hold: Hold | None = None

    @property
    def action_id(self) -> str:
        return self.request.get("ActionID")

    @property
    def write(self) -> int:
        return self.session.write_classes

    def rights_now(self) -> int:
        """The user's classes as manager.conf has them at the moment, whether the session still exists or not."""
        account = self.manager.accounts.get(self.session.username)
        return 0 if account is None else account.user.write

    def get(self, name: str, default: str = "") -> str:
        """A parameter's value; ``default`` where it is absent or empty."""
        return self.request.get(name) or default

    def hold_call(self, linkedid: str) -> None:
        """Keep the events of a call that this action makes back until it has been answered."""
        self.hold = self.session.hold_call(linkedid)

    def channel(self, parameter: str = "Channel", missing: str = "No such channel") -> Channel:
        """The channel a parameter names. Raises ActionError(``missing``)."""
        found = self.server.channels.find(self.get(parameter))
        if found is None:
            raise ActionError(missing)
        return found

    def check_function(self, expression: str, refusal: str) -> None:
        """Raise ActionError(``refusal``) unless the user may use this variable or function."""
        if "(" in expression and not may_use_function(self.write, expression, self.server.dialplan):
            raise ActionError(refusal)

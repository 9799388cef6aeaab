"""A manager session, without I/O: what came in goes to `receive`, what goes out to its `Link`.

States: CONNECTED (greeted, not logged in), AUTHENTICATED, CLOSING (nothing more is read; a refused login waits its
second here). Only Login, Logoff and Challenge work before a login.

Order promised: replies to actions that need no waiting come in the order asked; events that an action causes while it
runs follow its reply; events of a call that an Originate waits for follow that reply, whenever it comes.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from enum import Enum
from inspect import isawaitable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ami.authorisation import may_act
from ami.classes import ALL, NONE, SYSTEM, class_text, parse_event_mask
from ami.codec import BadMessage, Codec, Message
from ami.context import Context
from ami.encoding import to_bytes
from ami.events.event import Event
from ami.events.system import fully_booted_text
from ami.filters import FilterSet
from ami.holds import Hold, hold_call, keep_back
from ami.replies import GOODBYE, AnyReply, Reply, error_reply
from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.logs import verbose
from pbx.security_events import (
    RequestBadFormat,
    RequestNotAllowed,
    SecurityEvent,
    SuccessfulAuth,
)

if TYPE_CHECKING:
    from ami.link import Link
    from ami.manager import Manager
    from ami.table import Action
    from ami.users import Account

log = Logger()

#: The protocol's version, which is not Asterisk's.
AMI_VERSION = "11.0.0"
GREETING = f"Asterisk Call Manager/{AMI_VERSION}\r\n"
#: Seconds a refused login waits for its answer, as Asterisk's sleep(1): it slows down guessing.
REFUSAL_SECONDS = 1.0
#: Actions of one session that wait at the same time; reading pauses beyond.
MAX_ACTIONS_WAITING = 256
#: Longest challenge, in digits.
CHALLENGE_DIGITS = 9

SHUTTING_DOWN = "Asterisk is shutting down"
DENIED = "Permission denied"
MISSING_ACTION = "Missing action in request"

#: Where the reply to a message goes.
Answer = Callable[[bytes], object]


class SessionState(Enum):
    """Where a session is in its life."""

    CONNECTED = "connected"
    AUTHENTICATED = "authenticated"
    CLOSING = "closing"


class Session:
    """One client."""

    def __init__(self, manager: Manager, link: Link) -> None:
        self._manager = manager
        self._link = link
        self._codec = Codec()
        self.state = SessionState.CONNECTED
        self.account: Account | None = None
        self.read_classes = NONE
        self.write_classes = NONE
        self.event_mask = NONE
        self.filters: FilterSet | None = None
        self.started_at = manager.server.clock.now()
        self.challenge = ""
        self.waiting = 0
        self.events_sent = 0
        self._out: list[bytes] = []
        self._holds: list[Hold] = []
        self._paused = False
        self._boot_told = False
        self._event_waiters: list[Deferred[None]] = []
        self._login_timer = manager.server.clock.call_later(manager.general.authtimeout, self._login_too_late)

    def __repr__(self) -> str:
        return f"<Session {self.username or '-'} {self.state.value} {self.peer}>"

    # Who it is

    @property
    def username(self) -> str:
        return "" if self.account is None else self.account.name

    @property
    def peer(self) -> str:
        remote = self._link.peer
        return f"{remote.host}:{remote.port}"

    @property
    def address(self) -> str:
        return self._link.peer.host

    @property
    def queued(self) -> int:
        """Bytes the client has not taken yet."""
        return self._link.queued

    @property
    def authenticated(self) -> bool:
        return self.state is SessionState.AUTHENTICATED

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """What the user's ``setvar`` puts on channels it originates."""
        return () if self.account is None else self.account.user.setvar

    # The stream

    def greet(self) -> None:
        """Say what we are; the first thing on the wire."""
        self._link.write(GREETING.encode("ascii"))

    def receive(self, data: bytes) -> None:
        """Take what came in and answer it."""
        if self.state is SessionState.CLOSING:
            return
        self._codec.receive_data(data)
        self._work()

    def _work(self) -> None:
        codec = self._codec
        while self.state is not SessionState.CLOSING and not self._paused:
            message = codec.next_event()
            if message is None:
                break
            self.take(message)
        self.flush()

    def lost(self) -> None:
        """The connection has gone."""
        if self.authenticated and self.account is not None and self.account.user.displayconnects:
            verbose(log, 2, "Manager '{user}' logged off from {peer}", user=self.username, peer=self.address)
        self.state = SessionState.CLOSING
        cancel_timer(self._login_timer)
        self._holds.clear()
        self._out.clear()
        waiters, self._event_waiters = self._event_waiters, []
        for waiter in waiters:
            waiter.cancel()

    def send(self, data: bytes) -> None:
        """Put bytes in the stream; they go out with the next flush, which comes by itself."""
        if not self._out:
            self._manager.flush_soon(self)
        self._out.append(data)

    def flush(self) -> None:
        """Write what was put in the stream."""
        out = self._out
        if out:
            self._out = []
            self._link.write(out[0] if len(out) == 1 else b"".join(out))

    def close(self) -> None:
        """End the session once what was sent has gone."""
        self.state = SessionState.CLOSING
        self._manager.stream.remove(self)
        self.flush()
        self._link.close()

    # Events

    def deliver(self, event: Event) -> None:
        """Send an event that the session's classes allow, unless its filters stop it."""
        filters = self.filters
        if filters is not None and not filters.passes(event):
            return
        if self._holds and keep_back(self._holds, event):
            return
        out = self._out
        if not out:
            self._manager.flush_soon(self)
        out.append(event.data)
        self.events_sent += 1
        if self._event_waiters:
            self._wake()

    def _begin_hold(self) -> Hold:
        hold = Hold()
        self._holds.append(hold)
        return hold

    def _end_hold(self, hold: Hold) -> None:
        if hold in self._holds:
            self._holds.remove(hold)
            if hold.data:
                self.events_sent += len(hold.data)
                self.send(b"".join(hold.data))
                self._wake()

    def hold_call(self, linkedid: str) -> Hold:
        """Keep this call's events back until the reply to the action that runs now and will wait."""
        return hold_call(self._holds, linkedid)

    def _wake(self) -> None:
        waiters, self._event_waiters = self._event_waiters, []
        for waiter in waiters:
            if not waiter.called:  # else its time was up before
                waiter.callback(None)

    def take_events(self) -> bytes:
        """Events that wait until they are asked for: none, where they come by themselves."""
        return b""

    def next_event(self) -> Deferred[None]:
        """Fires when the next event is delivered."""
        waiter: Deferred[None] = Deferred()
        self._event_waiters.append(waiter)
        return waiter

    def set_event_mask(self, mask: int) -> None:
        """Ask for the events of some classes; those the user may not read stay away."""
        self.event_mask = mask & self.read_classes
        self._manager.stream.refresh()

    # Requests

    def take(self, request: Message, answer: Answer | None = None) -> Deferred[None] | None:
        """Do what a message asks for; its reply goes to ``answer``, or into the stream.

        Gives a Deferred where the action waits: it fires once that has ended.
        """
        answer = self.send if answer is None else answer
        action_id = request.get("ActionID")
        if isinstance(request, BadMessage):
            log.warn("manager: a message of {peer} was dropped: {reason}", peer=self.peer, reason=request.reason)
            answer(error_reply(request.reason).encode(action_id))
            return None
        name = request.get("Action")
        manager = self._manager
        if not name:
            self.report(RequestBadFormat, request_type="Action: NONE")
            answer(error_reply(MISSING_ACTION).encode(action_id))
            return None
        if manager.server.stopping == "now":
            answer(error_reply(SHUTTING_DOWN).encode(action_id))
            return None
        action = manager.find_action(name)
        if not self.authenticated and (action is None or not action.before_login):
            self._not_allowed(name, action_id, answer)
            return None
        if action is None:
            self.report(RequestBadFormat, request_type=f"Action: {name}")
            text = f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
            answer(error_reply(text).encode(action_id))
            return None
        if not may_act(self.write_classes, action):
            self._not_allowed(name, action_id, answer)
            return None
        missing = action.first_missing(request)
        if missing:
            answer(error_reply(missing).encode(action_id))
            return None
        return self._act(action, request, action_id, answer)

    def _not_allowed(self, name: str, action_id: str, answer: Answer) -> None:
        self.report(RequestNotAllowed, request_type=f"Action: {name}")
        answer(error_reply(DENIED).encode(action_id))

    def _act(self, action: Action, request: Message, action_id: str, answer: Answer) -> Deferred[None] | None:
        # SuppressEvents changes nothing here: Asterisk then leaves out one look at the queue of events, which its loop
        # takes right afterwards.
        hold = self._begin_hold()
        try:
            context = Context(self._manager, self, action, request, answer)
            result = action.handler(context)
            if isawaitable(result):
                return self._wait(result, context)
            if result is not None:
                answer(result.encode(action_id))
        except ObeliskError as error:
            answer(error_reply(str(error)).encode(action_id))
        except Exception:  # an action's defect must end neither the session nor the call it is about
            log.failure("manager action {action} failed", action=action.name)
            answer(error_reply(f"Internal error in action {action.name}").encode(action_id))
        finally:
            self._end_hold(hold)
        return None

    def _wait(self, result: Awaitable[AnyReply | None], context: Context) -> Deferred[None]:
        self.waiting += 1
        if self.waiting >= MAX_ACTIONS_WAITING:
            self.pause()
        return Deferred.fromCoroutine(self._finish(result, context))

    async def _finish(self, result: Awaitable[AnyReply | None], context: Context) -> None:
        reply: AnyReply | None
        try:
            reply = await result
        except ObeliskError as error:
            reply = error_reply(str(error))
        except Exception:  # as in _act
            log.failure("manager action {action} failed", action=context.action.name)
            reply = error_reply(f"Internal error in action {context.action.name}")
        self.waiting -= 1
        if self.state is SessionState.CLOSING:
            return
        if reply is not None:
            context.answer(reply.encode(context.action_id))
        if context.hold is not None:
            self._end_hold(context.hold)
        if self.waiting < MAX_ACTIONS_WAITING // 2:
            self.resume()

    def pause(self) -> None:
        """Take no more requests until `resume`."""
        if not self._paused:
            self._paused = True
            self._link.pause()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._link.resume()
            # What was received before the pause, in a turn of its own.
            self._manager.server.clock.call_later(0, self._work)

    # Login

    def new_challenge(self) -> str:
        """The challenge of this connection: the same however often it is asked for."""
        if not self.challenge:
            self.challenge = str(secrets.randbelow(10**CHALLENGE_DIGITS))
        return self.challenge

    def _login_too_late(self) -> None:
        if self.state is SessionState.CONNECTED:
            verbose(log, 2, "Client from {peer}, failed to authenticate in time", peer=self.address)
            self.close()

    def refuse(self, message: str, context: Context) -> None:
        """Answer with an Error after a second, then close."""
        self.state = SessionState.CLOSING
        self.flush()

        def answer() -> None:
            context.answer(error_reply(message).encode(context.action_id))
            self.flush()
            self._link.close()

        cancel_timer(self._login_timer)
        self._login_timer = self._manager.server.clock.call_later(REFUSAL_SECONDS, answer)

    def logged_in(self, account: Account, context: Context) -> None:
        """The client has proved to be this user: answer, and let events come."""
        cancel_timer(self._login_timer)
        self.state = SessionState.AUTHENTICATED
        self.account = account
        user = account.user
        self.read_classes, self.write_classes = user.read, user.write
        self.filters = FilterSet(account.filters) if account.filters else None
        self.started_at = self._manager.server.clock.now()
        self._link.set_write_timeout(user.writetimeout / 1000)
        context.answer(Reply("Authentication accepted").encode(context.action_id))
        mask = parse_event_mask(context.request.get("Events"))
        self.event_mask = (ALL if mask is None else mask) & self.read_classes
        if user.displayconnects:
            verbose(log, 2, "Manager '{user}' logged on from {peer}", user=account.name, peer=self.address)
        server = self._manager.server
        if server.booted and self.event_mask & SYSTEM:
            now = server.clock.now()
            text = fully_booted_text(now - server.started_at, now - server.reloaded_at)
            context.answer(to_bytes(f"Event: FullyBooted\r\nPrivilege: {class_text(SYSTEM)}\r\n{text}\r\n"))
        self._manager.logged_in(self)
        self.report(SuccessfulAuth, using_password=True)

    def log_off(self, context: Context) -> None:
        """Say goodbye and close."""
        context.answer(Reply("Thanks for all the fish.", response=GOODBYE).encode(context.action_id))
        self.close()

    # Security events

    def report(self, kind: type[SecurityEvent], **fields: object) -> None:
        """Publish what happened to this session, with the fields that ``kind`` has beside those of every kind."""
        bus = self._manager.server.bus
        if not bus.wanted(kind):
            return
        values: dict[str, object] = {
            "time": self._manager.server.clock.now(),
            "service": "AMI",
            "account_id": self.username,
            "session_id": f"{id(self):#x}",
            "local": self._link.local,
            "remote": self._link.peer,
            "session_time": self.started_at,
        }
        bus.publish(kind(**{**values, **fields}))  # type: ignore[arg-type]  # the kinds' own fields differ

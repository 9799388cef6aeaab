"""The channel: one leg of a call, the same for every technology.

A channel has at any time at most one *owner*, the coroutine that services it: the dialplan running on it, or the dial
that made it. Digits and controls from the far end wait in a bounded queue until the owner reads them (`read`), or go
at once to a reader that a bridge or a dial has put in place (`set_reader`). Two things cut into what the owner does:
a hangup and a redirect. Both make the owner's current wait raise `ChannelInterrupted`; the owner then looks which of
the two it was. Only `hangup` ends a channel, once, with the cause that was set first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.clock import cancel_timer
from pbx.core import hangup_source, messages
from pbx.core.causes import Cause
from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS, Control, ControlFrame, DigitBegin, DigitEnd, Frame
from pbx.core.party import (
    NO_CALLER,
    NO_CONNECTED,
    NO_DIALED,
    NO_REDIRECTING,
    Caller,
    Connected,
    Dialed,
    Redirecting,
)
from pbx.core.snapshot import ChannelSnapshot
from pbx.core.states import ChannelState
from pbx.core.variables import BUILTINS, VariableStore
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channels import Channels
    from pbx.core.technology import ChannelDriver

log = Logger()
T = TypeVar("T")

#: Frames kept for an owner that does not read; the oldest go first. Asterisk warns at 96 voice frames.
MAX_QUEUED_FRAMES = 128

#: Asterisk's default of MAX_FORWARDS().
MAX_FORWARDS = 20

#: What an event of a requested hangup has for its cause (AST_SOFTHANGUP_APPUNLOAD, AST_SOFTHANGUP_EXPLICIT): who asked.
SOFT_DIALPLAN_ENDED = 16
SOFT_EXPLICIT = 32

#: What the far end of an outgoing call says about its state.
_STATE_OF_CONTROL: dict[Control | None, ChannelState] = {
    Control.RINGING: ChannelState.RINGING,
    Control.ANSWER: ChannelState.UP,
}
_HOLDING = frozenset((Control.HOLD, Control.UNHOLD))


class ChannelInterrupted(ObeliskError):
    """The channel was hung up or redirected while somebody waited on it."""


class Channel:
    """One leg of a call. Made by `Channels.create`, never directly."""

    __slots__ = (
        "_announced",
        "_application",
        "_channels",
        "_data",
        "_driver",
        "_ending",
        "_frames",
        "_published",
        "_read_waiter",
        "_reader",
        "_redirect",
        "_snapshot",
        "_technology",
        "_waiters",
        "accountcode",
        "alive",
        "amaflags",
        "answered",
        "audio",
        "before_end",
        "bridge",
        "call_forward",
        "caller",
        "connected",
        "context",
        "created",
        "dialed",
        "exten",
        "extra",
        "formats",
        "hangup_cause",
        "hangup_requested",
        "held",
        "in_hangup",
        "in_subroutine",
        "inheritable",
        "language",
        "linkedid",
        "max_forwards",
        "music_class",
        "name",
        "on_end",
        "on_hold",
        "originated",
        "outgoing",
        "owner",
        "peeraccount",
        "priority",
        "protocol_id",
        "redirecting",
        "reported",
        "state",
        "tech_cause",
        "tenantid",
        "uniqueid",
        "userfield",
        "variables",
        "yanked",
    )

    def __init__(
        self, channels: Channels, technology: str, name: str, uniqueid: str, linkedid: str, created: float
    ) -> None:
        self._channels = channels
        self._technology = technology
        self._driver: ChannelDriver | None = None
        self.name: str = name
        self.uniqueid: str = uniqueid
        self.linkedid: str = linkedid
        self.created: float = created
        self.answered: float | None = None
        self.state = ChannelState.DOWN
        self.outgoing = False
        self.originated = False
        self.caller: Caller = NO_CALLER
        self.connected: Connected = NO_CONNECTED
        self.dialed: Dialed = NO_DIALED
        self.redirecting: Redirecting = NO_REDIRECTING
        #: Where the far end of an unanswered outgoing call wants it to go: ``exten`` or ``Technology/address``.
        self.call_forward = ""
        #: How many more times a call may be dialled onwards: what ends a loop of dials.
        self.max_forwards = MAX_FORWARDS
        self.context: str = "default"
        self.exten: str = "s"
        self.priority: int = 1
        self._application = ""
        self._data = ""
        self.language = "en"
        self.music_class = ""
        self.accountcode = ""
        self.peeraccount = ""
        self.tenantid = ""
        self.userfield = ""
        self.amaflags = 3
        self.protocol_id = ""
        self.formats: tuple[str, ...] = ()
        self.variables: VariableStore = VariableStore()
        #: Names of variables that events show, or None.
        self.reported: dict[str, None] | None = None
        self.audio = channels.switchboard.create_leg(name)
        self.audio.set_digit_listener(self._digit_in_media)
        self.bridge: Bridge | None = None
        self.held = False
        #: Whether we put the far end on hold.
        self.on_hold = False
        self.hangup_cause: int = 0
        self.tech_cause = ""
        self.hangup_requested = False
        #: Whether hangup handlers or the extension h run; and whether a subroutine does.
        self.in_hangup = False
        self.in_subroutine = False
        self.alive = True
        #: What services the channel: "pbx" (a dialplan runs on it), "dial", "stasis", or "" while nobody does.
        self.owner = ""
        #: Set when the channel was taken from its owner (redirected without a dialplan): the owner must let go of it.
        self.yanked = False
        #: Run in order when the channel ends, before its last message.
        self.on_end: list[Callable[[Channel], object]] = []
        #: Runs on the channel, hung up but there, before it ends; it must come to an end itself.
        self.before_end: Callable[[Channel], Deferred[None]] | None = None
        #: State that features keep with the channel, by their own key.
        self.extra: dict[str, object] = {}
        #: The same for what dialled channels inherit; values are not changed once they are here.
        self.inheritable: dict[str, object] = {}
        self._frames: deque[Frame] | None = None
        self._reader: Callable[[Frame], object] | None = None
        self._waiters: list[Deferred[object]] = []
        self._read_waiter: Deferred[None] | None = None
        self._redirect: tuple[str, str, int] | None = None
        self._snapshot: ChannelSnapshot | None = None
        self._announced = False
        self._ending = False
        self._published: ChannelSnapshot | None = None

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.state.text}>"

    # Parts

    @property
    def driver(self) -> ChannelDriver:
        """The technology's side. Raises ObeliskError before it is attached or after the end."""
        if self._driver is None:
            raise ObeliskError(f"{self.name} has no technology behind it")
        return self._driver

    @property
    def technology(self) -> str:
        return self._technology

    @property
    def channels(self) -> Channels:
        """The registry that made the channel."""
        return self._channels

    @property
    def device(self) -> str:
        """The device the channel belongs to: its name without the part that makes it unique (``PJSIP/alice``)."""
        base, dash, _ = self.name.rpartition("-")
        return base if dash else self.name

    @property
    def application(self) -> str:
        """The running application, or empty."""
        return self._application

    @property
    def application_data(self) -> str:
        return self._data

    def attach(self, driver: ChannelDriver) -> None:
        """Give the channel its technology side, right after its creation."""
        self._driver = driver

    # Snapshots

    def snapshot(self) -> ChannelSnapshot:
        """The channel as it is now; the same object until something changes."""
        snapshot = self._snapshot
        if snapshot is None:
            # By position, in the order of the fields: by their names it would take six times as long.
            snapshot = self._snapshot = ChannelSnapshot(
                self.name,
                self.uniqueid,
                self.linkedid,
                self._technology,
                self.state,
                self.caller,
                self.connected,
                self.language,
                self.accountcode,
                self.peeraccount,
                self.tenantid,
                self.userfield,
                self.context,
                self.exten,
                self.priority,
                self._application,
                self._data,
                self.created,
                self.answered,
                None if self.bridge is None else self.bridge.id,
                self.hangup_cause,
                self.tech_cause,
                self.protocol_id,
                self.alive,
                self.held,
                () if self.reported is None else self._reported(),
                self.outgoing,
                self.originated,
                self.amaflags,
                self.dialed.number,
                self.redirecting.source.number,
                self.in_subroutine,
                self.in_hangup,
            )
        return snapshot

    def told(self) -> ChannelSnapshot:
        """The channel as it was last told of: what Asterisk shows with events that are no change of the channel.

        The dialplan's place moves without being told until an application runs there (see `set_position`).
        """
        old = self._published
        return self.snapshot() if old is None or not self._channels.bus.wanted(messages.ChannelChanged) else old

    def changed(self) -> None:
        """Say that fields of the channel were set; whoever sets several calls it once, at the end."""
        self._snapshot = None
        old = self._published
        if old is None:
            return
        bus = self._channels.bus
        if bus.wanted(messages.ChannelChanged):
            new = self.snapshot()
            if new != old:
                self._published = new
                bus.publish(messages.ChannelChanged(old, new))

    def catch_up(self) -> None:
        """Let the next change be told against the present: nobody read the changes until now."""
        if self._announced:
            self._published = self.snapshot()

    def announce(self) -> None:
        """Publish the channel's creation; made by `Channels.create` unless it was asked to wait."""
        if self._announced:
            return
        self._announced = True
        bus = self._channels.bus
        # Nobody reads: no snapshot is built, and `catch_up` makes the first when somebody does.
        if bus.wanted(messages.ChannelCreated) or bus.wanted(messages.ChannelChanged):
            self._published = self.snapshot()
            bus.publish(messages.ChannelCreated(self._published))

    def set_state(self, state: ChannelState) -> None:
        """Enter a state; Up is noted as the time of answer."""
        if state is self.state:
            return
        self.state = state
        if state is ChannelState.UP and self.answered is None:
            self.answered = self._channels.clock.now()
        self.changed()
        self._channels.device_changed(self)

    def set_position(self, context: str, exten: str, priority: int) -> None:
        """Where the dialplan is now; told with the next change, as in Asterisk, such as the application it runs."""
        self.context = context
        self.exten = exten
        self.priority = priority
        self._snapshot = None

    def set_application(self, name: str, data: str) -> None:
        """Which application runs; an empty name when it has ended."""
        self._application = name
        self._data = data
        self.changed()

    def forget_application(self, outer: str = "", data: str = "") -> None:
        """The application has ended, and ``outer`` goes on that ran it; told with the next change, as by pbx_exec."""
        self._application, self._data = outer, data
        self._snapshot = None

    def rename(self, name: str) -> None:
        """Change the channel's name in the registry and tell everybody."""
        old = self.name
        self._channels.renamed(self, name)
        self.name = name
        self.changed()
        if self._channels.bus.wanted(messages.ChannelRenamed):
            self._channels.bus.publish(messages.ChannelRenamed(self.snapshot(), old))

    # Variables

    def get_variable(self, name: str) -> str | None:
        """A built-in, channel or global variable by plain name; None when unset."""
        built_in = BUILTINS.get(name)
        if built_in is not None:
            return built_in(self)
        value = self.variables.get(name)
        return self._channels.get_global(name) if value is None else value

    def report(self, name: str) -> None:
        """Let snapshots, and with them events, show a variable."""
        self.reported = {**(self.reported or {}), name: None}
        self._snapshot = None

    def _reported(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, value) for name in self.reported or () if (value := self.variables.get(name)) is not None)

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; ``_`` and ``__`` before the name let dialled channels inherit it."""
        plain = self.variables.set(name, value)
        if self.reported is not None and plain in self.reported:
            self.changed()
        self.tell_variable(name, value)

    def push_variable(self, name: str, value: str) -> None:
        """Put a variable over the one of that name, until `unset_variable` brings that back. Nobody is told."""
        plain = self.variables.push(name, value)
        if self.reported is not None and plain in self.reported:
            self._snapshot = None

    def unset_variable(self, name: str) -> None:
        """Take a channel variable away; an earlier one that it was put over is back. A value that was lost is told."""
        value = self.variables.remove(name)
        if self.reported is not None and name in self.reported:
            self._snapshot = None
        if value:
            self.tell_variable(name, "")

    def tell_variable(self, name: str, value: str) -> None:
        """Tell everybody that a variable, or a function by its whole name, has been set."""
        if self._channels.bus.wanted(messages.VariableSet):
            self._channels.bus.publish(messages.VariableSet(self.told(), name, value))

    def inherit_from(self, parent: Channel) -> None:
        """Take the parent's inheritable variables, account and language, as a dialled channel does."""
        for name, value in parent.variables.inherited():
            self.set_variable(name, value)
        self.inheritable.update(parent.inheritable)

    # What the far end does

    def queue_frame(self, frame: Frame) -> None:
        """The technology reports a digit, text or control from the far end."""
        if not self.alive:
            return
        kind = frame.kind if isinstance(frame, ControlFrame) else None
        if isinstance(frame, DigitBegin):
            self._publish_digit_begin(frame.digit, "Received")
        elif isinstance(frame, DigitEnd):
            self._publish_digit_end(frame.digit, "Received", frame.duration_ms)
        elif kind is Control.HOLD or kind is Control.UNHOLD:
            self._hold_changed(kind is Control.HOLD, frame.data if isinstance(frame, ControlFrame) else None)
        elif self.outgoing and (state := _STATE_OF_CONTROL.get(kind)) is not None and self.state is not ChannelState.UP:
            self.set_state(state)
        if self._reader is not None:
            self._reader(frame)
            return
        if self._frames is None:
            self._frames = deque(maxlen=MAX_QUEUED_FRAMES)
        self._frames.append(frame)
        if self._read_waiter is not None:
            _fire(self._read_waiter)

    def _digit_in_media(self, digit: str, duration_ms: int | None) -> None:
        self.queue_frame(DigitBegin(digit) if duration_ms is None else DigitEnd(digit, duration_ms))

    def _hold_changed(self, held: bool, music_class: object) -> None:
        if held is self.held:
            return
        self.held = held
        self.changed()
        if self._channels.bus.wanted(messages.HoldChanged):
            name = music_class if isinstance(music_class, str) else ""
            self._channels.bus.publish(messages.HoldChanged(self.snapshot(), held, name))

    def remote_hangup(self, cause: int, tech_cause: str = "", *, quiet: bool = False) -> None:
        """The technology reports that the far end is gone, or (``quiet``) was never there. The first cause counts."""
        self._request_hangup(cause, tech_cause, soft=False, quiet=quiet)

    def request_hangup(self, cause: int = Cause.NORMAL_CLEARING, *, quiet: bool = False) -> None:
        """Ask the channel's owner to end the call; ``quiet`` (AMI Hangup) without an event of the request."""
        self._request_hangup(cause, "", soft=True, quiet=quiet)

    def _request_hangup(self, cause: int, tech_cause: str, *, soft: bool, quiet: bool) -> None:
        if self.hangup_requested or not self.alive:
            return
        self.set_hangup_cause(cause, tech_cause)
        self.hangup_requested = True
        if not soft and self.technology != "Local":
            hangup_source.note(self, self.name)
        if not quiet and self._channels.bus.wanted(messages.HangupRequested):
            shown = SOFT_EXPLICIT if soft else self.hangup_cause
            self._channels.bus.publish(messages.HangupRequested(self.told(), shown, soft, self.tech_cause))
        if self._reader is not None:
            self._reader(ControlFrame(Control.HANGUP))
        self._interrupt()
        if not self.owner and self.bridge is None:
            self.hangup()

    def set_hangup_cause(self, cause: int, tech_cause: str = "") -> None:
        """Set why the call ends; the first writer wins."""
        if self.hangup_cause == 0 and cause:
            self.hangup_cause = int(cause)
            self.changed()
        if tech_cause and not self.tech_cause:
            self.tech_cause = tech_cause

    # What the owner does

    @property
    def interrupted(self) -> bool:
        """Whether a hangup or a redirect waits to be seen by the owner."""
        return self.hangup_requested or self._redirect is not None or not self.alive

    @property
    def waited_on(self) -> bool:
        """Whether somebody waits on the channel for something that a hangup or a redirect would cut short."""
        return bool(self._waiters)

    def check(self) -> None:
        """Raise ChannelInterrupted if `interrupted`."""
        if self.hangup_requested or self._redirect is not None or not self.alive:
            raise ChannelInterrupted(f"{self.name} was {'hung up' if self._redirect is None else 'redirected'}")

    async def wait_for(self, waiting: Deferred[T]) -> T:
        """Wait for ``waiting``, which is cancelled when the channel is interrupted.

        Raises ChannelInterrupted then, or at once if the channel is interrupted already.
        """
        if self.interrupted:
            waiting.addErrback(lambda _failure: None)
            waiting.cancel()
            self.check()
        entry: Deferred[object] = waiting  # type: ignore[assignment]
        self._waiters.append(entry)
        try:
            return await waiting
        except CancelledError:
            self.check()
            raise
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """To be awaited; raises ChannelInterrupted. Frames stay in the queue."""
        return self.wait_for(self._channels.clock.sleep(seconds))

    async def read(self, timeout: float | None = None) -> Frame | None:
        """The next frame of the far end, or None after ``timeout`` seconds. Raises ChannelInterrupted."""
        self.check()
        if self._frames:
            return self._frames.popleft()
        if timeout is not None and timeout <= 0:
            return None
        waiting: Deferred[None] = Deferred()
        timer = None if timeout is None else self._channels.clock.call_later(timeout, _fire, waiting)
        self._read_waiter = waiting
        try:
            await self.wait_for(waiting)
        finally:
            self._read_waiter = None
            cancel_timer(timer)
        return self._frames.popleft() if self._frames else None

    async def read_digit(self, timeout: float | None = None) -> str | None:
        """The next digit pressed, or None after ``timeout`` seconds without one. Raises ChannelInterrupted."""
        clock = self._channels.clock
        deadline = None if timeout is None else clock.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - clock.monotonic()
            if left is not None and left <= 0 and not self._frames:
                self.check()
                return None
            frame = await self.read(left)
            if isinstance(frame, DigitEnd):
                return frame.digit
            if frame is None and deadline is not None and clock.monotonic() >= deadline:
                return None

    def drop_digits(self) -> None:
        """Forget what was pressed and not read."""
        if self._frames:
            self._frames = deque(
                (f for f in self._frames if not isinstance(f, DigitBegin | DigitEnd)), maxlen=MAX_QUEUED_FRAMES
            )

    def set_reader(self, reader: Callable[[Frame], object] | None) -> None:
        """Send frames to ``reader`` as they come, beginning with those that wait; None queues them again.

        A reader also gets ``ControlFrame(Control.HANGUP)`` when the channel's end is requested.
        """
        self._reader = reader
        if reader is not None and self._frames:
            waiting, self._frames = self._frames, None
            for frame in waiting:
                reader(frame)

    def _interrupt(self) -> None:
        for waiter in list(self._waiters):
            if not waiter.called:
                waiter.cancel()

    # What we tell the far end

    def call(self) -> None:
        """Place the outgoing call."""
        self.outgoing = True
        self.driver.call()

    def answer(self) -> None:
        """Accept the call; nothing when it is up already or over."""
        if self.state is ChannelState.UP or self.hangup_requested or not self.alive:
            return
        if not self.outgoing:
            self.driver.answer()
        self.set_state(ChannelState.UP)

    def indicate(self, kind: Control, data: object = None) -> bool:
        """Tell the far end; False when the technology could not or the call is over."""
        if not self.alive or self.hangup_requested or self._driver is None:
            return False
        if isinstance(data, Connected):
            self.connected = data
            self.changed()
        elif isinstance(data, Redirecting):
            self.redirecting = data
            self.changed()
        done = self._driver.indicate(kind, data)
        if kind in _HOLDING:
            self.on_hold = kind is Control.HOLD
            done = done or self._hold(self.on_hold, data)
            self._channels.device_changed(self)
        if self._channels.bus.wanted(messages.ChannelIndicated):
            self._channels.bus.publish(messages.ChannelIndicated(self.snapshot(), kind))
        return done

    def _hold(self, held: bool, data: object) -> bool:
        """Hold that the technology does not convey is music to the far end."""
        music = self._channels.music
        if music is None:
            return False
        if not held:
            music.stop(self)
            return True
        return music.start(self, data if isinstance(data, str) else "")

    def send_digit(self, digit: str, duration_ms: int = DEFAULT_DIGIT_MS) -> None:
        """Send one DTMF digit, without an event. Raises ValueError for a digit that does not exist."""
        digit = digit.upper()
        if digit not in DIGITS:
            raise ValueError(f"{digit!r} is not a DTMF digit")
        if self.alive and not self.hangup_requested:
            self.driver.send_digit(digit, duration_ms)

    def relay_digit(self, frame: DigitEnd) -> None:
        """Send a digit that came from another channel, or this one; told as such (ast_write)."""
        if not self.alive or self.hangup_requested:
            return
        self._publish_digit_begin(frame.digit, "Sent")
        self.driver.send_digit(frame.digit, frame.duration_ms)
        self._publish_digit_end(frame.digit, "Sent", frame.duration_ms)

    def send_text(self, text: str, content_type: str = "") -> bool:
        """Send a text inside the call, plain without ``content_type``; False where the technology cannot."""
        return self.alive and not self.hangup_requested and self.driver.send_text(text, content_type)

    def transfer(self, target: str) -> bool:
        """Ask the far end to call ``target`` instead; False where the technology cannot."""
        return self.alive and not self.hangup_requested and self.driver.transfer(target)

    def _publish_digit_begin(self, digit: str, direction: str) -> None:
        if self._channels.bus.wanted(messages.DigitBegan):
            self._channels.bus.publish(messages.DigitBegan(self.told(), digit, direction))

    def _publish_digit_end(self, digit: str, direction: str, duration_ms: int) -> None:
        if self._channels.bus.wanted(messages.DigitEnded):
            self._channels.bus.publish(messages.DigitEnded(self.told(), digit, direction, duration_ms))

    # Moving and ending

    def redirect(self, context: str, exten: str, priority: int) -> None:
        """Send the channel to another place in the dialplan (AMI Redirect, ARI continue).

        A running dialplan sees it at its next wait; a channel without one leaves its bridge or dial and gets one.
        """
        if self.hangup_requested or not self.alive:
            return
        self._redirect = (context, exten, priority)
        if self.owner == "pbx":
            self._interrupt()
            if self.bridge is not None:
                self.bridge.remove(self)
        else:
            self._channels.yank(self)

    def plan_redirect(self, context: str, exten: str, priority: int) -> None:
        """Note where to go at the next interruption, without making one (see `Channels.redirect_both`)."""
        if not self.hangup_requested and self.alive:
            self._redirect = (context, exten, priority)

    @property
    def redirect_pending(self) -> bool:
        """Whether a redirect waits to be seen by the owner."""
        return self._redirect is not None

    def take_redirect(self) -> tuple[str, str, int] | None:
        """The pending redirect, which is thereby taken."""
        target, self._redirect = self._redirect, None
        return target

    def hangup(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """End the channel: out of its bridge, off the technology, out of the registry. Idempotent.

        Where `before_end` is set it may still be there afterwards, until that has run.
        """
        if not self.alive or self._ending:
            return
        self.set_hangup_cause(cause)
        self.hangup_requested = True
        before = self.before_end
        self._ending, self.alive = True, before is not None
        self._reader = None
        if self.bridge is not None:
            self.bridge.remove(self)
        self._interrupt()
        if before is None:
            self._end()
        else:
            before(self).addErrback(self._end_failed).addCallback(lambda _result: self._end())

    def _end_failed(self, failure: Failure) -> None:
        # A feature's defect must not keep the channel from ending.
        log.failure("{channel}: what was to run before its end failed", failure, channel=self.name)

    def _end(self) -> None:
        self.alive = False
        for call in self.on_end:
            try:
                call(self)
            except Exception:  # a feature's defect must not keep the channel from ending
                log.failure("{channel}: a part of its end failed", channel=self.name)
        self.on_end.clear()
        driver = self._driver
        if driver is not None:
            try:
                driver.hangup()
            except Exception:  # the technology's defect must not keep the channel in the registry
                log.failure("{channel}: the technology failed to hang up", channel=self.name)
        self.audio.set_digit_listener(None)
        self.audio.close()
        self._frames = None
        self._snapshot = None
        self._channels.ended(self)
        self._driver = None


def _fire(waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)


async def settle(value: Awaitable[T] | T) -> T:
    """Await ``value`` if it can be awaited."""
    return await value if isinstance(value, Awaitable) else value

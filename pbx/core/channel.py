"""The channel: one leg of a call, the same for every technology.

A channel has at any time at most one *owner*, the coroutine that services it: the dialplan running on it, or the dial
that made it. Digits and controls from the far end wait in a bounded queue until the owner reads them (`read`), or go
at once to a reader that a bridge or a dial has put in place (`set_reader`). Two things cut into what the owner does:
a hangup and a redirect. Both make the owner's current wait raise `ChannelInterrupted`; the owner then looks which of
the two it was. Only `hangup` ends a channel, once, with the cause that was set first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.clock import cancel_timer
from pbx.core import hangup_source, messages
from pbx.core.causes import Cause
from pbx.core.channel_record import ChannelRecord
from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS, Control, ControlFrame, DigitBegin, DigitEnd, Frame
from pbx.core.observer import tell
from pbx.core.party import (
    Connected,
    Redirecting,
)
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channels import Channels

log = Logger()
T = TypeVar("T")

#: Frames kept for an owner that does not read; the oldest go first. Asterisk warns at 96 voice frames.
MAX_QUEUED_FRAMES = 128

#: What an event of a requested hangup has for its cause (AST_SOFTHANGUP_APPUNLOAD, AST_SOFTHANGUP_EXPLICIT): who asked.
SOFT_DIALPLAN_ENDED = 16
SOFT_EXPLICIT = 32

#: What the far end of an outgoing call says about its state.
_STATE_OF_CONTROL: dict[Control | None, ChannelState] = {
    Control.RINGING: ChannelState.RINGING,
    Control.ANSWER: ChannelState.UP,
}
_HOLDING = frozenset((Control.HOLD, Control.UNHOLD))
#: In `Channel.extra`: this channel is not put on hold, it is told of instead (HOLD_INTERCEPT).
HOLD_INTERCEPT = "hold_intercept"


class ChannelInterrupted(ObeliskError):
    """The channel was hung up or redirected while somebody waited on it."""


class Channel(ChannelRecord):
    """One leg of a call. Made by `Channels.create`, never directly."""

    __slots__ = ("_ending", "_frames", "_read_waiter", "_reader", "_redirect", "_waiters")

    def __init__(
        self, channels: Channels, technology: str, name: str, uniqueid: str, linkedid: str, created: float
    ) -> None:
        super().__init__(channels, technology, name, uniqueid, linkedid, created)
        self.audio.set_digit_listener(self._digit_in_media)
        self._frames: deque[Frame] | None = None
        self._reader: Callable[[Frame], object] | None = None
        self._waiters: list[Deferred[object]] = []
        self._read_waiter: Deferred[None] | None = None
        self._redirect: tuple[str, str, int] | None = None
        self._ending = False

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
        self._tell_hold(held, music_class)

    def _tell_hold(self, held: bool, music_class: object) -> None:
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
            shown = SOFT_EXPLICIT if soft else int(cause)
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

    def wait_for(self, waiting: Deferred[T]) -> Wait[T]:
        """To be awaited: waits for ``waiting``, which is cancelled when the channel is interrupted.

        Raises ChannelInterrupted then, or at once if the channel is interrupted already.
        """
        return Wait(self, waiting)

    def sleep(self, seconds: float) -> Wait[None]:
        """To be awaited; raises ChannelInterrupted. Frames stay in the queue."""
        return Wait(self, self._channels.clock.sleep(seconds))

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
        """Accept the call; nothing when nobody waits for that: it was called by us, is up already, busy or over."""
        waits = self.state in (ChannelState.RING, ChannelState.RINGING) and not self.outgoing
        if not waits or self.hangup_requested or not self.alive:
            return
        self.driver.answer()
        self.set_state(ChannelState.UP)

    def indicate(self, kind: Control, data: object = None) -> bool:
        """Tell the far end; False when the technology could not or the call is over."""
        if not self.alive or self.hangup_requested or self._driver is None:
            return False
        if kind in _HOLDING and HOLD_INTERCEPT in self.extra:
            self._tell_hold(kind is Control.HOLD, None)
            return True
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
        if self.observer is not None and not self.alive:
            tell(self.observer.changed)
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


class Wait(Awaitable[T]):
    """A wait on a channel, see `Channel.wait_for`.

    Thousands of calls may wait at a time: a coroutine that awaits the Deferred would be two frames for each.
    """

    __slots__ = ("_channel", "_waiting")

    def __init__(self, channel: Channel, waiting: Deferred[T]) -> None:
        self._channel = channel
        self._waiting = waiting

    def __await__(self) -> Generator[Deferred[T], T, T]:
        channel = self._channel
        waiting = self._waiting
        if channel.interrupted:
            waiting.addErrback(lambda _failure: None)
            waiting.cancel()
            channel.check()
        waiters: list[Deferred[T]] = channel._waiters  # type: ignore[assignment]
        waiters.append(waiting)
        try:
            # Whoever runs the coroutine sends the result.
            return (yield from waiting) if waiting.called else (yield waiting)
        except CancelledError:
            channel.check()
            raise
        finally:
            if waiting in waiters:
                waiters.remove(waiting)


def _fire(waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)


async def settle(value: Awaitable[T] | T) -> T:
    """Await ``value`` if it can be awaited."""
    return await value if isinstance(value, Awaitable) else value

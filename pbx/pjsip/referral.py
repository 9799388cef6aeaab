"""The implicit subscription of a REFER (RFC 3515), and what makes its NOTIFYs.

A NOTIFY says in a message/sipfrag how far the transfer has come: 100 first, then what the one who was sent away is told
of the new call, and last a final response. The call that was transferred is over for us at once, but its BYE waits, as
phones hang up themselves when they have seen enough: one that has not done so a little after the last NOTIFY, or a
minute after the transfer, gets a BYE (Asterisk: after the minute).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core import messages
from pbx.core.frames import Control
from pbx.errors import ObeliskError
from pbx.pjsip.status import PHRASES

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip._native.dialog import HeldDialog

log = Logger()

SIPFRAG = "message/sipfrag;version=2.0"
#: How long a subscription lives (PJSIP's for REFER).
SUBSCRIPTION_SECONDS = 600
#: How long a transferred call waits for its BYE at most, and after the last NOTIFY.
GOODBYE_SECONDS = 60
GRACE_SECONDS = 3

_PHRASES = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK"}
#: What an indication to the transferee means to the transferer.
_STEPS = {
    Control.RINGING: 180,
    Control.PROGRESS: 183,
    Control.PROCEEDING: 100,
    Control.BUSY: 486,
    Control.CONGESTION: 503,
}


class Referral:
    """Tells one transferer how its transfer goes. Ends by itself: with the final response or when its time is over."""

    def __init__(self, dialog: HeldDialog | None, clock: Clock, *, call_id: str) -> None:
        """``dialog``: None where the transferer wants no NOTIFY (Refer-Sub: false)."""
        self._dialog = dialog
        self._clock = clock
        self._call_id = call_id
        self._begun = clock.monotonic()
        self._told_trying = False
        self._timer: IDelayedCall | None = None
        self._goodbye: Callable[[], object] | None = None
        self._goodbye_timer: IDelayedCall | None = None
        #: Run once when there is nothing more to tell.
        self.on_end: list[Callable[[], object]] = []
        self.active = dialog is not None
        if self.active:
            self._timer = clock.call_later(SUBSCRIPTION_SECONDS, self._finish, "timeout", None)

    def tell(self, code: int) -> None:
        """How far it has come; 200 and more is the last word."""
        if not self.active:
            return
        if code >= 200:
            self._finish("noresource", code)
            return
        self._notify(code)

    def defer(self, goodbye: Callable[[], object]) -> None:
        """Say goodbye for the transferer's call when it has had the time to do so itself."""
        self._goodbye = goodbye
        self._wait(GOODBYE_SECONDS if self.active else GRACE_SECONDS)

    def _wait(self, seconds: float) -> None:
        cancel_timer(self._goodbye_timer)
        self._goodbye_timer = self._clock.call_later(seconds, self._say_goodbye)

    def _notify(self, code: int) -> None:
        left = max(0, int(SUBSCRIPTION_SECONDS - self._clock.monotonic() + self._begun))
        state = f"active;expires={left}"
        if not self._told_trying and code != 100:
            self._send(100, state)
        self._told_trying = True
        self._send(code, state)

    def _finish(self, reason: str, code: int | None) -> None:
        if not self.active:
            return
        if not self._told_trying and code is not None:
            self._notify(100)
        self._send(code or 503, f"terminated;reason={reason}")
        self._end()
        if self._goodbye is not None:
            self._wait(GRACE_SECONDS)

    def _end(self) -> None:
        self.active = False
        cancel_timer(self._timer)
        endings, self.on_end = self.on_end, []
        for ending in endings:
            ending()
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.let_go()

    def _send(self, code: int, state: str) -> None:
        if self._dialog is None:
            return
        body = f"SIP/2.0 {code} {_PHRASES.get(code) or PHRASES.get(code, 'Failed')}\r\n".encode("ascii")
        try:
            self._dialog.send("NOTIFY", [("Event", "refer"), ("Subscription-State", state)], SIPFRAG, body)
        except ObeliskError as error:
            log.info("{call_id}: the transferer was not told: {error}", call_id=self._call_id, error=str(error))

    def _say_goodbye(self) -> None:
        goodbye, self._goodbye = self._goodbye, None
        cancel_timer(self._goodbye_timer)
        if goodbye is not None:
            goodbye()

    def close(self) -> None:
        """End without another word but the goodbye. Idempotent."""
        self._end()
        self._say_goodbye()


class Progress:
    """Watches the channel that was sent away, and tells its `Referral`."""

    def __init__(self, bus: Bus, uniqueid: str, name: str, referral: Referral) -> None:
        self._uniqueid = uniqueid
        self._name = name
        self._referral = referral
        referral.on_end += [
            bus.subscribe(messages.ChannelIndicated, self._indicated).cancel,
            bus.subscribe_many((messages.BridgeEntered, messages.MusicStarted), self._talks).cancel,
            bus.subscribe(messages.SoundStarted, self._hears).cancel,
            bus.subscribe(messages.ChannelDestroyed, self._gone).cancel,
        ]

    def _indicated(self, message: messages.ChannelIndicated) -> None:
        if message.channel.uniqueid == self._uniqueid and message.kind in _STEPS:
            self._referral.tell(_STEPS[message.kind])

    def _talks(self, message: messages.BridgeEntered | messages.MusicStarted) -> None:
        if message.channel.uniqueid == self._uniqueid:
            self._referral.tell(200)

    def _hears(self, message: messages.SoundStarted) -> None:
        if message.channel == self._name:
            self._referral.tell(200)

    def _gone(self, message: messages.ChannelDestroyed) -> None:
        if message.channel.uniqueid == self._uniqueid:
            self._referral.tell(503)

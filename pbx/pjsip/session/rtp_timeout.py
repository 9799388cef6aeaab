"""``rtp_timeout`` and ``rtp_timeout_hold``: a call that no RTP comes of any more is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.causes import Cause

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

#: How often, at least, is looked whether RTP has come, in seconds.
CHECK_SECONDS = 1.0
#: By how much a timer may come before its time, in seconds.
TIMER_SLACK_SECONDS = 0.05


class RtpTimeout:
    """Watches one session from now on, until `stop`."""

    __slots__ = ("_clock", "_session", "_timer")

    def __init__(self, session: PjsipSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._timer: IDelayedCall | None = clock.call_later(CHECK_SECONDS, self._check)

    def stop(self) -> None:
        """Look no more."""
        cancel_timer(self._timer)
        self._timer = None

    def _check(self) -> None:
        self._timer = None
        session = self._session
        endpoint, channel = session.endpoint, session.channel
        # How long RTP may stay away now, in seconds; 0 for ever.
        limit = endpoint.rtp_timeout_hold if channel.held else endpoint.rtp_timeout
        silent = session.media.seconds_since_rtp()
        if limit and silent >= limit - TIMER_SLACK_SECONDS:
            log.info(
                "Disconnecting channel '{channel}' for lack of audio RTP activity in {silent:.0f} seconds",
                channel=channel.name,
                silent=silent,
            )
            # Softly, as in Asterisk: who services the channel ends the call.
            channel.request_hangup(Cause.REQUESTED_CHAN_UNAVAIL)
            return
        # Whether the call is held, and so which limit counts, may change at any time.
        seconds = min(CHECK_SECONDS, limit - silent) if limit else CHECK_SECONDS
        self._timer = self._clock.call_later(seconds, self._check)

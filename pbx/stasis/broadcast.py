"""Calls offered to several applications at once; the first to claim one gets it (Asterisk: res_stasis_broadcast.c)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.stasis.errors import StasisError
from pbx.stasis.events import StasisEvent

if TYPE_CHECKING:
    from pbx.clock import Clock
    from pbx.core.channel import Channel
    from pbx.stasis.applications import StasisApplications

log = Logger()


class NotOffered(StasisError):
    """The channel is not offered to anybody."""


class AlreadyClaimed(StasisError):
    """Another application was first."""


@dataclass(slots=True)
class Offer:
    """A channel that waits to be claimed; kept after the claim, until it ends, so that late ones are told apart."""

    channel: Channel
    takes: Callable[[str], bool]
    notify: bool
    waiting: Deferred[str]
    winner: str = ""


class Broadcasts:
    """The channels offered now."""

    def __init__(self, clock: Clock, applications: StasisApplications) -> None:
        self._clock = clock
        self._applications = applications
        self._offers: dict[str, Offer] = {}

    async def offer(self, channel: Channel, seconds: float, pattern: str = "", *, notify: bool = False) -> str:
        """Offer a channel to the applications whose names match; the winner's name, or empty when nobody came.

        Raises ValueError for a pattern that is none, ChannelInterrupted.
        """
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from error
        waiting: Deferred[str] = Deferred()
        offer = self._offers[channel.uniqueid] = Offer(
            channel, lambda name: compiled.search(name) is not None, notify, waiting
        )
        channel.on_end.append(self._ended)
        timer = self._clock.call_later(seconds, _fire, waiting, "")
        self._tell(
            offer,
            "CallBroadcast",
            (
                ("channel", channel.snapshot()),
                ("caller", channel.caller.id.number),
                ("called", channel.exten),
            ),
        )
        try:
            return await channel.wait_for(waiting)
        finally:
            cancel_timer(timer)
            if not offer.winner:
                self._forget(channel)

    def claim(self, channel_id: str, application: str) -> None:
        """Take an offered channel. Raises NotOffered, AlreadyClaimed."""
        offer = self._offers.get(channel_id)
        if offer is None or (offer.waiting.called and not offer.winner):
            raise NotOffered("Channel not found or not in broadcast state")
        if offer.winner:
            raise AlreadyClaimed("Channel has already been claimed by another application")
        offer.winner = application
        if offer.notify:
            self._tell(offer, "CallClaimed", (("channel", offer.channel.snapshot()), ("winner_app", application)))
        # Once the claim has been answered.
        self._clock.call_later(0, _fire, offer.waiting, application)

    def _tell(self, offer: Offer, kind: str, fields: tuple[tuple[str, object], ...]) -> None:
        names = [each.name for each in self._applications if each.sink is not None and offer.takes(each.name)]
        # Nobody is always the first to hear of it.
        random.shuffle(names)
        if names:
            self._applications.publish(StasisEvent(kind, self._clock.now(), fields), *names)

    def _ended(self, channel: Channel) -> None:
        self._offers.pop(channel.uniqueid, None)

    def _forget(self, channel: Channel) -> None:
        self._offers.pop(channel.uniqueid, None)
        if self._ended in channel.on_end:
            channel.on_end.remove(self._ended)


def _fire(waiting: Deferred[str], winner: str) -> None:
    if not waiting.called:
        waiting.callback(winner)

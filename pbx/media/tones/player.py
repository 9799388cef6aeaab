"""Plays tones into legs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.media.tones.config import ToneZones
from pbx.media.tones.tone import RATE, ToneItem, parse_tone, render

if TYPE_CHECKING:
    from pbx.core.media import AudioLeg, PlaybackHandle, Switchboard

log = Logger()


class PlayingTone:
    """A tone in one leg, until it ends by itself or is stopped. Implements core's PlaybackHandle."""

    def __init__(self, switchboard: Switchboard, leg: AudioLeg, items: tuple[ToneItem, ...], *, alone: bool) -> None:
        #: Fires once: True when the tone came to its end, False when it was stopped.
        self.finished: Deferred[bool] = Deferred()
        self._switchboard = switchboard
        self._leg = leg
        self._alone = alone
        self._sound = render(items)
        self._handle: PlaybackHandle | None = None
        self._paused = False
        Deferred.fromCoroutine(self._run()).addErrback(lambda failure: log.failure("a tone failed", failure=failure))

    async def _run(self) -> None:
        try:
            going = not self._sound.once or await self._play(self._sound.once)
            if going and self._sound.repeated:
                going = await self._play(self._sound.repeated, loop=True)
        except ObeliskError as error:
            log.warn("{leg}: {error}", leg=self._leg.name, error=str(error))
            going = False
        if not self.finished.called:
            self.finished.callback(going)

    async def _play(self, samples: bytes, *, loop: bool = False) -> bool:
        if self.finished.called:
            return False
        handle = self._handle = self._switchboard.play_samples(self._leg, samples, RATE, alone=self._alone, loop=loop)
        if self._paused:
            handle.pause()
        return await handle.finished

    @property
    def position_ms(self) -> int:
        """A tone has no positions."""
        return 0

    @property
    def duration_ms(self) -> int:
        """And no length."""
        return 0

    def pause(self) -> None:
        """Be silent until `resume`."""
        self._paused = True
        if self._handle is not None:
            self._handle.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self._paused = False
        if self._handle is not None:
            self._handle.resume()

    def stop(self) -> None:
        """End it. Idempotent."""
        if not self.finished.called:
            self.finished.callback(False)
        if self._handle is not None:
            self._handle.stop()


class Tones:
    """The tones of indications.conf, by name, and any that are written out."""

    def __init__(self, zones: ToneZones, switchboard: Switchboard) -> None:
        self.zones = zones
        self._switchboard = switchboard

    def items(self, text: str, country: str = "") -> tuple[ToneItem, ...]:
        """A tone by its name in a country's zone, or as it is written there. Raises ValueError."""
        found = self.zones.find(text, country)
        return parse_tone(text) if found is None else found

    def play(self, leg: AudioLeg, text: str, country: str = "", *, alone: bool = True) -> PlayingTone:
        """Play a tone into a leg; ``alone``: its far end hears nothing else. Raises ValueError for no tone."""
        return PlayingTone(self._switchboard, leg, self.items(text, country), alone=alone)

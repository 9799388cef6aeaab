"""Options p and P of Dial: the called party hears who calls and decides (Asterisk: do_privacy)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.dial.order import DialOrder
from dialplan.applications.sound import SoundMissing, play
from dialplan.functions.base import scan_int
from pbx.clock import cancel_timer
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.dial import ANSWER, NOANSWER
from pbx.core.frames import DigitEnd, Frame
from pbx.core.party import shrink_number
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pathlib import Path

    from pbx.server import Server

log = Logger()

FAMILY = "privacy"
#: The answers kept by option P, by digit, and the words of DIALSTATUS for those that refuse.
_ANSWERS = {"1": "allow", "2": "deny", "3": "torture", "4": "kill", "5": "allow"}
_REFUSALS = {"deny": NOANSWER, "torture": "TORTURE", "kill": "DONTCALL"}
_STATUS_OF_DIGIT = {"2": NOANSWER, "3": "TORTURE", "4": "DONTCALL", "5": NOANSWER}
#: Seconds the caller has to say a name, the silence that ends it, and how often the called party is asked.
INTRODUCTION_SECONDS = 4.0
INTRODUCTION_SILENCE = 2.0
ATTEMPTS = 3


class Screening:
    """The screening of one call. ``status`` is DIALSTATUS where it is refused."""

    def __init__(self, server: Server, channel: Channel, order: DialOrder) -> None:
        self._server = server
        self._channel = channel
        self._by_database = "P" in order.options
        self._database = order.argument("P") or channel.exten
        self._delete = "n" in order.options
        #: Option n(1): not even a caller who is refused leaves it.
        self._delete_always = scan_int(order.argument("n")) == 1
        self._only_unknown = "N" in order.options
        number = shrink_number(channel.caller.id.number)
        self._known = bool(number)
        self._name = _file_name(number) if number else f"NOCALLERID_{channel.exten}{_file_name(channel.name)}"
        self._asks = True
        self.status = ANSWER

    @classmethod
    def of(cls, server: Server, channel: Channel, order: DialOrder) -> Screening | None:
        """The screening that the options ask for, if any."""
        return cls(server, channel, order) if "p" in order.options or "P" in order.options else None

    @property
    def _introduction(self) -> Path:
        return self._server.directories.sounds / "priv-callerintros" / f"{self._name}.wav"

    async def admit(self) -> bool:
        """Before the dial: refuse by the database, or let the caller say a name. Raises ChannelInterrupted."""
        answer = None
        if self._known and self._only_unknown:
            answer = "allow"
        elif self._known and self._by_database:
            answer = (self._server.astdb.get(FAMILY, f"{self._database}/{self._name}") or "").lower()
        if answer in _REFUSALS:
            self.status = _REFUSALS[answer]
            return False
        self._asks = answer != "allow"
        if self._asks and not (self._known and self._introduction.exists()):
            await self._introduce()
        return True

    async def _introduce(self) -> None:
        channel = self._channel
        channel.answer()
        await self._say(channel, "priv-recordintro")
        await self._say(channel, "beep")
        path = self._introduction
        done: Deferred[None] = Deferred()

        def finish() -> None:
            if not done.called:
                done.callback(None)

        def heard(frame: Frame) -> None:
            if isinstance(frame, DigitEnd) and frame.digit == "#":
                finish()

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            recording = self._server.switchboard.record(channel.audio, path)
        except (OSError, ObeliskError) as error:
            log.warn("{channel}: no introduction: {reason}", channel=channel.name, reason=str(error))
            return
        recording.set_silence_listener(INTRODUCTION_SILENCE, finish)
        timer = self._server.clock.call_later(INTRODUCTION_SECONDS, finish)
        try:
            channel.set_reader(heard)
            await channel.wait_for(done)
        except ChannelInterrupted:
            recording.stop()
            self._delete_introduction()
            raise
        finally:
            cancel_timer(timer)
            if channel.alive:
                channel.set_reader(None)
            recording.stop()
        await self._say(channel, "vm-dialout")

    async def accept(self, peer: Channel) -> bool:
        """After the answer: ask the called party. False when it refuses or says nothing valid."""
        if not self._asks:
            return True
        digit = ""
        try:
            for _attempt in range(ATTEMPTS):
                digit = await self._ask(peer)
                if digit:
                    break
                await self._say(peer, "vm-sorry")
        except ChannelInterrupted:
            self._channel.check()
        if self._by_database and digit:
            self._server.astdb.put(FAMILY, f"{self._database}/{self._name}", _ANSWERS[digit])
        if digit != "1":
            self.status = _STATUS_OF_DIGIT.get(digit, ANSWER)
            return False
        if self._delete or not self._known:
            self._delete_introduction()
        return True

    async def _ask(self, peer: Channel) -> str:
        options = "priv-callee-options" if self._by_database else "screen-callee-options"
        valid = "12345" if self._by_database else "1234"
        for name in ("priv-callpending", str(self._introduction.with_suffix("")), options):
            digit = await self._say(peer, name)
            if digit and digit in valid:
                return digit
        return ""

    async def _say(self, hearer: Channel, name: str) -> str:
        """Play a sound; the digit that ended it. A sound that is missing is left out."""
        try:
            return await play(self._server.switchboard, hearer, name, lambda _digit: hearer is not self._channel)
        except SoundMissing as error:
            log.warn("{channel}: Dial: {reason}", channel=hearer.name, reason=str(error))
            return ""

    def end(self) -> None:
        """The dial is over."""
        if self._asks and self._delete_always:
            self._delete_introduction()

    def _delete_introduction(self) -> None:
        try:
            self._introduction.unlink(missing_ok=True)
        except OSError as error:
            log.warn("{path} cannot be deleted: {reason}", path=str(self._introduction), reason=error.strerror)


def _file_name(text: str) -> str:
    """A caller's number or channel's name without what has a meaning in paths."""
    return "".join(character if character.isalnum() or character in "-+_;" else "=" for character in text)[:80]

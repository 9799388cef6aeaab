"""app_privacy: PrivacyManager."""

from __future__ import annotations

from dataclasses import replace

from twisted.logger import Logger

from dialplan.applications.entry import read_digits
from dialplan.applications.sound import play_all
from dialplan.arguments import Arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from dialplan.verbosity import verbose
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.party import party_id
from pbx.core.states import ChannelState

log = Logger()

#: Attempts and digits unless told otherwise, and the digits one entry can hold.
ATTEMPTS, MIN_LENGTH, MAX_DIGITS = 3, 10, 28
#: Seconds: before the first prompt, to the first digit, between digits.
PAUSE, FIRST, FOLLOWING = 1.0, 5.0, 3.2


class PrivacyModule(DialplanModule):
    """PrivacyManager."""

    name = "app_privacy"
    description = "Require phone number to be entered, if no CallerID sent"

    @application(
        "PrivacyManager",
        "[maxretries[,minlength[,options[,context]]]]",
        synopsis="Require phone number to be entered, if no CallerID sent.",
        description=(
            "Does nothing for a caller whose number is known. Else the call is answered and the caller has 3 attempts, "
            "or 'maxretries', to enter a number of at least 10 digits, or 'minlength', that is an extension of "
            "'context' if one is given. The number becomes the caller's."
        ),
        sets=("PRIVACYMGRSTATUS",),
    )
    async def app_privacy_manager(self, channel: Channel, args: Arguments) -> int:
        known = channel.caller.id
        if known.number_valid and known.number:
            verbose(log, 3, "CallerID number present: Skipping")
            return RESULT_OK
        if channel.state is not ChannelState.UP:
            channel.check()
            channel.answer()
        attempts = self._positive(channel, args["maxretries"], ATTEMPTS, "max retries")
        shortest = self._positive(channel, args["minlength"], MIN_LENGTH, "min length")
        try:
            number = await self._ask(channel, attempts, shortest, args["context"].strip())
        except ChannelInterrupted:
            number = ""
        if number:
            self._take(channel, number)
        channel.set_variable("PRIVACYMGRSTATUS", "SUCCESS" if number else "FAILED")
        return RESULT_OK

    @staticmethod
    def _positive(channel: Channel, text: str, default: int, what: str) -> int:
        if not text.strip():
            return default
        value = scan_int(text)
        if value is None or value <= 0:
            log.warn("{channel}: Invalid {what} argument: '{text}'", channel=channel.name, what=what, text=text)
            return default
        return value

    async def _ask(self, channel: Channel, attempts: int, shortest: int, context: str) -> str:
        """The number entered, or empty. Raises ChannelInterrupted."""
        board, engine = self.server.switchboard, self.server.require(Engine)
        await channel.sleep(PAUSE)
        await play_all(board, channel, ["privacy-unident"])
        for _attempt in range(attempts):
            await play_all(board, channel, ["privacy-prompt"])
            first = await channel.read_digit(FIRST) or ""
            number = (await read_digits(channel, first, MAX_DIGITS, FOLLOWING, "#")).digits
            channel.check()
            if len(number) >= shortest and (not context or engine.exists(context, number, 1)):
                await play_all(board, channel, ["privacy-thankyou"])
                return number
            await play_all(board, channel, ["privacy-incorrect"])
        return ""

    @staticmethod
    def _take(channel: Channel, number: str) -> None:
        """What the caller says of itself is for passing on, so nothing restricts it."""
        party = party_id(number, "Privacy Manager")
        channel.caller = replace(channel.caller, id=replace(party, tag=channel.caller.id.tag))
        channel.changed()
        verbose(log, 3, "Changed Caller*ID number to '{number}'", number=number)

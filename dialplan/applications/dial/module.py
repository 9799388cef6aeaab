"""app_dial: Dial and RetryDial."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.dial.call import DialCall
from dialplan.applications.dial.order import DESCRIPTION, OPTIONS
from dialplan.applications.sound import SoundMissing, play
from dialplan.arguments import ArgumentError, Arguments, Grammar, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel

log = Logger()

_ARGUMENTS = "[Technology/Resource[&Technology2/Resource2[&...]][,timeout[,options[,URL]]]]"
_GRAMMAR = Grammar(_ARGUMENTS, OPTIONS)
#: Seconds between the attempts of RetryDial unless told otherwise.
RETRY_SECONDS = 10
_SETS = (
    "DIALSTATUS",
    "DIALEDPEERNAME",
    "DIALEDPEERNUMBER",
    "DIALEDTIME",
    "DIALEDTIME_MS",
    "ANSWEREDTIME",
    "ANSWEREDTIME_MS",
    "RINGTIME",
    "RINGTIME_MS",
    "PROGRESSTIME",
    "PROGRESSTIME_MS",
)


class DialModule(DialplanModule):
    """Dial and RetryDial."""

    name = "app_dial"
    description = "Dialing Application"

    @application(
        "Dial",
        _ARGUMENTS,
        options=OPTIONS,
        synopsis="Attempt to connect to another device or endpoint and bridge the call.",
        description=DESCRIPTION,
        sets=_SETS,
        see_also=("RetryDial", "Originate"),
    )
    async def app_dial(self, channel: Channel, args: Arguments) -> int:
        return await DialCall(self.server, channel, args).run()

    @application(
        "RetryDial",
        "announce,sleep,retries,dialargs",
        synopsis="Place a call, retrying on failure allowing an optional exit extension.",
        description=(
            "Dials as Dial does by dialargs, with what Dial's options say. Between attempts the file 'announce' is "
            "played and music for 'sleep' seconds, 10 unless given; retries of 0 means for ever. A digit that is an "
            "extension (of EXITCONTEXT if set) goes there."
        ),
        sets=_SETS,
        see_also=("Dial",),
    )
    async def app_retry_dial(self, channel: Channel, args: Arguments) -> int:
        parts = split_arguments(args.raw, 4)
        if len(parts) < 4:
            raise ArgumentError("RetryDial requires a 4th argument (dialdata)")
        announcement, sleep, retries = (part.strip() for part in parts[:3])
        pause = scan_int(sleep) or 0
        left = scan_int(retries) or -1
        # Quotes and escapes are for Dial to remove.
        dial_arguments = Arguments(_GRAMMAR, args.raw.split(",", 3)[3])
        music = self.server.channels.music
        try:
            while left:
                if music is not None:
                    music.stop(channel)
                call = DialCall(self.server, channel, dial_arguments)
                result = await call.run()
                if call.final or result != RESULT_OK:
                    return result
                seconds = pause if pause > 0 else RETRY_SECONDS
                digit = await self._pause(channel, announcement, seconds, by_digit=call.exits_by_digit)
                if digit and self._exit(channel, digit):
                    return RESULT_OK
                left -= 1
        finally:
            if music is not None:
                music.stop(channel)
        return RESULT_OK

    async def _pause(self, channel: Channel, announcement: str, seconds: float, *, by_digit: bool) -> str:
        """The announcement, then music; the digit pressed in that, or empty. Raises ChannelInterrupted.

        A digit ends the announcement ``by_digit``, and as in Asterisk means nothing more.
        """
        if announcement:
            try:
                await play(self.server.switchboard, channel, announcement, lambda _digit: by_digit)
            except SoundMissing:
                log.warn(
                    '{channel}: Announce file "{name}" specified in Retrydial does not exist',
                    channel=channel.name,
                    name=announcement,
                )
        music = self.server.channels.music
        if music is not None:
            music.start(channel)
        return await channel.read_digit(seconds) or ""

    def _exit(self, channel: Channel, digit: str) -> bool:
        engine = self.server.require(Engine)
        context = channel.get_variable("EXITCONTEXT") or channel.context
        if not engine.exists(context, digit, 1, channel.caller.id.number):
            return False
        engine.goto(channel, context, digit, 1)
        return True

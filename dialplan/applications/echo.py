"""app_echo: Echo."""

from __future__ import annotations

from dialplan.arguments import Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.core.frames import DigitEnd


class EchoModule(DialplanModule):
    """Echo."""

    name = "app_echo"
    description = "Simple Echo Application"

    @application("Echo", synopsis="Send audio and digits back to the caller; # ends it.")
    async def app_echo(self, channel: Channel, args: Arguments) -> int:
        switchboard = self.server.switchboard
        channel.check()
        switchboard.connect(channel.audio, channel.audio)
        try:
            while True:
                frame = await channel.read()
                if not isinstance(frame, DigitEnd):
                    continue
                channel.relay_digit(frame)
                if frame.digit == "#":
                    return RESULT_OK
        finally:
            switchboard.disconnect(channel.audio, channel.audio)

"""app_playback: Playback."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.sound import file_names, play_all
from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.core.states import ChannelState

log = Logger()

_OPTIONS = frozenset(("skip", "noanswer", "say", "mix"))


class PlaybackModule(DialplanModule):
    """Playback."""

    name = "app_playback"
    description = "Sound File Playback Application"

    async def reload(self) -> None:
        """Nothing is kept: say.conf, which Asterisk reads here, says nothing to this module."""

    @application(
        "Playback",
        "filenames[,options]",
        options="skip;noanswer;say;mix",
        synopsis="Play files.",
        description=(
            "skip: do nothing when the call is not up. noanswer: play without answering. say, mix: names such as "
            "number:12 are to be said; without Asterisk's say.conf they are left out."
        ),
        sets=("PLAYBACKSTATUS",),
        see_also=("BackGround",),
    )
    async def app_playback(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError("Playback requires an argument (filename)")
        names = file_names(args["filenames"])
        # As in Asterisk whatever holds the word asks for it, and the rest is not looked at.
        words = {word for word in _OPTIONS if word in args["options"].lower()}
        if channel.state is not ChannelState.UP:
            if "skip" in words:
                channel.set_variable("PLAYBACKSTATUS", "SUCCESS")
                return RESULT_OK
            if "noanswer" not in words:
                channel.answer()
        said = [name for name in names if "say" in words or ("mix" in words and ":" in name and "://" not in name)]
        for name in said:
            log.warn(
                "{channel}: Playback: '{name}' cannot be said: there is no say.conf", channel=channel.name, name=name
            )
        failed = list(said)
        try:
            await play_all(self.server.switchboard, channel, [n for n in names if n not in said], missing=failed)
        finally:
            # Also where the caller hangs up in the middle, which is no failure.
            channel.set_variable("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS")
        return RESULT_OK

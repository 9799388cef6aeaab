"""app_playback: Playback."""

from __future__ import annotations

from dialplan.applications.sound import file_names, play_all
from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.core.states import ChannelState

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
        description="skip: do nothing when the call is not up. noanswer: play without answering.",
        sets=("PLAYBACKSTATUS",),
        see_also=("BackGround",),
    )
    async def app_playback(self, channel: Channel, args: Arguments) -> int:
        names = file_names(args["filenames"])
        if not names:
            raise ArgumentError("Playback requires an argument (filename)")
        words = {word.strip().lower() for word in args["options"].split("&")} - {""}
        unknown = words - _OPTIONS
        if unknown:
            raise ArgumentError(f"Playback: unknown option '{min(unknown)}'")
        if words & {"say", "mix"}:
            raise ArgumentError("Playback: saying numbers and dates needs Say, which is not part of this version")
        if channel.state is not ChannelState.UP:
            if "skip" in words:
                channel.set_variable("PLAYBACKSTATUS", "SUCCESS")
                return RESULT_OK
            if "noanswer" not in words:
                channel.answer()
        _digit, complete = await play_all(self.server.switchboard, channel, names)
        channel.set_variable("PLAYBACKSTATUS", "SUCCESS" if complete else "FAILED")
        return RESULT_OK

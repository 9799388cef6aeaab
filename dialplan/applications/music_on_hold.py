"""res_musiconhold: music on hold, with MusicOnHold, StartMusicOnHold, StopMusicOnHold and ``moh ...``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS
from dialplan.arguments import Arguments
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.cli.registry import Command
from pbx.core.channel import Channel
from pbx.core.music import Music
from pbx.media.music_on_hold import MusicOnHold, read_musiconhold_conf

if TYPE_CHECKING:
    from pbx.media.music_on_hold import MusicSettings

log = Logger()


class MusicOnHoldModule(DialplanModule):
    """Music on hold."""

    name = "res_musiconhold"
    description = "Music On Hold Resource"

    def check(self) -> None:
        self._read()

    def _read(self) -> MusicSettings:
        return read_musiconhold_conf(self.server.config, self.server.directories.data)

    async def load(self) -> None:
        server = self.server
        self.music = MusicOnHold(self._read(), server.bus, server.clock, server.switchboard)
        await super().load()
        server.channels.music = self.music
        server.provide(Music, self.music)  # type: ignore[type-abstract]
        self._withdrawals: list[Callable[[], None]] = [
            server.cli.register(command)
            for command in (
                Command("moh show classes", "moh show classes", "List MusicOnHold classes", self._show_classes),
                Command("moh show files", "moh show files", "List MusicOnHold file-based classes", self._show_files),
                Command("moh reload", "moh reload", "Reload MusicOnHold", self._reload),
            )
        ]

    async def unload(self) -> None:
        await super().unload()
        for withdraw in self._withdrawals:
            withdraw()
        for channel in self.server.channels:
            self.music.stop(channel)
        self.server.channels.music = None
        self.server.withdraw(Music)

    async def reload(self) -> None:
        """Take the classes anew; who hears music goes on hearing it."""
        self.music.configure(self._read())

    # Console

    def _show_classes(self, _arguments: Sequence[str]) -> str:
        lines = []
        for each in self.music.settings.classes.values():
            lines += [f"Class: {each.id}", f"\tMode: {each.mode.value}", f"\tDirectory: {each.directory or 'none'}"]
            if each.announcement:
                lines.append(f"\tAnnouncement: {each.announcement}")
        return "\n".join([*lines, ""])

    def _show_files(self, _arguments: Sequence[str]) -> str:
        lines = []
        for each in self.music.settings.classes.values():
            lines.append(f"Class: {each.id}")
            lines += [f"\tFile: {file}" for file in (each.files or each.entry)]
        return "\n".join([*lines, ""])

    async def _reload(self, _arguments: Sequence[str]) -> str:
        await self.server.reload(self.name)
        return ""

    # Applications

    @application(
        "MusicOnHold",
        "[class[,duration]]",
        synopsis="Play Music On Hold indefinitely.",
        description="Ends after 'duration' seconds, if given, or with the call. Without a class the channel's own.",
        see_also=("StartMusicOnHold", "StopMusicOnHold"),
    )
    async def app_music_on_hold(self, channel: Channel, args: Arguments) -> int:
        duration = scan_int(args["duration"])
        if args["duration"] and duration is None:
            log.warn("Invalid MusicOnHold duration '{text}'. Will wait indefinitely.", text=args["duration"])
        if not self.music.start(channel, args["class"].strip()):
            return RESULT_OK
        try:
            while duration is None or duration <= 0:
                await channel.read()
            await channel.sleep(min(duration, MAX_SECONDS))
        finally:
            self.music.stop(channel)
        return RESULT_HANGUP if channel.hangup_requested else RESULT_OK

    @application(
        "StartMusicOnHold",
        "[class]",
        synopsis="Play Music On Hold.",
        description="Starts it and goes on at once. Without a class the channel's own is played.",
        see_also=("MusicOnHold", "StopMusicOnHold"),
    )
    def app_start_music_on_hold(self, channel: Channel, args: Arguments) -> int:
        self.music.start(channel, args["class"].strip())
        return RESULT_OK

    @application("StopMusicOnHold", synopsis="Stop playing Music On Hold.")
    def app_stop_music_on_hold(self, channel: Channel, _args: Arguments) -> int:
        self.music.stop(channel)
        return RESULT_OK

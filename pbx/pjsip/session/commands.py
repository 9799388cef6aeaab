"""The console command ``pjsip show channelstats``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pbx.cli.registry import Command, CommandRegistry, UsageError

if TYPE_CHECKING:
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.session.session import PjsipSession

_HEADER = (
    f"{'':45}...........Receive......... .........Transmit..........",
    " BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....",
    " =================",
    "",
)


class ChannelCommands:
    """The commands, over the sessions there are."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def register(self, registry: CommandRegistry) -> list[Callable[[], None]]:
        """Offer the commands; the results withdraw them."""
        return [
            registry.register(
                Command(
                    "pjsip show channelstats",
                    "pjsip show channelstats [like <pattern>]",
                    "List RTP statistics of the active channels of PJSIP",
                    self.show_statistics,
                )
            ),
        ]

    def _chosen(self, words: Sequence[str]) -> list[PjsipSession]:
        found = sorted(self._sessions, key=lambda session: session.channel.name)
        if not words:
            return found
        if len(words) != 2 or words[0] != "like":
            raise UsageError("like <pattern> is wanted")
        return [session for session in found if words[1] in session.channel.name]

    def show_statistics(self, words: Sequence[str]) -> str:
        """One line a channel: what RTP counted."""
        found = self._chosen(words)
        if not found:
            return "No objects found.\n"
        lines = list(_HEADER)
        now = self._sessions.clock.now()
        lines += [_statistics(session, now) for session in found]
        return "\n".join([*lines, "", f"Objects found: {len(found)}", ""])


def _statistics(session: PjsipSession, now: float) -> str:
    channel = session.channel
    leg = session.media.leg
    counted = None if leg is None else leg.statistics()
    name = channel.name.removeprefix("PJSIP/")
    if counted is None:
        return f" {name} not valid"
    bridge = "" if channel.bridge is None else channel.bridge.id
    codec = session.media.agreed_names[0] if session.media.agreed_names else ""
    received, sent = counted.packets_received, counted.packets_sent
    return (
        f" {bridge[:8]:>8} {name[:18]:<18} {duration(now - channel.created)[:8]:<8} {codec[:6]:<6}"
        f" {_count(received)} {_count(counted.packets_lost)} {_percent(counted.packets_lost, received):>3}"
        f" {min(counted.jitter.mean / 1000, 999.999):7.3f}"
        f" {_count(sent)} {_count(counted.remote_packets_lost)} {_percent(counted.remote_packets_lost, sent):>3}"
        f" {min(counted.remote_jitter.mean / 1000, 999.999):7.3f} {min(counted.round_trip.mean / 1000, 999.999):7.3f}"
    )


def _count(number: int) -> str:
    return f"{number // 1000:6}K" if number > 100_000 else f"{number:6} "


def _percent(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0


def duration(seconds: float) -> str:
    """``HH:MM:SS``."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"

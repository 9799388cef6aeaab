"""``core show channels``, ``channel ...``: calls on the console. Layouts are Asterisk's (``main/cli.c``)."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cli.commands.core import call_counts, plural
from pbx.cli.registry import Command, CommandError, UsageError, no_arguments
from pbx.core.dial import Destination
from pbx.core.originate import Originate
from pbx.core.snapshot import callid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pbx.core.channel import Channel
    from pbx.core.snapshot import ChannelSnapshot
    from pbx.server import Server

log = Logger()

ORIGINATE_SECONDS = 30.0


def register(server: Server) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_ChannelCommands(server).table())


def _clock(seconds: float) -> str:
    whole = max(int(seconds), 0)
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def _columns(values: Sequence[str], widths: Sequence[int]) -> str:
    return " ".join(
        f"{value[: abs(width)]:{'>' if width < 0 else '<'}{abs(width)}}"
        for value, width in zip(values, widths, strict=True)
    )


_SHORT = (64, 32, 7, 30)
_VERBOSE = (80, 24, 24, 4, 7, 12, 25, 15, -8, 11, 11, 20)


def short_row(channel: ChannelSnapshot) -> str:
    """A line of ``core show channels``."""
    location = (
        f"{channel.exten}@{channel.context}:{channel.priority}" if channel.context and channel.exten else "(None)"
    )
    application = f"{channel.application}({channel.application_data})" if channel.application else "(None)"
    return _columns((channel.name, location[:39], channel.state.text, application[:39]), _SHORT)


def concise_row(channel: ChannelSnapshot, amaflags: int, now: float) -> str:
    """A line of ``core show channels concise``: fields between exclamation marks."""
    return "!".join(
        (
            channel.name,
            channel.context,
            channel.exten,
            str(channel.priority),
            channel.state.text,
            channel.application or "(None)",
            channel.application_data,
            channel.caller.id.number,
            channel.accountcode,
            channel.peeraccount,
            str(amaflags),
            str(max(int(now - channel.created), 0)),
            channel.bridge_id or "",
            channel.uniqueid,
        )
    )


def verbose_row(channel: ChannelSnapshot, now: float) -> str:
    """A line of ``core show channels verbose``."""
    values = (
        channel.name,
        channel.context,
        channel.exten,
        f"{channel.priority:4d}",
        channel.state.text,
        channel.application or "(None)",
        channel.application_data or "(Empty)",
        channel.caller.id.number,
        _clock(now - channel.created),
        channel.accountcode,
        channel.peeraccount,
        channel.bridge_id or "",
    )
    return _columns(values, _VERBOSE)


class _ChannelCommands:
    def __init__(self, server: Server) -> None:
        self._server = server

    def table(self) -> list[Command]:
        return [
            Command(
                "core show channels",
                "core show channels [concise|verbose|count]",
                "Display information on channels",
                self.show_all,
                lambda words: ("concise", "count", "verbose") if len(words) == 1 else (),
            ),
            Command(
                "core show channel",
                "core show channel <channel>",
                "Display information on a specific channel",
                self.show_one,
                self._names,
            ),
            Command(
                "core show channeltypes", "core show channeltypes", "List available channel types", self.show_types
            ),
            Command(
                "channel originate",
                "channel originate <tech/data> application <appname> [appdata]\n"
                "       channel originate <tech/data> extension [exten@][context]",
                "Originate a call; it is given 30 seconds to be answered",
                self.originate,
                lambda words: ("application", "extension") if len(words) == 2 else (),
            ),
            Command(
                "channel request hangup",
                "channel request hangup <all>|<channel> [<channel> ...]",
                "Request a hangup on a given channel; a channel may be /expression/ or a pattern with * and ?",
                self.hangup,
                lambda words: ("all", *self._names(words)),
            ),
        ]

    def _names(self, _: Sequence[str]) -> Iterable[str]:
        return [channel.name for channel in self._server.channels]

    def show_all(self, arguments: Sequence[str]) -> str:
        kind = arguments[0].lower() if len(arguments) == 1 else ""
        if len(arguments) > 1 or kind not in {"", "concise", "verbose", "count"}:
            raise UsageError
        now = self._server.clock.now()
        channels = sorted(self._server.channels, key=lambda channel: channel.name)
        if kind == "concise":
            return "\n".join(concise_row(channel.snapshot(), channel.amaflags, now) for channel in channels)
        lines: list[str] = []
        if kind == "verbose":
            head = ("Channel", "Context", "Extension", "Prio", "State", "Application", "Data", "CallerID", "Duration")
            lines.append(_columns((*head, "Accountcode", "PeerAccount", "BridgeID"), _VERBOSE))
            lines += [verbose_row(channel.snapshot(), now) for channel in channels]
        elif not kind:
            lines.append(_columns(("Channel", "Location", "State", "Application(Data)"), _SHORT))
            lines += [short_row(channel.snapshot()) for channel in channels]
        lines.append(plural(len(channels), "active channel"))
        lines.append(call_counts(self._server))
        return "\n".join(lines)

    def show_one(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        channel = self._server.channels.find(arguments[0])
        if channel is None:
            return f"{arguments[0]} is not a known channel"
        return _details(channel, self._server.clock.now())

    def show_types(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        technologies = self._server.technologies.all()
        widths = (15, 70)
        lines = [_columns(("Type", "Description"), widths), _columns(("-----------", "-----------"), widths)]
        lines += [_columns((each.name, each.description), widths) for each in technologies]
        return "\n".join([*lines, "----------", f"{len(technologies)} channel drivers registered."])

    def originate(self, arguments: Sequence[str]) -> str:
        if len(arguments) < 2:
            raise UsageError
        technology, slash, address = arguments[0].partition("/")
        if not slash:
            raise UsageError("*** No data provided after channel type! ***")
        destination = Destination(technology, address)
        what = arguments[1].lower()
        if what == "application" and len(arguments) in (3, 4):
            data = arguments[3] if len(arguments) == 4 else ""
            order = Originate(destination, application=arguments[2], data=data, timeout=ORIGINATE_SECONDS)
        elif what == "extension" and len(arguments) in (2, 3):
            exten, _, context = (arguments[2] if len(arguments) == 3 else "").partition("@")
            order = Originate(destination, context=context or "default", exten=exten or "s", timeout=ORIGINATE_SECONDS)
        else:
            raise UsageError
        self._server.originator.start(order)
        return ""

    def hangup(self, arguments: Sequence[str]) -> str:
        if not arguments:
            raise UsageError
        channels = list(self._server.channels)
        if arguments[0].lower() == "all":
            return "\n".join(_request_hangup(channels))
        lines: list[str] = []
        for word in arguments:
            channel = self._server.channels.find(word)
            matches = [channel] if channel is not None else _matching(channels, word)
            if matches is None:
                lines.append(f"{word} is not a known channel")
            else:
                lines += _request_hangup(matches) or [f"{word} did not match a known channel"]
        return "\n".join(lines)


def _request_hangup(channels: Iterable[Channel]) -> list[str]:
    lines: list[str] = []
    for channel in channels:
        lines.append(f"Requested Hangup on channel '{channel.name}'")
        channel.request_hangup()
    return lines


def _matching(channels: Sequence[Channel], word: str) -> list[Channel] | None:
    """Channels by ``/expression/`` or pattern; None for a plain word. Raises CommandError for a bad expression."""
    if len(word) > 2 and word[0] == word[-1] == "/":
        try:
            expression = re.compile(word[1:-1], re.IGNORECASE)
        except re.error as error:
            raise CommandError(f"{word} is not a valid regular expression: {error}") from error
        return [channel for channel in channels if expression.search(channel.name)]
    if any(character in word for character in "*?["):
        # As for file names, a wildcard stops at a slash: every part must match its part.
        patterns = word.lower().split("/")
        return [channel for channel in channels if _parts_match(channel.name.lower().split("/"), patterns)]
    return None


def _parts_match(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _details(channel: Channel, now: float) -> str:
    snapshot = channel.snapshot()
    caller, connected = snapshot.caller.id, snapshot.connected.id
    seconds = max(int(now - snapshot.created), 0)
    formats = "|".join(channel.formats)
    unknown = "(N/A)"
    rows = [
        ("Name", snapshot.name),
        ("Type", snapshot.technology),
        ("UniqueID", snapshot.uniqueid),
        ("LinkedID", snapshot.linkedid),
        ("Caller ID", caller.number or unknown),
        ("Caller ID Name", caller.name or unknown),
        ("Connected Line ID", connected.number or unknown),
        ("Connected Line ID Name", connected.name or unknown),
        ("DNID Digits", channel.dialed.number or unknown),
        ("Language", snapshot.language),
        ("State", f"{snapshot.state.text} ({int(snapshot.state)})"),
        ("NativeFormats", f"({formats or 'nothing'})"),
        ("Elapsed Time", f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s"),
        ("Bridge ID", snapshot.bridge_id or "(Not bridged)"),
    ]
    pbx = [
        ("Context", snapshot.context),
        ("Extension", snapshot.exten),
        ("Priority", str(snapshot.priority)),
        ("Application", snapshot.application or unknown),
        ("Data", snapshot.application_data or "(Empty)"),
        ("Call Identifier", f"[{callid_of(snapshot.linkedid)}]"),
    ]
    lines = [" -- General --", *_detail_rows(rows), " --   PBX   --", *_detail_rows(pbx), "      Variables:"]
    lines += [f"{name}={value}" for name, value in channel.variables]
    return "\n".join(lines)


def _detail_rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{label:>15}: {value}" for label, value in rows]

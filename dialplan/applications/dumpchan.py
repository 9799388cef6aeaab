"""app_dumpchan: DumpChan."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.absolute_timeout import seconds_left
from dialplan.arguments import Arguments
from dialplan.functions.base import scan_int
from dialplan.functions.channel import READERS
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from dialplan.verbosity import verbose, wants
from pbx.core.channel import Channel
from pbx.core.party import PartyId

log = Logger()

_NONE = "(N/A)"
_LINE = "=" * 80


def _number(party: PartyId) -> str:
    return party.number if party.number_valid else _NONE


def _name(party: PartyId) -> str:
    return party.name if party.name_valid else _NONE


def _hang_up_in(channel: Channel) -> int:
    return max(0, int(seconds_left(channel) or 0))


def describe(channel: Channel) -> list[tuple[str, str]]:
    """What DumpChan says of a channel: labels and values, in order."""
    elapsed = int(channel.channels.clock.now() - channel.created)
    formats = f"({'|'.join(channel.formats)})"
    first = channel.formats[0] if channel.formats else "none"
    bridge = channel.bridge
    return [
        ("Name", channel.name),
        ("Type", channel.technology),
        ("UniqueID", channel.uniqueid),
        ("LinkedID", channel.linkedid),
        ("CallerIDNum", _number(channel.caller.id)),
        ("CallerIDName", _name(channel.caller.id)),
        ("ConnectedLineIDNum", _number(channel.connected.id)),
        ("ConnectedLineIDName", _name(channel.connected.id)),
        ("DNIDDigits", channel.dialed.number or _NONE),
        ("RDNIS", _number(channel.redirecting.source)),
        ("Parkinglot", READERS["parkinglot"](channel)),
        ("Language", channel.language),
        ("State", f"{channel.state.text} ({int(channel.state)})"),
        ("Rings", "0"),
        ("NativeFormat", formats),
        ("WriteFormat", first),
        ("ReadFormat", first),
        ("RawWriteFormat", first),
        ("RawReadFormat", first),
        ("TimetoHangup", str(_hang_up_in(channel))),
        ("ElapsedTime", f"{elapsed // 3600}h{elapsed % 3600 // 60}m{elapsed % 60}s"),
        ("BridgeID", "(Not bridged)" if bridge is None else bridge.id),
        ("Context", channel.context),
        ("Extension", channel.exten),
        ("Priority", str(channel.priority)),
        ("CallGroup", READERS["callgroup"](channel)),
        ("PickupGroup", READERS["pickupgroup"](channel)),
        ("Application", channel.application or _NONE),
        ("Data", channel.application_data or "(Empty)"),
        ("Blocking_in", "(Not Blocking)"),
    ]


class DumpChanModule(DialplanModule):
    """DumpChan."""

    name = "app_dumpchan"
    description = "Dump Info About The Calling Channel"

    @application(
        "DumpChan",
        "[level]",
        synopsis="Dump Info About The Calling Channel.",
        description="Writes the channel and its variables to the verbose log, at level 0 unless given.",
    )
    def app_dump_chan(self, channel: Channel, args: Arguments) -> int:
        level = scan_int(args.raw) or 0
        if not wants(level):
            return RESULT_OK
        lines = [
            "",
            f"Dumping Info For Channel: {channel.name}:",
            _LINE,
            "Info:",
            *(f"{label + '=':20}{value}" for label, value in describe(channel)),
            "",
            "Variables:",
            *(f"{name}={value}" for name, value in channel.variables),
            _LINE,
        ]
        verbose(log, level, "{dump}", dump="\n".join(lines))
        return RESULT_OK

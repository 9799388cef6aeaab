"""What an AGI program is told before its first command (res_agi.c, setup_env). Pure."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pbx.version import ASTERISK_VERSION

if TYPE_CHECKING:
    from pbx.core.channel import Channel

_BREAKS = str.maketrans("\r\n", "  ")


def environment(channel: Channel, request: str, arguments: Sequence[str], *, enhanced: bool = False) -> str:
    """The ``agi_*`` lines and the empty one that ends them. ``arguments`` are those behind the program's name.

    A line break inside a value becomes a blank: Asterisk lets it through, and a caller's name could then forge lines.
    """
    caller, dialed, source = channel.caller, channel.dialed, channel.redirecting.source
    rows: list[tuple[str, object]] = [
        ("request", request),
        ("channel", channel.name),
        ("language", channel.language),
        ("type", channel.technology),
        ("uniqueid", channel.uniqueid),
        ("version", ASTERISK_VERSION),
        ("callerid", caller.id.number if caller.id.number_valid and caller.id.number else "unknown"),
        ("calleridname", caller.id.name if caller.id.name_valid and caller.id.name else "unknown"),
        ("callingpres", caller.id.presentation),
        ("callingani2", caller.ani2),
        ("callington", caller.id.number_plan),
        ("callingtns", dialed.transit_network_select),
        ("dnid", dialed.number or "unknown"),
        ("rdnis", source.number if source.number_valid and source.number else "unknown"),
        ("context", channel.context),
        ("extension", channel.exten),
        ("priority", channel.priority),
        ("enhanced", "1.0" if enhanced else "0.0"),
        ("accountcode", channel.accountcode),
        # One thread serves every call; programs only want something to log.
        ("threadid", threading.get_ident()),
        *((f"arg_{number}", value) for number, value in enumerate(arguments, 1)),
    ]
    return "".join(f"agi_{name}: {str(value).translate(_BREAKS)}\n" for name, value in rows) + "\n"

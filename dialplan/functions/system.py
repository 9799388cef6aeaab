"""func_sysinfo and func_version: what runs, and on what."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel
from pbx.version import ASTERISK_VERSION

#: SYSINFO's words and the lines of /proc/meminfo that say them, in KiB.
_MEMORY = {
    "totalram": "MemTotal",
    "freeram": "MemFree",
    "bufferram": "Buffers",
    "totalswap": "SwapTotal",
    "freeswap": "SwapFree",
}


def _memory(word: str) -> str:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if name == word:
            return rest.split()[0]
    return "0"


class SystemModule(DialplanModule):
    """SYSINFO."""

    name = "func_sysinfo"
    description = "System information related functions"

    @function(
        "SYSINFO",
        "parameter",
        synopsis="Returns system information specified by parameter.",
        description=(
            "loadavg, numcalls, uptime in hours, totalram, freeram, bufferram, totalswap and freeswap in KiB, numprocs."
        ),
    )
    def func_sysinfo(self, channel: Channel | None, args: Arguments) -> str:
        word = args.raw.strip().lower()
        if not word:
            raise ArgumentError("Syntax: ${SYSINFO(<parameter>)} - missing argument!")
        if word == "loadavg":
            return f"{os.getloadavg()[0]:f}"
        if word == "numcalls":
            return str(sum(each.owner == "pbx" for each in self.server.channels))
        try:
            if word == "uptime":
                return str(int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) // 3600))
            if word == "numprocs":
                return Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2]
            if word in _MEMORY:
                return _memory(_MEMORY[word])
        except (OSError, IndexError, ValueError):
            raise FunctionError(f"SYSINFO: this system does not tell '{word}'") from None
        raise ArgumentError(f"Unknown sysinfo parameter type '{args.raw}'")


class VersionModule(DialplanModule):
    """VERSION."""

    name = "func_version"
    description = "Get Asterisk Version/Build Info"

    @function(
        "VERSION",
        "[info]",
        synopsis="Return the Version info for this Asterisk.",
        description=(
            "Without an argument the version; ASTERISK_VERSION_NUM: as a number; BUILD_USER, BUILD_HOSTNAME, "
            "BUILD_MACHINE, BUILD_KERNEL, BUILD_OS, BUILD_DATE: of the machine it runs on."
        ),
    )
    def func_version(self, channel: Channel | None, args: Arguments) -> str:
        system = platform.uname()
        match args.raw.strip().upper():
            case "ASTERISK_VERSION_NUM":
                major, minor, patch = (*ASTERISK_VERSION.split("."), "0", "0")[:3]
                return f"{major}{int(minor):02}{int(patch):02}"
            case "BUILD_USER" | "BUILD_DATE":
                return ""
            case "BUILD_HOSTNAME":
                return system.node
            case "BUILD_MACHINE":
                return system.machine
            case "BUILD_KERNEL":
                return system.release
            case "BUILD_OS":
                return system.system
            case _:
                return ASTERISK_VERSION

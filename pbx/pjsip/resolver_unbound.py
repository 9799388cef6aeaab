"""The module res_resolver_unbound: which name servers SIP asks, from resolver_unbound.conf.

The name is Asterisk's, whose resolver is libunbound; here Twisted's does the work. ``debug``, ``ta_file`` and the like
are libunbound's own and do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option, parse_section
from pbx.modules import Module
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.resolver import HOSTS_FILE, RESOLV_CONF, NameServers, literal

CONFIG_FILE = "resolver_unbound.conf"
DNS_PORT = 53


def _server(text: str) -> tuple[str, int]:
    """``address[@port]``."""
    address, at, port = text.partition("@")
    bare = literal(address.strip())
    if bare is None or (at and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError("must be address or address@port")
    return bare, int(port) if at else DNS_PORT


_SERVERS = types.accumulate(types.custom("name server", lambda text: (_server(text),)))


@dataclass(frozen=True, slots=True)
class UnboundSettings(ConfigObject):
    """``[general]``."""

    type_name: ClassVar[str] = "resolver_unbound"

    hosts: str = option(types.STRING, "system", help="hosts file, system for the usual one, empty for none")
    resolv: str = option(types.STRING, "system", help="resolv.conf, system for the usual one, empty for none")
    nameserver: tuple[tuple[str, int], ...] = option(_SERVERS, (), help="address[@port]; may be repeated")
    debug: int = option(types.integer(0, 9), 0, help="without effect")
    ta_file: str = option(types.STRING, "", help="without effect")


class ResolverUnbound(Module):
    """Without it the system's name servers are asked."""

    name = "res_resolver_unbound"
    description = "DNS resolver: which servers are asked"

    def check(self) -> None:
        self._read()

    async def load(self) -> None:
        self.server.require(PjsipHost).resolver.configure(self._read())

    async def reload(self) -> None:
        await self.load()

    async def unload(self) -> None:
        self.server.require(PjsipHost).resolver.configure(NameServers())

    def _read(self) -> NameServers:
        """Raises ConfigErrors."""
        config = self.server.config.load_optional(CONFIG_FILE)
        if config is None:
            return NameServers()
        settings = parse_section(UnboundSettings, next(iter(config.sections_named("general")), None))
        paths = [
            usual if given == "system" else str(Path(given)) if given else ""
            for given, usual in ((settings.resolv, RESOLV_CONF), (settings.hosts, HOSTS_FILE))
        ]
        return NameServers(paths[0], paths[1], settings.nameserver)

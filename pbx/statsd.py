"""res_statsd: figures for a StatsD server, by UDP (statsd.conf)."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from pbx.config import types
from pbx.config.options import ConfigObject, option, parse_section
from pbx.config.values import HostPort
from pbx.modules import Module, ModuleError

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

log = Logger()

FILE = "statsd.conf"
PORT = 8125
MAX_PREFIX = 40
#: Bytes of one figure; a datagram should not be cut.
MAX_BYTES = 1400

GAUGE, COUNTER, TIMER, SET, METER = "g", "c", "ms", "s", "m"


def _server(text: str) -> HostPort:
    """A literal address: names would have to be resolved for every figure, as in Asterisk's PARSE_ADDR."""
    found = HostPort.parse(text)
    ipaddress.ip_address(found.host)
    return found


def _prefix(text: str) -> str:
    if len(text) > MAX_PREFIX:
        raise ValueError(f"at most {MAX_PREFIX} characters are wanted")
    return text


@dataclass(frozen=True, slots=True)
class StatsdSettings(ConfigObject):
    """``[general]`` of statsd.conf."""

    type_name: ClassVar[str] = "general"

    enabled: bool = option(types.YESNO, False, help="send figures")
    server: HostPort = option(
        types.custom("address with optional port", _server), HostPort("127.0.0.1"), help="the StatsD server; port 8125"
    )
    prefix: str = option(types.custom("text", _prefix), "", help="put before every name, with a dot")
    add_newline: bool = option(types.YESNO, False, help="end every figure with a line break, to read them with netcat")
    meter_support: bool = option(
        types.YESNO, True, help="send meters as such; otherwise as counters with _meter behind the name"
    )


def read_statsd_conf(config: ConfigLoader) -> StatsdSettings:
    """statsd.conf, or the defaults when there is none. Raises ConfigErrors."""
    found = config.load_optional(FILE)
    return parse_section(StatsdSettings, None if found is None else found.section("general"))


def line(settings: StatsdSettings, name: str, kind: str, value: str, rate: float = 1.0) -> str:
    """One figure as StatsD reads it. Pure."""
    if settings.prefix:
        name = f"{settings.prefix}.{name}"
    if kind == METER and not settings.meter_support:
        name, kind = f"{name}_meter", COUNTER
    sampled = f"|@{rate:.2f}" if rate < 1.0 else ""
    return f"{name}:{value}|{kind}{sampled}" + ("\n" if settings.add_newline else "")


class Statsd(DatagramProtocol):
    """Sends figures, or drops them where statsd.conf does not enable it."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._port: Any = None
        self.settings = StatsdSettings("general")

    def use(self, settings: StatsdSettings) -> None:
        """Send as ``settings`` say. Raises ModuleError where no socket can be had; the old ones stay then."""
        family = ":" in settings.server.host
        if settings.enabled and (self._port is None or family != (":" in self.settings.server.host)):
            try:
                opened = self._reactor.listenUDP(0, self, interface="::" if family else "0.0.0.0")
            except Exception as error:  # Twisted's CannotListenError and whatever the system adds
                raise ModuleError(f"{FILE}: no socket for figures: {error}") from error
            self.close()
            self._port = opened
        elif not settings.enabled:
            self.close()
        self.settings = settings

    def close(self) -> None:
        """Send nothing more. Idempotent."""
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()

    def send(self, name: str, kind: str, value: str, rate: float = 1.0) -> None:
        """Send a figure; by chance where ``rate`` is below 1, never at 0. Never waits and never fails."""
        port, settings = self._port, self.settings
        if port is None or rate <= 0.0 or (rate < 1.0 and rate < random.random()):
            return
        data = line(settings, name, kind, value, rate).encode("utf-8", "surrogateescape")[:MAX_BYTES]
        try:
            port.write(data, (settings.server.host, settings.server.port or PORT))
        except OSError as error:
            log.debug("statsd: {error}", error=error)


class StatsdModule(Module):
    """Offers `Statsd`."""

    name = "res_statsd"
    description = "StatsD client support"
    support_level = "extended"

    def check(self) -> None:
        read_statsd_conf(self.server.config)

    async def load(self) -> None:
        statsd = Statsd(self.server.reactor)
        statsd.use(read_statsd_conf(self.server.config))
        self.statsd = statsd
        self.server.provide(Statsd, statsd)

    async def unload(self) -> None:
        self.server.withdraw(Statsd)
        self.statsd.close()

    async def reload(self) -> None:
        self.statsd.use(read_statsd_conf(self.server.config))


MODULES: tuple[type[Module], ...] = (StatsdModule,)

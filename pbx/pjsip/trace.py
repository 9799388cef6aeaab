"""res_pjsip_logger: SIP messages in the log, all or by host or method. Costs nothing while it is off."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cli.registry import Command, CommandError, NothingFound, UsageError
from pbx.logs import verbose
from pbx.modules import Module
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.message import SipMessage, text_of
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip._native.incoming import TransportInfo
    from pbx.pjsip._native.transport import PjTransport

log = Logger()

USAGE = (
    "pjsip set logger {on|off|host <name/subnet>|add <name/subnet>|method <method>|methodadd <method>|verbose <on/off>}"
)
#: Methods that can be traced alone, as in Asterisk.
METHODS = (
    "INVITE", "CANCEL", "ACK", "BYE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "MESSAGE",
)  # fmt: skip

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SipTrace:
    """What is traced now."""

    def __init__(self, host: PjsipHost) -> None:
        self._host = host
        self._all = False
        self._networks: list[Network] = []
        self._methods: list[str] = []
        self._to_verbose = True

    def everything(self) -> None:
        """Trace all messages."""
        self._all = True
        self._update()

    def off(self) -> None:
        """Trace nothing, and forget hosts and methods."""
        self._all = False
        self._to_verbose = True
        self._networks.clear()
        self._methods.clear()
        self._update()

    def host(self, text: str, *, more: bool = False) -> str:
        """Trace an address or a subnet (and keep the others if ``more``); gives it as understood. Raises ValueError."""
        network = ipaddress.ip_network(text, strict=False)
        self._networks = [*(self._networks if more else []), network]
        self._update()
        return str(network.network_address) if network.num_addresses == 1 else str(network)

    def method(self, name: str, *, more: bool = False) -> list[str]:
        """Trace a method (and keep the others if ``more``); gives all traced now. Raises ValueError."""
        name = name.upper()
        if name not in METHODS:
            raise ValueError(f"unknown method {name}")
        self._methods = sorted({*(self._methods if more else []), name})
        self._update()
        return list(self._methods)

    def verbose(self, enabled: bool) -> None:
        """Write what is traced, or pause."""
        self._to_verbose = enabled
        self._update()

    def _update(self) -> None:
        wanted = self._to_verbose and bool(self._all or self._networks or self._methods)
        self._host.ingress.on_received = self._received if wanted else None
        self._host.table.on_sent = self._sent if wanted else None

    def _is_wanted(self, raw: bytes, address: str) -> bool:
        if self._networks:
            known = ipaddress.ip_address(address.partition("%")[0])
            if not any(known in network for network in self._networks):
                return False
        if self._methods:
            try:
                return SipMessage(raw).method in self._methods
            except SipSyntaxError:
                return False
        return True

    def _received(self, raw: bytes, transport: PjTransport, source: tuple[str, int]) -> None:
        self._write("Received", "from", raw, transport.info.protocol, source)

    def _sent(self, raw: bytes, transport: TransportInfo, destination: tuple[str, int]) -> None:
        self._write("Transmitting", "to", raw, transport.protocol, destination)

    def _write(self, deed: str, way: str, raw: bytes, protocol: str, address: tuple[str, int]) -> None:
        if not self._is_wanted(raw, address[0]):
            return
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        verbose(
            log,
            0,
            "<--- {deed} SIP {kind} ({size} bytes) {way} {protocol}:{host}:{port} --->\n{message}\n",
            deed=deed,
            kind="response" if raw.startswith(b"SIP/") else "request",
            size=len(raw),
            way=way,
            protocol=protocol.upper(),
            host=host,
            port=address[1],
            message=text_of(raw),
        )


class ResPjsipLogger(Module):
    """``pjsip set logger`` and the ``debug`` option of ``type=global``."""

    name = "res_pjsip_logger"
    description = "PJSIP Packet Logger"
    requires = ("res_pjsip",)

    async def load(self) -> None:
        server = self.server
        self._trace = SipTrace(server.require(PjsipHost))
        self._withdraw: Callable[[], None] = server.cli.register(
            Command("pjsip set logger", USAGE, "Enable/Disable PJSIP Logger Output", self._command)
        )
        self._debug = ""
        self._apply_debug()

    async def unload(self) -> None:
        self._withdraw()
        self._trace.off()

    async def reload(self) -> None:
        self._apply_debug()

    def _apply_debug(self) -> None:
        """The ``debug`` option: only its changes count, so that a reload leaves what the console set."""
        settings = self.server.find(PjsipSettings)
        wanted = "no" if settings is None else settings.global_.debug.strip().lower()
        if wanted == self._debug:
            return
        self._debug = wanted
        if wanted in ("no", "false", "off", "0", ""):
            self._trace.off()
        elif wanted in ("yes", "true", "on", "1"):
            self._trace.everything()
        else:
            try:
                self._trace.host(wanted)
            except ValueError:
                log.warn("pjsip.conf: debug = {value} is neither yes, no nor an address", value=wanted)

    def _command(self, words: Sequence[str]) -> str:
        if not words:
            raise UsageError(USAGE)
        what, *rest = words
        if len(words) == 1 and what == "on":
            self._trace.everything()
            return "PJSIP Logging enabled"
        if len(words) == 1 and what == "off":
            self._trace.off()
            return "PJSIP Logging disabled"
        if len(rest) != 1:
            raise UsageError(USAGE)
        value = rest[0]
        if what in ("host", "add"):
            try:
                return f"PJSIP Logging Enabled for host: {self._trace.host(value, more=what == 'add')}"
            except ValueError:
                raise NothingFound(f"Failed to add address '{value}' for logging") from None
        if what in ("method", "methodadd"):
            try:
                methods = self._trace.method(value, more=what == "methodadd")
            except ValueError:
                raise CommandError(f"'{value}' is not a known SIP method") from None
            return f"PJSIP Logging Enabled for SIP Methods: {', '.join(methods)}"
        if what == "verbose":
            enabled = value.lower() in ("yes", "true", "y", "t", "1", "on")
            self._trace.verbose(enabled)
            return f"PJSIP Logging to verbose has been {'enabled' if enabled else 'disabled'}"
        raise UsageError(USAGE)

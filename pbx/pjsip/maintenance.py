"""res_pjsip_maintenance: endpoints taken out of service. Calls there are go on; new requests of theirs are answered 503
and calls to them are refused, until somebody ends it. The state is not kept over a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cli.registry import Command, UsageError
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.sip_module import SipModule

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.pjsip.host import IncomingRequest
    from pbx.sorcery import Sorcery

log = Logger()

#: What Retry-After says, in seconds.
RETRY_SECONDS = 300
SET_USAGE = "pjsip set maintenance {on|off} {endpoint|all}"
SHOW_USAGE = "pjsip show maintenance [endpoint]"


@dataclass(frozen=True, slots=True)
class MaintenanceChanged:
    """``endpoint`` (``all`` for every one) went into maintenance, or came out of it."""

    endpoint: str
    enabled: bool


class Maintenance:
    """Which endpoints are out of service."""

    def __init__(self, sorcery: Sorcery, bus: Bus) -> None:
        self._sorcery = sorcery
        self._bus = bus
        self._names: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @property
    def names(self) -> list[str]:
        return sorted(self._names)

    def set(self, name: str, enabled: bool) -> int:
        """Of an endpoint, or of ``all``; how many changed. Raises LookupError for an unknown one."""
        if name.lower() == "all":
            found = [endpoint.id for endpoint in self._sorcery.all(Endpoint)]
            name = "all"
        elif self._sorcery.get(Endpoint, name) is None:
            raise LookupError(f"Endpoint '{name}' not found")
        else:
            found = [name]
        changed = [each for each in found if (each in self._names) is not enabled]
        for each in changed:
            if enabled:
                self._names[each] = None
            else:
                del self._names[each]
        if changed:
            word = "enabled" if enabled else "disabled"
            log.info("Maintenance mode {word} for endpoint '{name}'", word=word, name=name)
            self._bus.publish(MaintenanceChanged(name, enabled))
        return len(changed)

    def refuses(self, request: IncomingRequest, endpoint: Endpoint) -> bool:
        """Answer a new request of an endpoint out of service; those that end a subscription or registration pass."""
        if endpoint.id not in self._names:
            return False
        if request.method in ("SUBSCRIBE", "REGISTER") and (request.headers.get("Expires") or "").strip() == "0":
            return False
        log.info(
            "Endpoint '{endpoint}' is in maintenance mode; rejecting new {method} from {host}",
            endpoint=endpoint.id,
            method=request.method,
            host=request.source[0],
        )
        request.respond(503, headers=[("Retry-After", str(RETRY_SECONDS))], stateless=True)
        return True

    # Console

    def command_set(self, words: Sequence[str]) -> str:
        if len(words) != 2 or words[0].lower() not in ("on", "off"):
            raise UsageError(SET_USAGE)
        enabled, name = words[0].lower() == "on", words[1]
        try:
            count = self.set(name, enabled)
        except LookupError as error:
            return str(error.args[0])
        state = "ENABLED" if enabled else "DISABLED"
        if name.lower() == "all":
            return f"Maintenance mode {state} for {count} endpoint{'' if count == 1 else 's'}"
        if count:
            return f"Maintenance mode {state} for endpoint '{name}'"
        return f"Endpoint '{name}' {'is already' if enabled else 'was not'} in maintenance mode"

    def command_show(self, words: Sequence[str]) -> str:
        if len(words) > 1:
            raise UsageError(SHOW_USAGE)
        if words:
            return f"Endpoint '{words[0]}' is {'' if words[0] in self else 'NOT '}in maintenance mode"
        count = len(self._names)
        return "\n".join(
            (
                "",
                f"  {'Endpoint':40}  State",
                f"  {'-' * 40}  -----",
                *(f"  {name:40}  ON" for name in self.names),
                "",
                f"  {count} endpoint{'' if count == 1 else 's'} in maintenance mode",
                "",
            )
        )


class ResPjsipMaintenance(SipModule):
    """Offers `Maintenance`."""

    name = "res_pjsip_maintenance"
    description = "PJSIP Endpoint Maintenance Mode"
    support_level = "extended"

    def offer(self) -> None:
        server = self.server
        maintenance = Maintenance(server.sorcery, server.bus)
        server.provide(Maintenance, maintenance)
        self.withdrawals += (
            lambda: server.withdraw(Maintenance),
            server.require(Distributor).register_gate(maintenance.refuses),
            server.cli.register(
                Command(
                    "pjsip set maintenance", SET_USAGE, "Set PJSIP endpoint maintenance mode", maintenance.command_set
                )
            ),
            server.cli.register(
                Command(
                    "pjsip show maintenance",
                    SHOW_USAGE,
                    "Show PJSIP endpoint maintenance status",
                    maintenance.command_show,
                )
            ),
        )

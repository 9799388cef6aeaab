"""Console commands of ARI. Layouts are Asterisk's (res/ari/cli.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ari.outbound import OutboundSockets
from pbx.cli.registry import Command, CommandError, NothingFound, UsageError, no_arguments, yes_no
from pbx.stasis.applications import StasisApplications

if TYPE_CHECKING:
    from ari.server import AriServer
    from pbx.server import Server


def register(server: Server, ari: AriServer) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_AriCommands(server, ari).table())


class _AriCommands:
    def __init__(self, server: Server, ari: AriServer) -> None:
        self._server = server
        self._ari = ari

    def table(self) -> list[Command]:
        names = self._names
        return [
            Command("ari show status", "ari show status", "Show ARI settings", self.status),
            Command("ari show users", "ari show users", "Show all ARI users", self.users),
            Command(
                "ari show user", "ari show user <username>", "List single ARI user", self.user, lambda _: self._users()
            ),
            Command("ari show apps", "ari show apps", "Show all ARI applications", self.apps),
            Command(
                "ari show app", "ari show app <application>", "Show details of an ARI application", self.app, names
            ),
            Command("ari show sockets", "ari show sockets", "Show connected event sockets", self.sockets),
            Command(
                "ari show outbound-websockets",
                "ari show outbound-websockets",
                "Show the sockets that the exchange opens",
                self.outbound,
            ),
            Command(
                "ari shutdown websocket sessions",
                "ari shutdown websocket sessions",
                "Close every event socket",
                self.shut_down,
            ),
            Command(
                "ari set debug",
                "ari set debug <all|application> <on|off>",
                "Enable/disable debugging of an ARI application",
                self.debug,
                names,
            ),
        ]

    def _users(self) -> list[str]:
        return sorted(self._ari.config.users)

    def _names(self, _words: Sequence[str]) -> list[str]:
        registry = self._server.find(StasisApplications)
        return [] if registry is None else [each.name for each in registry]

    def status(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        general = self._ari.config.general
        rows = [
            ("Enabled", yes_no(general.enabled)),
            ("Output format", "JSON, indented" if general.pretty else "JSON, compact"),
            ("Auth realm", general.auth_realm),
            ("Allowed Origins", ",".join(general.allowed_origins)),
            ("User count", str(len(self._ari.config.users))),
            ("Event sockets", str(len(self._ari.sockets))),
            ("Channel vars", ",".join(general.channelvars)),
        ]
        return "\n".join(["ARI Status:", *(f"{name}: {value}" for name, value in rows)])

    def users(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        lines = ["r/o?  Username", "----  --------"]
        users = self._ari.config.users
        lines += [f"{yes_no(users[name].read_only):<4}  {name}" for name in sorted(users)]
        return "\n".join(lines)

    def user(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        found = self._ari.config.users.get(arguments[0])
        if found is None:
            raise NothingFound(f"User '{arguments[0]}' not found")
        restricted = any(acl.rules for acl in self._ari.config.acls.get(found.id, ()))
        return f"Username: {found.id}\nRead only?: {yes_no(found.read_only)}\nACL?: {yes_no(restricted)}"

    def apps(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        return "\n".join(["Application Name", "=========================", *self._names(())])

    def app(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        registry = self._server.find(StasisApplications)
        found = None if registry is None else registry.find(arguments[0])
        if found is None:
            raise CommandError(f"There is no ARI application '{arguments[0]}'")
        lines = [
            f"Name: {found.name}",
            f"  Debug: {yes_no(found.debug)}",
            f"  Connected: {yes_no(found.sink is not None)}",
            "  Subscriptions:",
        ]
        lists = (
            ("Channels", found.channel_ids),
            ("Bridges", found.bridge_ids),
            ("Endpoints", found.endpoint_ids),
            ("Devices", found.device_names),
        )
        for kind, names in lists:
            lines += [f"    {kind}: {len(names)}", *(f"      {name}" for name in names)]
        return "\n".join(lines)

    def sockets(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        now = self._server.clock.now()
        row = "{:<20} {:<40} {:>8} {:>8}  {}"
        lines = [row.format("User", "Address", "Seconds", "Events", "Applications")]
        lines += [
            row.format(
                each.user.id, each.address, int(now - each.started_at), each.events_sent, ",".join(each.applications)
            )
            for each in self._ari.sockets
        ]
        return "\n".join(lines)

    def outbound(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        row = "{:<20} {:<15} {:<9} {:<40} {}"
        lines = [row.format("Name", "Type", "Connected", "URI", "Applications")]
        lines += [
            row.format(
                each.conf.id,
                each.server.connection_type.value,
                yes_no(each.connected),
                each.server.uri,
                ",".join(each.applications),
            )
            for each in self._server.find(OutboundSockets) or ()
        ]
        return "\n".join(lines)

    def shut_down(self, arguments: Sequence[str]) -> str:
        """Persistent outbound sockets are opened again, as in Asterisk."""
        no_arguments(arguments)
        sockets = list(self._ari.sockets)
        for each in sockets:
            each.shut_down()
        return f"{len(sockets)} websocket sessions closed"

    def debug(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 2 or arguments[1] not in {"on", "off"}:
            raise UsageError
        name, wanted = arguments[0], arguments[1] == "on"
        state = "enabled" if wanted else "disabled"
        if name == "all":
            self._ari.debug = wanted
            return f"Debugging on all applications {state}"
        registry = self._server.find(StasisApplications)
        found = None if registry is None else registry.find(name)
        if found is None:
            raise CommandError(f"There is no ARI application '{name}'")
        found.debug = wanted
        return f"Debugging on '{name}' {state}"

"""Console commands of the manager. Layouts are Asterisk's (main/manager.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ami.classes import class_text
from pbx.cli.registry import Command, NothingFound, UsageError, no_arguments, yes_no

if TYPE_CHECKING:
    from ami.manager import Manager
    from pbx.server import Server


def register(server: Server, manager: Manager) -> Callable[[], None]:
    """Add the commands; the result withdraws them."""
    return server.cli.register_all(_ManagerCommands(server, manager).table())


class _ManagerCommands:
    def __init__(self, server: Server, manager: Manager) -> None:
        self._server = server
        self._manager = manager

    def table(self) -> list[Command]:
        return [
            Command("manager show commands", "manager show commands", "List manager interface commands", self.commands),
            Command(
                "manager show command",
                "manager show command <actionname> [<actionname> [...]]",
                "Show a manager interface command",
                self.command,
                self._action_names,
            ),
            Command("manager show connected", "manager show connected", "List connected manager users", self.connected),
            Command("manager show users", "manager show users", "List configured manager users", self.users),
            Command(
                "manager show user",
                "manager show user <user>",
                "Display information on a specific manager user",
                self.user,
                lambda _words: list(self._manager.accounts),
            ),
            Command("manager show settings", "manager show settings", "Show manager global settings", self.settings),
            Command("manager show events", "manager show events", "List manager events", self.events),
            Command("manager show eventq", "manager show eventq", "Show manager event queues", self.event_queue),
            Command("manager reload", "manager reload", "Reload manager configurations", self.reload),
        ]

    def _action_names(self, _words: Sequence[str]) -> Iterable[str]:
        return [each.name for each in self._manager.available()]

    def commands(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        actions = self._manager.available()
        width = max((len(each.name) for each in actions), default=6)
        lines = [f"  {'Action':<{width}}  Synopsis", f"  {'------':<{width}}  --------"]
        lines += [f"  {each.name:<{width}}  {each.synopsis}" for each in actions]
        return "\n".join(lines)

    def command(self, arguments: Sequence[str]) -> str:
        if not arguments:
            raise UsageError
        blocks = []
        for name in arguments:
            found = self._manager.find_action(name)
            if found is None:
                raise NothingFound(f"There is no manager action called {name}")
            lines = [
                f"Action: {found.name}",
                f"Synopsis: {found.synopsis}",
                f"Privilege: {class_text(found.privilege)}",
            ]
            lines += [f"Parameter: {each} (required)" for each in found.required]
            lines += [f"Parameter: {each}" for each in found.optional]
            lines += [f"Event: {each}" for each in found.list_events]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def connected(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        row = "  {:<15}  {:<55}  {:<10}  {:<10}  {:<10}  {:<10.10}  {:<10.10}"
        lines = [row.format("Username", "IP Address", "Start", "Elapsed", "Events", "ReadPerms", "WritePerms")]
        now = self._server.clock.now()
        sessions = [each for each in self._manager.sessions if each.authenticated]
        lines += [
            row.format(
                each.username,
                each.peer,
                int(each.started_at),
                int(now - each.started_at),
                each.events_sent,
                str(each.read_classes),
                str(each.write_classes),
            )
            for each in sessions
        ]
        return "\n".join([*lines, f"{len(sessions)} users connected."])

    def users(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        names = list(self._manager.accounts)
        if not names:
            return "There are no manager users."
        return "\n".join(
            ["", "username", "--------", *names, "-------------------", f"{len(names)} manager users configured."]
        )

    def user(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1:
            raise UsageError
        account = self._manager.accounts.get(arguments[0])
        if account is None:
            raise NothingFound(f"There is no manager called {arguments[0]}")
        user = account.user
        rows = [
            ("username", user.id),
            ("secret", "<Set>" if account.secret else "<N/A>"),
            ("ACL", yes_no(any(acl.rules for acl in account.acls))),
            ("read perm", class_text(user.read)),
            ("write perm", class_text(user.write)),
            ("displayconnects", yes_no(user.displayconnects).lower()),
            ("allowmultiplelogin", yes_no(user.allowmultiplelogin).lower()),
        ]
        lines = ["", *[f"{label:>18}: {value}" for label, value in rows], f"{'Variables':>18}: "]
        lines += [f"                 {name} = {value}" for name, value in user.setvar]
        return "\n".join(lines)

    def settings(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        general = self._manager.general
        rows = [
            ("Manager (AMI)", yes_no(general.enabled)),
            ("Web Manager (AMI/HTTP)", "No"),
            ("TCP Bindaddress", f"{general.bindaddr}:{general.port}" if general.enabled else "Disabled"),
            ("TLS Enable", yes_no(general.tlsenable)),
            ("TLS Bindaddress", (general.tlsbindaddr or general.bindaddr) if general.tlsenable else "Disabled"),
            ("TLS Certfile", general.tlscertfile),
            ("TLS Privatekey", general.tlsprivatekey),
            ("Authentication limit", str(general.authlimit)),
            ("Authentication timeout (seconds)", str(general.authtimeout)),
            ("Allow multiple login", yes_no(general.allowmultiplelogin)),
            ("Display connects", yes_no(general.displayconnects)),
            ("Timestamp events", yes_no(general.timestampevents)),
            ("Channel vars", ",".join(general.channelvars)),
            ("Disabled events", ",".join(general.disabledevents)),
        ]
        return "\n".join(
            ["", "Global Settings:", "----------------", *[f"  {f'{label}:':<33}  {value}" for label, value in rows]]
        )

    def events(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        names = sorted({name for encoder in self._manager.stream.encoders for name in encoder.events})
        return "\n".join(["Events:", *[f"  {name}" for name in names], "", f"{len(names)} events registered."])

    def event_queue(self, arguments: Sequence[str]) -> str:
        """Asterisk lists its queue; here every client has one, and these are their fillings."""
        no_arguments(arguments)
        lines = [f"{each.username:<15} {each.peer:<40} {each.queued:>10} bytes" for each in self._manager.sessions]
        return "\n".join([*lines, f"{self._manager.stream.made} events made"])

    async def reload(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        await self._server.reload("manager")
        return ""

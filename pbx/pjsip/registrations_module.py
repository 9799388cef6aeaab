"""The module res_pjsip_outbound_registration, with its console commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pbx.cli.registry import Command, CommandError, UsageError
from pbx.pjsip.console import layout
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.objects.registration import Registration
from pbx.pjsip.out_of_dialog import Requests
from pbx.pjsip.outbound_registration import RegistrationClients
from pbx.pjsip.sip_module import SipModule

if TYPE_CHECKING:
    from pbx.pjsip.outbound_registration import RegistrationClient

ALL = "*all"
#: Width of the name and URI in a listing.
URI_WIDTH = 53


class ResPjsipOutboundRegistration(SipModule):
    """Registers us elsewhere while it is loaded."""

    name = "res_pjsip_outbound_registration"
    description = "PJSIP Outbound Registration Support"

    def check(self) -> None:
        self.check_type(Registration)

    def offer(self) -> None:
        server = self.server
        self.own_type(Registration)
        clients = self._clients = RegistrationClients(
            server.require(PjsipHost), server.require(Requests), server.sorcery, server.bus, server.clock
        )
        server.provide(RegistrationClients, clients)
        self.withdrawals.append(lambda: server.withdraw(RegistrationClients))
        self.withdrawals.append(clients.stop)
        self.withdrawals.append(server.require(Distributor).identifiers.register("line", clients))
        self.withdrawals.append(server.sorcery.observe(Registration, loaded=clients.refresh))
        self.withdrawals += [server.cli.register(command) for command in self._commands()]
        clients.refresh()

    async def reload(self) -> None:
        self.server.sorcery.reload(Registration)

    def _commands(self) -> list[Command]:
        def command(words: str, arguments: str, summary: str, handler: Callable[[Sequence[str]], str]) -> Command:
            return Command(words, f"{words} {arguments}".strip(), summary, handler, lambda _: self._names())

        return [
            command("pjsip show registrations", "", "Show outbound registrations", self._show_all),
            command("pjsip list registrations", "", "List outbound registrations", self._show_all),
            command("pjsip show registration", "<registration>", "Show an outbound registration", self._show),
            command("pjsip send register", f"<registration>|{ALL}", "Register again", self._register),
            command("pjsip send unregister", f"<registration>|{ALL}", "Unregister, and stop trying", self._unregister),
        ]

    def _names(self) -> list[str]:
        return [client.registration.id for client in self._clients]

    def _chosen(self, words: Sequence[str]) -> list[RegistrationClient]:
        if len(words) != 1:
            raise UsageError("one registration is wanted")
        if words[0] == ALL:
            return list(self._clients)
        client = self._clients.find(words[0])
        if client is None:
            raise CommandError(f"Unable to retrieve registration {words[0]}")
        return [client]

    def _row(self, client: RegistrationClient) -> str:
        each = client.registration
        left = round(client.expires_at - self.server.clock.now()) if client.expires_at else 0
        ends = f" (exp. {abs(left)}{'s ago)' if left < 0 else 's)'}"
        room = max(0, URI_WIDTH - len(each.id))
        auth = each.outbound_auth[0] if each.outbound_auth else "n/a"
        return f" {each.id}/{each.server_uri[:room]:<{room}}  {auth:<26}  {client.state.value:<16} {ends.strip()}\n"

    def _show_all(self, words: Sequence[str]) -> str:
        if words:
            raise UsageError("no arguments are wanted")
        return layout.listing(layout.registration_header(), [self._row(client) for client in self._clients])

    def _show(self, words: Sequence[str]) -> str:
        (client,) = self._chosen(words)
        body = self._row(client) + "\n" + layout.parameters(client.registration)
        return layout.single(layout.registration_header(), body)

    def _register(self, words: Sequence[str]) -> str:
        for client in self._chosen(words):
            client.register()
        return "Re-register all queued\n" if words[0] == ALL else ""

    def _unregister(self, words: Sequence[str]) -> str:
        for client in self._chosen(words):
            client.unregister()
        return "Unregister all queued\n" if words[0] == ALL else ""

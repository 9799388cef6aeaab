"""The ``pjsip`` commands of res_pjsip: show, list, qualify."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pbx.cli.registry import Command, CommandError, NothingFound, UsageError
from pbx.config.options import schema_of
from pbx.pjsip.console import layout
from pbx.pjsip.console.views import Views
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.location import Location
from pbx.pjsip.objects import Contact, Endpoint
from pbx.pjsip.qualify import Qualifier
from pbx.pjsip.settings import PjsipSettings

if TYPE_CHECKING:
    from pbx.server import Server

T = TypeVar("T")


def _identity(item: Any) -> str:
    """The name by which an object is looked up and filtered: a contact's is ``aor/uri``, a channel's its own."""
    if isinstance(item, Contact):
        return f"{item.aor}/{item.uri}"
    return str(getattr(item, "id", None) or item.name)


def _like(items: Iterable[T], words: Sequence[str]) -> list[T]:
    """Those whose name matches ``like <pattern>``, or all. Raises UsageError."""
    if not words:
        return list(items)
    if len(words) != 2 or words[0] != "like":
        raise UsageError
    try:
        wanted = re.compile(words[1])
    except re.error as error:
        raise CommandError(f"bad regular expression: {error}") from error
    return [item for item in items if wanted.search(_identity(item))]


def _one(items: Iterable[T], words: Sequence[str]) -> T:
    if len(words) != 1:
        raise UsageError
    for item in items:
        if _identity(item) == words[0]:
            return item
    raise NothingFound(f"Unable to find object {words[0]}.\n")


class PjsipCommands:
    """Handlers; `table` is what is registered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._views = Views(server)

    def table(self) -> list[Command]:
        views = self._views
        endpoint_tree = "".join((
            layout.endpoint_header(),
            layout.auth_header(1),
            layout.aor_header(1),
            layout.contact_header(2),
            layout.transport_header(1),
            layout.identify_header(1, recurse=True),
            layout.channel_header(1, recurse=True),
        ))  # fmt: skip
        aor_tree = layout.aor_header(0) + layout.contact_header(1)
        kinds: list[tuple[str, str, Callable[[], list[Any]], str, str, Callable[..., str]]] = [
            ("endpoint", "endpoints", views.endpoints, layout.endpoint_header(), endpoint_tree, views.endpoint),
            ("aor", "aors", views.aors, layout.aor_header(0), aor_tree, views.aor),
            ("identify", "identifies", views.identifies, layout.identify_header(0, recurse=False),
             layout.identify_header(0, recurse=True), views.identify),
            ("auth", "auths", views.auths, layout.auth_header(0), layout.auth_header(0), views.auth),
            ("contact", "contacts", views.contacts, layout.contact_header(0), layout.contact_header(0), views.contact),
            ("transport", "transports", views.transports, layout.transport_header(0), layout.transport_header(0),
             views.transport),
        ]  # fmt: skip
        commands: list[Command] = []
        for name, plural, items, flat, tree, row in kinds:
            has_tree = flat != tree
            commands += self._kind(name, plural, items, flat, tree, row, has_tree=has_tree)
        commands += self._channels()
        commands += [
            self._command("pjsip show settings", "", "Show global and system settings", self._settings),
            self._command("pjsip show identifiers", "", "List registered endpoint identifiers", self._identifiers),
            self._command(
                "pjsip show unidentified_requests", "", "Show unidentified requests", self._unidentified_requests
            ),
            self._command("pjsip qualify", "<endpoint>", "Send an OPTIONS request to an endpoint", self._qualify,
                          lambda words: [each.id for each in views.endpoints()]),
        ]  # fmt: skip
        return commands

    @staticmethod
    def _command(
        words: str,
        arguments: str,
        summary: str,
        handler: Callable[[Sequence[str]], str],
        completer: Callable[[Sequence[str]], Iterable[str]] | None = None,
    ) -> Command:
        return Command(words, f"{words} {arguments}".strip(), summary, handler, completer)

    def _kind(
        self,
        name: str,
        plural: str,
        items: Callable[[], list[Any]],
        flat: str,
        tree: str,
        row: Callable[..., str],
        *,
        has_tree: bool,
    ) -> list[Command]:
        below = {"recurse": True} if has_tree else {}
        alone = {"recurse": False} if has_tree else {}

        def show_all(words: Sequence[str]) -> str:
            return layout.listing(tree, [row(each, **below) for each in _like(items(), words)])

        def list_all(words: Sequence[str]) -> str:
            return layout.listing(flat, [row(each, **alone) for each in _like(items(), words)])

        def show_one(words: Sequence[str]) -> str:
            return layout.single(tree, row(_one(items(), words), details=True, **below))

        def names(words: Sequence[str]) -> list[str]:
            return [_identity(each) for each in items()] if len(words) <= 1 else []

        like = "[ like <pattern> ]"
        return [
            self._command(f"pjsip list {plural}", like, f"List PJSIP {plural}", list_all),
            self._command(f"pjsip show {plural}", like, f"Show PJSIP {plural}", show_all),
            self._command(f"pjsip show {name}", "<id>", f"Show a PJSIP {name}", show_one, names),
        ]

    def _channels(self) -> list[Command]:
        views = self._views

        def show_all(words: Sequence[str]) -> str:
            rows = [views.channel(each, recurse=True) for each in _like(views.channels(), words)]
            return layout.listing(layout.channel_header(0, recurse=True), rows)

        def list_all(words: Sequence[str]) -> str:
            rows = [views.channel(each, recurse=False) for each in _like(views.channels(), words)]
            return layout.listing(layout.channel_header(0, recurse=False), rows)

        def show_one(words: Sequence[str]) -> str:
            if len(words) != 1:
                raise UsageError
            named = [each for each in views.channels() if each.name == words[0]]
            if not named:
                raise NothingFound(f"Unable to find object {words[0]}.\n")
            return layout.single(layout.channel_header(0, recurse=True), views.channel(named[0], recurse=True))

        def names(words: Sequence[str]) -> list[str]:
            return [each.name for each in views.channels()] if len(words) <= 1 else []

        like = "[ like <pattern> ]"
        return [
            self._command("pjsip list channels", like, "List PJSIP channels", list_all),
            self._command("pjsip show channels", like, "Show PJSIP channels", show_all),
            self._command("pjsip show channel", "<name>", "Show a PJSIP channel", show_one, names),
        ]

    def _settings(self, words: Sequence[str]) -> str:
        if words:
            raise UsageError
        settings = self._server.require(PjsipSettings)
        text = ""
        for title, item in (("Global Settings:", settings.global_), ("System Settings:", settings.system)):
            text += f"\n{title}\n\n{layout.table(sorted(schema_of(type(item)).fields(item)))}"
        return text + "\n"

    def _identifiers(self, words: Sequence[str]) -> str:
        if words:
            raise UsageError
        names = [name for name, _ in self._server.require(Distributor).identifiers.in_order()]
        return "Identifier Names:\n" + "".join(f"{name}\n" for name in names)

    def _unidentified_requests(self, words: Sequence[str]) -> str:
        if words:
            raise UsageError
        now = self._server.clock.monotonic()
        header = f" {'Request:':<9} <IP Address....................................> <Count> <Age(sec)>\n"
        rows = [
            f" {'Request:':<9} {address:<46} {each.count:>7} {now - each.first_seen:>10.3f}\n"
            for address, each in self._server.require(Distributor).suspects.rows()
        ]
        return layout.listing(header, rows)

    def _qualify(self, words: Sequence[str]) -> str:
        if len(words) != 1:
            raise UsageError
        endpoint = self._server.sorcery.get(Endpoint, words[0])
        if endpoint is None:
            raise CommandError(f"Unable to retrieve endpoint {words[0]}")
        qualifier = self._server.require(Qualifier)
        contacts = self._server.require(Location).contacts_of(endpoint)
        for contact in contacts:
            qualifier.ask(contact)
        if not contacts:
            raise CommandError(f"Endpoint {words[0]} has no contact")
        return f"Sending qualify to all contacts on endpoint {words[0]}"


def register(server: Server) -> list[Callable[[], None]]:
    """Add the commands; the results withdraw them."""
    return [server.cli.register(command) for command in PjsipCommands(server).table()]

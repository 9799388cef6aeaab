"""res_pjsip_notify: PJSIPNotify, ``pjsip send notify``, and the `Notifier` that AMI uses."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.core.channel import Channel
from pbx.errors import ObeliskError
from pbx.modules import ModuleDeclined
from pbx.pjsip.location import Location
from pbx.pjsip.notify import CONFIG_FILE, Fields, Notifier, command, read_options
from pbx.pjsip.out_of_dialog import Requests
from pbx.pjsip.session.services import Sessions
from pbx.pjsip.settings import PjsipSettings

log = Logger()


class PjsipNotifyModule(DialplanModule):
    """Declines without pjsip_notify.conf, as in Asterisk."""

    name = "res_pjsip_notify"
    description = "CLI/AMI PJSIP NOTIFY Support"
    requires = ("res_pjsip",)

    def check(self) -> None:
        read_options(self.server.config)

    async def load(self) -> None:
        server = self.server
        options = read_options(server.config)
        if options is None:
            raise ModuleDeclined(f"there is no {CONFIG_FILE}")
        self._notifier = Notifier(
            server.require(Requests),
            server.sorcery,
            server.require(Location),
            server.require(PjsipSettings),
            lambda: server.find(Sessions),
        )
        self._notifier.options = options
        self._withdraw_command: Callable[[], None] = server.cli.register(command(self._notifier, server.channels.find))
        server.provide(Notifier, self._notifier)
        await super().load()

    async def unload(self) -> None:
        await super().unload()
        self._withdraw_command()
        self.server.withdraw(Notifier)

    async def reload(self) -> None:
        self._notifier.options = read_options(self.server.config) or {}

    @application(
        "PJSIPNotify",
        "[to],content",
        synopsis="Send a NOTIFY to either an arbitrary URI, or inside a SIP dialog.",
        description=(
            "content is a type of pjsip_notify.conf, or &Header=value&Header=value... with the lines of a body as "
            "Content=. Without to it goes inside the channel's own call."
        ),
    )
    def app_pjsip_notify(self, channel: Channel, args: Arguments) -> int:
        content = args["content"]
        if not content:
            raise ArgumentError("PJSIPNotify requires arguments (to, &header=...)")
        fields = self._notifier.options.get(content.lower()) or _fields(content)
        try:
            if args["to"]:
                self._notifier.uri(args["to"], fields)
            else:
                self._notifier.channel(channel, fields, channel.name)
        except ObeliskError as error:
            log.warn("{channel}: PJSIPNotify: {error}", channel=channel.name, error=str(error))
            return RESULT_HANGUP
        return RESULT_OK


def _fields(text: str) -> Fields:
    """``&Name=value&Name=value`` taken apart; parts without ``=`` or a name are left out."""
    pairs = (part.partition("=") for part in text.split("&"))
    return [(name, value) for name, equals, value in pairs if equals and name]

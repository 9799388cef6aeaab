"""Loadable modules of subscriptions: the notifier, its event packages and its body formats, by Asterisk's names."""

from __future__ import annotations

from collections.abc import Callable

from pbx.modules import Module
from pbx.mwi import Mailboxes
from pbx.pjsip.capabilities import Capabilities
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.host import PjsipHost, Priority
from pbx.pjsip.location import Location
from pbx.pjsip.out_of_dialog import Requests
from pbx.pjsip.pubsub import bodies
from pbx.pjsip.pubsub.bodies import ExtensionBody, MessageBody
from pbx.pjsip.pubsub.mwi import (
    MEDIA_TYPE,
    IncomingNotices,
    MailboxCounts,
    MessageSummaryPackage,
    UnsolicitedNotices,
)
from pbx.pjsip.pubsub.objects import ResourceList
from pbx.pjsip.pubsub.packages import T
from pbx.pjsip.pubsub.presence import ExtensionPackage
from pbx.pjsip.pubsub.subscriptions import Subscriptions
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.sip_module import SipModule

PIDF = "application/pidf+xml"


class ResPjsipPubsub(SipModule):
    """SUBSCRIBE, NOTIFY and resource lists; offers `Subscriptions`."""

    name = "res_pjsip_pubsub"
    description = "PJSIP event resource"

    def check(self) -> None:
        self.check_type(ResourceList)

    def offer(self) -> None:
        server = self.server
        self.own_type(ResourceList)
        host = server.require(PjsipHost)
        subscriptions = Subscriptions(
            host, server.require(Requests), server.sorcery, server.require(PjsipSettings), server.clock, server.bus
        )
        server.provide(Subscriptions, subscriptions)
        distributor = server.require(Distributor)
        self.withdrawals += (
            lambda: server.withdraw(Subscriptions),
            subscriptions.close,
            distributor.register_method("SUBSCRIBE", subscriptions.subscribe),
            # Before PJSIP's own dialogs, which know nothing of ours and would say 481.
            host.on_request(Priority.TRANSACTION, subscriptions.in_dialog, "SUBSCRIBE"),
        )

    async def reload(self) -> None:
        self.server.sorcery.reload(ResourceList)

    @property
    def use_count(self) -> int:
        subscriptions = self.server.find(Subscriptions)
        return 0 if subscriptions is None else len(subscriptions)


class PubsubModule(SipModule):
    """What needs the notifier."""

    requires = ("res_pjsip", "res_pjsip_pubsub")

    def offer_format(self, media_type: str, kind: type[T], make: Callable[[T], bytes]) -> None:
        """Register a body format, and name it in Accept."""
        self.withdrawals += (
            self.server.require(Subscriptions).formats.register(media_type, kind, make),
            self.server.require(Capabilities).add_accept(media_type),
        )


class ResPjsipExtenState(PubsubModule):
    """The packages ``presence`` and ``dialog``."""

    name = "res_pjsip_exten_state"
    description = "PJSIP Extension State Notifications"

    def offer(self) -> None:
        server = self.server
        register = server.require(Subscriptions).register
        for name, accept in (("presence", PIDF), ("dialog", "application/dialog-info+xml")):
            self.withdrawals.append(register(ExtensionPackage(name, accept, server.hints, server.channels)))


class ResPjsipMwi(PubsubModule):
    """The package ``message-summary``, and notices without a subscription."""

    name = "res_pjsip_mwi"
    description = "PJSIP MWI resource"

    def offer(self) -> None:
        server = self.server
        subscriptions = server.require(Subscriptions)
        settings = server.require(PjsipSettings)
        counts = MailboxCounts(server.bus, lambda: server.find(Mailboxes))
        self.withdrawals.append(counts.close)
        package = MessageSummaryPackage(server.sorcery, counts, settings)
        self.withdrawals.append(subscriptions.register(package))
        notices = UnsolicitedNotices(
            server.sorcery,
            server.require(Location),
            server.require(Requests),
            settings,
            counts,
            subscriptions,
            package,
            server.bus,
        )
        self.withdrawals.append(notices.close)
        incoming = IncomingNotices(server.bus)
        self.withdrawals.append(server.require(Distributor).register_method("NOTIFY", incoming))


class PidfGenerator(PubsubModule):
    """PIDF. What supplements it are modules of their own, so it looks for them each time."""

    name = "res_pjsip_pidf_body_generator"
    description = "PJSIP Extension State PIDF Provider"

    def offer(self) -> None:
        self.offer_format(PIDF, ExtensionBody, self._make)

    def _make(self, body: ExtensionBody) -> bytes:
        running = self.server.modules.is_running
        return bodies.pidf(body, eyebeam=running(PidfEyebeam.name), digium=running(PidfDigium.name))


class PidfEyebeam(PubsubModule):
    """The elements of PIDF that Eyebeam reads."""

    name = "res_pjsip_pidf_eyebeam_body_supplement"
    description = "PJSIP PIDF Eyebeam supplement"

    def offer(self) -> None:
        """`PidfGenerator` looks whether this module runs."""


class PidfDigium(PubsubModule):
    """The elements of PIDF that Digium's and Sangoma's phones read."""

    name = "res_pjsip_pidf_digium_body_supplement"
    description = "PJSIP PIDF Sangoma presence supplement"

    def offer(self) -> None:
        """`PidfGenerator` looks whether this module runs."""


class XpidfGenerator(PubsubModule):
    """XPIDF and CPIM-PIDF."""

    name = "res_pjsip_xpidf_body_generator"
    description = "PJSIP Extension State PIDF Provider"

    def offer(self) -> None:
        for media_type in ("application/xpidf+xml", "application/cpim-pidf+xml"):
            self.offer_format(media_type, ExtensionBody, bodies.xpidf)


class DialogInfoGenerator(PubsubModule):
    """dialog-info."""

    name = "res_pjsip_dialog_info_body_generator"
    description = "PJSIP Extension State Dialog Info+XML Provider"

    def offer(self) -> None:
        self.offer_format("application/dialog-info+xml", ExtensionBody, bodies.dialog_info)


class MwiGenerator(PubsubModule):
    """Message summaries."""

    name = "res_pjsip_mwi_body_generator"
    description = "PJSIP MWI resource"

    def offer(self) -> None:
        self.offer_format(MEDIA_TYPE, MessageBody, bodies.message_summary)


MODULES: tuple[type[Module], ...] = (
    ResPjsipPubsub,
    PidfGenerator,
    PidfEyebeam,
    PidfDigium,
    XpidfGenerator,
    DialogInfoGenerator,
    MwiGenerator,
    ResPjsipExtenState,
    ResPjsipMwi,
)

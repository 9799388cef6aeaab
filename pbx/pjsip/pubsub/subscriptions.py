"""SUBSCRIBE: the notifier of RFC 6665, for whatever event packages are loaded (res_pjsip_pubsub).

Here requests are judged and answered; what they begin lives on its own (`pbx.pjsip.pubsub.subscription`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.pjsip.pubsub.dialog import Dialog, Key
from pbx.pjsip.pubsub.packages import LIST_FORMATS, Formats
from pbx.pjsip.pubsub.subscription import Subscription
from pbx.pjsip.pubsub.tree import list_of, plan
from pbx.pjsip.session.options import contact_header
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip.host import IncomingRequest, PjsipHost
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.out_of_dialog import Requests
    from pbx.pjsip.pubsub.packages import EventPackage
    from pbx.pjsip.pubsub.tree import Plan
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

#: A subscription's life where SUBSCRIBE names none, and the longest there is, in seconds.
DEFAULT_EXPIRES = 3600
MAX_EXPIRES = 2**31 - 1
#: Subscriptions at one time; beyond, new ones are answered 503.
MAX_SUBSCRIPTIONS = 50_000


class Subscriptions:
    """All subscriptions, the packages they are for, and the two ways in: new ones and those in a dialog."""

    def __init__(
        self,
        host: PjsipHost,
        requests: Requests,
        sorcery: Sorcery,
        settings: PjsipSettings,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._host = host
        self._sorcery = sorcery
        self._settings = settings
        self.requests = requests
        self.clock = clock
        self.bus = bus
        self.formats = Formats()
        self._packages: dict[str, EventPackage] = {}
        self._subscriptions: dict[Key, Subscription] = {}
        #: Called with each subscription that begins and ends.
        self.on_begin: list[Callable[[Subscription], object]] = []
        self.on_end: list[Callable[[Subscription], object]] = []

    def __len__(self) -> int:
        return len(self._subscriptions)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._subscriptions.values()))

    @property
    def allow_events(self) -> str:
        """The value of Allow-Events."""
        return ", ".join(sorted(self._packages))

    def register(self, package: EventPackage) -> Callable[[], None]:
        """Take subscriptions for a package; the result ends them. Raises ValueError when there is one."""
        if package.name in self._packages:
            raise ValueError(f"event package {package.name} is there already")
        self._packages[package.name] = package

        def withdraw() -> None:
            self._packages.pop(package.name, None)
            for each in self:
                if each.package is package:
                    each.end("deactivated")

        return withdraw

    def close(self) -> None:
        """The module goes: everybody is told."""
        for each in self:
            each.end("deactivated")

    def forget(self, subscription: Subscription) -> None:
        if self._subscriptions.pop(subscription.dialog.key, None) is not None:
            for call in self.on_end:
                call(subscription)

    def contact(self, request: IncomingRequest) -> str:
        """Our Contact in a dialog that a request begins."""
        info = request.transport
        host, port = self._host.sent_by(info.id, request.source[0])
        return contact_header(host, port, info.protocol)

    # New ones

    def subscribe(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        """The distributor's handler."""
        code, headers = self._refusal(request, endpoint)
        if code:
            request.respond(code, headers=headers, stateless=True)
            return
        package = self._packages[_event_of(request)]
        resource = self._resource(request)
        lists = "eventlist" in (tag.lower() for tag in request.headers.values("Supported"))
        planned = plan(self._sorcery, package, endpoint, resource, lists=lists)
        if isinstance(planned, int):
            request.respond(planned, stateless=True)
            return
        media_type = self._format(request, package)
        try:
            dialog = Dialog.of(request, rewrite=endpoint.rewrite_contact)
        except SipSyntaxError as error:
            log.info("SUBSCRIBE of {endpoint}: {error}: 400", endpoint=endpoint.id, error=str(error))
            request.respond(400, stateless=True)
            return
        subscription = Subscription(self, package, endpoint, request, dialog, media_type or package.default_accept)
        expires = _expires_of(request)
        self._subscriptions[dialog.key] = subscription
        begins = subscription.watch(planned, self._batch_seconds(planned, package))
        subscription.extend(expires)
        request.respond(200, headers=self._accepted(subscription, expires), to_tag=dialog.local_tag)
        if begins:
            for call in self.on_begin:
                call(subscription)
            subscription.notify("ESTABLISHED", full=True)
        else:
            subscription.end("noresource")

    def _refusal(self, request: IncomingRequest, endpoint: Endpoint) -> tuple[int, list[tuple[str, str]]]:
        """The code that refuses a SUBSCRIBE for what it is, 0 for none, and headers that go with it."""
        if not endpoint.allow_subscribe:
            log.warn("Subscriptions not permitted for endpoint {endpoint}.", endpoint=endpoint.id)
            return 603, []
        if len(self) >= MAX_SUBSCRIPTIONS:
            return 503, [("Retry-After", "60")]
        try:
            if not request.uri.is_sip:
                return 416, []
        except SipSyntaxError:
            return 400, []
        expires = _expires_of(request)
        if not expires:
            return 400, []
        if expires < endpoint.sub_min_expiry:
            return 423, [("Min-Expires", str(endpoint.sub_min_expiry))]
        package = self._packages.get(_event_of(request))
        if package is None or self._format(request, package) is None:
            log.warn(
                "No registered subscribe handler for event {event} from {endpoint}",
                event=_event_of(request) or "(none)",
                endpoint=endpoint.id,
            )
            return 489, [("Allow-Events", self.allow_events)]
        return 0, []

    def _resource(self, request: IncomingRequest) -> str:
        user: str = request.uri.user
        return user.partition(";")[0] if self._settings.global_.ignore_uri_user_options else user

    def _format(self, request: IncomingRequest, package: EventPackage) -> str | None:
        accepted = [
            value.partition(";")[0].strip().lower()
            for value in request.headers.values("Accept")
            if value.partition(";")[0].strip().lower() not in LIST_FORMATS
        ]
        return self.formats.choose(accepted or [package.default_accept], package.kind)

    def _batch_seconds(self, planned: Plan, package: EventPackage) -> float:
        found = list_of(self._sorcery, planned.resource, package.name) if planned.children else None
        return 0.0 if found is None else found.notification_batch_interval / 1000

    def _accepted(self, subscription: Subscription, expires: int) -> list[tuple[str, str]]:
        headers = [("Expires", str(expires)), ("Contact", subscription.contact)]
        if subscription.is_list:
            headers.append(("Require", "eventlist"))
        return headers

    # In a dialog

    def in_dialog(self, request: IncomingRequest) -> bool:
        """The host's hook: a SUBSCRIBE in one of our dialogs renews or ends its subscription."""
        if request.method != "SUBSCRIBE" or "tag" not in request.to_text.lower():
            return False
        try:
            key = (request.call_id, request.to.tag, request.from_.tag)
        except SipSyntaxError:
            return False
        subscription = self._subscriptions.get(key)
        if subscription is None:
            return False
        try:
            in_order = subscription.dialog.accepts(request)
        except SipSyntaxError:
            request.respond(400)
            return True
        if not in_order:
            request.respond(500)
            return True
        self._renew(subscription, request)
        return True

    def _renew(self, subscription: Subscription, request: IncomingRequest) -> None:
        expires = _expires_of(request)
        if not expires:
            request.respond(200, headers=self._accepted(subscription, 0))
            subscription.end("timeout")
            return
        if expires < subscription.endpoint.sub_min_expiry:
            request.respond(423, headers=[("Min-Expires", str(subscription.endpoint.sub_min_expiry))])
            return
        subscription.extend(expires)
        request.respond(200, headers=self._accepted(subscription, expires))
        if subscription.is_list and not self._replan(subscription):
            return
        subscription.notify("REFRESHED", full=True)

    def _replan(self, subscription: Subscription) -> bool:
        """Watch what a list holds now; False when that is nothing and the subscription has ended."""
        package = subscription.package
        planned = plan(self._sorcery, package, subscription.endpoint, subscription.resource, lists=True)
        if isinstance(planned, int):
            subscription.end("noresource")
            return False
        if subscription.differs(planned) and not subscription.watch(planned, self._batch_seconds(planned, package)):
            subscription.end("noresource")
            return False
        return True


def _event_of(request: IncomingRequest) -> str:
    """The package's name, without parameters."""
    return (request.headers.get("Event") or "").partition(";")[0].strip()


def _expires_of(request: IncomingRequest) -> int:
    text = (request.headers.get("Expires") or "").strip()
    if not (text.isascii() and text.isdigit()):
        return DEFAULT_EXPIRES
    return min(int(text), MAX_EXPIRES) if len(text) <= 10 else MAX_EXPIRES

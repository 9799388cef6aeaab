"""Message waiting (RFC 3842): the package ``message-summary``, notices nobody subscribed to, and those that come in
(res_pjsip_mwi).

An endpoint's ``mailboxes`` are told of unasked; a subscription to an address of record tells of that one's mailboxes.
Both for one mailbox would tell twice: the subscription is refused, or with ``mwi_subscribe_replaces_unsolicited`` the
notices stop while it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.messages import FullyBooted, MailboxChanged
from pbx.errors import ObeliskError
from pbx.pjsip.events import MailboxNoticeRefused, MailboxNoticeTaken, RegisteredContactChanged
from pbx.pjsip.objects import Aor, Endpoint
from pbx.pjsip.out_of_dialog import OutOfDialogRequest
from pbx.pjsip.pubsub.bodies import MessageBody, message_summary
from pbx.pjsip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.bus import Subscription as BusSubscription
    from pbx.mwi import Mailboxes
    from pbx.pjsip.host import IncomingRequest, Reply
    from pbx.pjsip.location import Location
    from pbx.pjsip.objects import Contact
    from pbx.pjsip.out_of_dialog import Requests
    from pbx.pjsip.pubsub.packages import Source, View
    from pbx.pjsip.pubsub.subscriptions import Subscriptions
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

MEDIA_TYPE = "application/simple-message-summary"
EVENT = "message-summary"
_COUNTS = re.compile(
    r"^voice-message\s*:\s*(\d{1,9})/(\d{1,9})(?:\s*\((\d{1,9})/(\d{1,9})\))?", re.IGNORECASE | re.MULTILINE
)
_ACCOUNT = re.compile(r"^message-account\s*:\s*(\S{1,511})", re.IGNORECASE | re.MULTILINE)


def names(text: str) -> list[str]:
    """The mailboxes of an option."""
    return [name.strip() for name in text.split(",") if name.strip()]


class MailboxCounts:
    """The counts of mailboxes as they were told last, whoever told them."""

    def __init__(self, bus: Bus, find: Callable[[], Mailboxes | None]) -> None:
        self._find = find
        self._told: dict[str, tuple[int, int]] = {}
        self._watchers: dict[str, dict[object, Callable[[], object]]] = {}
        self._subscription: BusSubscription = bus.subscribe(MailboxChanged, self._changed)

    def close(self) -> None:
        self._subscription.cancel()

    def _changed(self, message: MailboxChanged) -> None:
        self._told[message.mailbox] = (message.new, message.old)
        for watcher in list(self._watchers.get(message.mailbox, {}).values()):
            watcher()

    def of(self, mailboxes: Iterable[str]) -> MessageBody:
        """The sum over mailboxes."""
        new = old = 0
        for name in mailboxes:
            counts = self._told.get(name) or self._stored(name)
            new, old = new + counts[0], old + counts[1]
        return MessageBody(new, old)

    def _stored(self, name: str) -> tuple[int, int]:
        mailboxes = self._find()
        found = None if mailboxes is None else mailboxes.find(name)
        return (0, 0) if found is None else (found.msgs_new, found.msgs_old)

    def watch(self, mailboxes: Iterable[str], watcher: Callable[[], object]) -> Callable[[], None]:
        """Call ``watcher`` at each change of any of them until the result is called."""
        token, watched = object(), tuple(mailboxes)
        for name in watched:
            self._watchers.setdefault(name, {})[token] = watcher

        def withdraw() -> None:
            for name in watched:
                held = self._watchers.get(name, {})
                held.pop(token, None)
                if not held:
                    self._watchers.pop(name, None)

        return withdraw


class MessageSummaryPackage:
    """The event package: a resource is an address of record, its voicemail extension, or nothing for all of them."""

    name = EVENT
    kind = MessageBody
    default_accept = MEDIA_TYPE

    def __init__(self, sorcery: Sorcery, counts: MailboxCounts, settings: PjsipSettings) -> None:
        self._sorcery = sorcery
        self._counts = counts
        self._settings = settings

    def aors(self, endpoint: Endpoint, resource: str) -> list[Aor]:
        """Whose mailboxes a resource stands for."""
        own = [aor for aor in (self._sorcery.get(Aor, name) for name in endpoint.aors) if aor is not None]
        if not resource:
            return own
        direct = self._sorcery.get(Aor, resource)
        if direct is not None:
            return [direct]
        return [aor for aor in own if aor.voicemail_extension.lower() == resource.lower()][:1]

    def refusal(self, endpoint: Endpoint, resource: str) -> int:
        aors = self.aors(endpoint, resource)
        if resource and not any(aor.mailboxes for aor in aors):
            return 404
        unasked = set() if endpoint.mwi_subscribe_replaces_unsolicited else set(names(endpoint.mailboxes))
        return 500 if any(unasked.intersection(names(aor.mailboxes)) for aor in aors) else 0

    def display_name(self, endpoint: Endpoint, resource: str) -> str:
        return ""

    def open(self, view: View, changed: Callable[[bool], object]) -> Source | None:
        aors = self.aors(view.endpoint, view.resource)
        mailboxes = [name for aor in aors for name in names(aor.mailboxes)]
        exten = next((aor.voicemail_extension for aor in aors if aor.voicemail_extension), "")
        exten = exten or self._settings.global_.default_voicemail_extension
        account = str(replace(SipUri.parse(view.entity), user=exten)) if exten else ""
        return MailboxSource(self._counts, mailboxes, account, changed)


class MailboxSource:
    """Mailboxes for one subscriber."""

    def __init__(
        self, counts: MailboxCounts, mailboxes: list[str], account: str, changed: Callable[[bool], object]
    ) -> None:
        self._counts = counts
        self.mailboxes = mailboxes
        self._account = account
        self._withdraw: Callable[[], None] | None = counts.watch(mailboxes, lambda: changed(False))

    def data(self) -> MessageBody:
        return replace(self._counts.of(self.mailboxes), account=self._account)

    def close(self) -> None:
        if self._withdraw is not None:
            self._withdraw()
            self._withdraw = None


class UnsolicitedNotices:
    """NOTIFY to the contacts of endpoints with ``mailboxes``, whenever these change or a contact appears."""

    def __init__(
        self,
        sorcery: Sorcery,
        location: Location,
        requests: Requests,
        settings: PjsipSettings,
        counts: MailboxCounts,
        subscriptions: Subscriptions,
        package: MessageSummaryPackage,
        bus: Bus,
    ) -> None:
        self._sorcery = sorcery
        self._location = location
        self._requests = requests
        self._settings = settings
        self._counts = counts
        self._subscriptions = subscriptions
        self._package = package
        self._watches: list[Callable[[], None]] = []
        self._withdrawals: list[Callable[[], None]] = [
            sorcery.observe(Endpoint, loaded=self.refresh),
            bus.subscribe(FullyBooted, self._booted).cancel,
            bus.subscribe(RegisteredContactChanged, self._contact_changed).cancel,
        ]
        subscriptions.on_end.append(self._subscription_ended)
        self.refresh()

    def close(self) -> None:
        for withdraw in (*self._withdrawals, *self._watches):
            withdraw()
        self._withdrawals.clear()
        self._watches.clear()
        self._subscriptions.on_end.remove(self._subscription_ended)

    def refresh(self) -> None:
        """Watch the mailboxes of the endpoints there are now."""
        for withdraw in self._watches:
            withdraw()
        self._watches = []
        for endpoint in self._sorcery.all(Endpoint):
            for group in self._groups(endpoint):
                self._watches.append(self._counts.watch(group, partial(self._tell, endpoint, group)))

    @staticmethod
    def _groups(endpoint: Endpoint) -> list[list[str]]:
        """Mailboxes told of together."""
        mailboxes = names(endpoint.mailboxes)
        if not mailboxes:
            return []
        return [mailboxes] if endpoint.aggregate_mwi else [[name] for name in mailboxes]

    def _booted(self, _message: FullyBooted) -> None:
        if self._settings.global_.mwi_disable_initial_unsolicited:
            return
        for endpoint in self._sorcery.all(Endpoint):
            for group in self._groups(endpoint):
                self._tell(endpoint, group)

    def _contact_changed(self, message: RegisteredContactChanged) -> None:
        """A contact has come or was refreshed: it is told at once."""
        contacts = [each for each in self._location.contacts(message.aor) if each.uri == message.uri]
        for name in self._location.endpoints_of(message.aor) if contacts else ():
            endpoint = self._sorcery.get(Endpoint, name)
            if endpoint is not None:
                for group in self._groups(endpoint):
                    self._tell(endpoint, group, contacts)

    def _subscription_ended(self, subscription: object) -> None:
        endpoint = getattr(subscription, "endpoint", None)
        if isinstance(endpoint, Endpoint) and endpoint.mwi_subscribe_replaces_unsolicited:
            for group in self._groups(endpoint):
                self._tell(endpoint, group)

    def _replaced(self, endpoint: Endpoint) -> set[str]:
        """Mailboxes that subscriptions of the endpoint tell of in the place of notices."""
        return {
            name
            for subscription in self._subscriptions
            if subscription.package is self._package and subscription.endpoint.id == endpoint.id
            for aor in self._package.aors(endpoint, subscription.resource)
            for name in names(aor.mailboxes)
        }

    def _tell(self, endpoint: Endpoint, group: list[str], contacts: list[Contact] | None = None) -> None:
        replaced = self._replaced(endpoint)
        mailboxes = [name for name in group if name not in replaced]
        if not mailboxes:
            return
        body = self._counts.of(mailboxes)
        for contact in self._location.contacts_of(endpoint) if contacts is None else contacts:
            self._send(endpoint, contact, body)

    def _send(self, endpoint: Endpoint, contact: Contact, body: MessageBody) -> None:
        sender = NameAddr.parse(self._requests.from_uri(endpoint)).uri
        if endpoint.mwi_from_user:
            sender = replace(sender, user=endpoint.mwi_from_user)
        exten = endpoint.voicemail_extension or self._settings.global_.default_voicemail_extension
        if exten:
            body = replace(body, account=str(replace(sender, user=exten)))
        headers = [("Subscription-State", "active"), ("Event", EVENT)]
        if self._subscriptions.allow_events:
            headers.append(("Allow-Events", self._subscriptions.allow_events))
        request = OutOfDialogRequest(
            "NOTIFY",
            contact.uri,
            endpoint=endpoint,
            from_uri=f"<{sender}>",
            headers=tuple(headers),
            body=message_summary(body),
            content_type=MEDIA_TYPE,
            route=self._requests.route(contact),
        )

        def answered(reply: Reply) -> None:
            if reply.code >= 300:
                log.debug("message waiting for {uri} was answered {code}", uri=contact.uri, code=reply.code)

        try:
            self._requests.send(request, answered)
        except (ObeliskError, ValueError) as error:
            log.warn(
                "no message waiting was sent to {endpoint} at {uri}: {error}",
                endpoint=endpoint.id,
                uri=contact.uri,
                error=str(error),
            )


class IncomingNotices:
    """NOTIFY from an endpoint with ``incoming_mwi_mailbox``: its counts become that mailbox's."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        mailbox = endpoint.incoming_mwi_mailbox
        text = request.body.decode("utf-8", "replace").replace("\r", "")
        found = _COUNTS.search(text)
        if request.content_type != MEDIA_TYPE:
            request.respond(489, stateless=True)
        elif "@" not in mailbox or found is None:
            request.respond(404, stateless=True)
            if not mailbox:
                self._bus.publish(MailboxNoticeRefused(endpoint.id))
        else:
            request.respond(200, stateless=True)
            new, old, urgent_new, urgent_old = (int(each or 0) for each in found.groups())
            account = _ACCOUNT.search(text)
            self._bus.publish(MailboxChanged(mailbox, new, old))
            self._bus.publish(
                MailboxNoticeTaken(
                    endpoint.id, mailbox, "" if account is None else account[1], new, old, urgent_new, urgent_old
                )
            )

"""test_events_pjsip: what SIP tells test suites beside its manager events (see `pbx.test_events`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pbx.core.messages import TestEvent
from pbx.modules import Module
from pbx.pjsip.events import (
    ContactAsked,
    MailboxNoticeRefused,
    MailboxNoticeTaken,
    MessageAddressed,
    RegisteredContactChanged,
    SessionEnding,
    SubscriberTold,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.bus import Subscription

Events = tuple[TestEvent, ...]
M = TypeVar("M")


def _event(state: str, *fields: tuple[str, object]) -> TestEvent:
    return TestEvent(state, tuple((name, str(value)) for name, value in fields))


def subscriber_told(message: SubscriberTold) -> Events:
    """The state that the NOTIFY told, then why there was one."""
    text = "TERMINATED" if message.why == "TERMINATED" else "ACTIVE"
    return (
        _event("SUBSCRIPTION_STATE_SET", ("StateText", text), ("Endpoint", message.endpoint)),
        _event(f"SUBSCRIPTION_{message.why}", ("Resource", message.resource)),
    )


def contact_changed(message: RegisteredContactChanged) -> Events:
    """Contact, address of record, seconds to live where it lives, and who registered it."""
    life = () if message.change == "REMOVED" else (("Expiration", message.seconds),)
    where = (("Contact", message.uri), ("AOR", message.aor))
    return (_event(f"AOR_CONTACT_{message.change}", *where, *life, ("UserAgent", message.user_agent)),)


def contact_asked(message: ContactAsked) -> Events:
    """What an OPTIONS found; the time is in microseconds."""
    microseconds = round((message.roundtrip_seconds or 0.0) * 1e6)
    return (
        _event(
            "AOR_CONTACT_QUALIFY_RESULT",
            ("Contact", message.contact),
            ("Status", message.state.value),
            ("RTT", microseconds),
        ),
    )


def notice_taken(message: MailboxNoticeTaken) -> Events:
    """The counts that another server told."""
    return (
        _event(
            "PUBSUB_INCOMING_MWI_PUBLISH",
            ("Endpoint", message.endpoint),
            ("Mailbox", message.mailbox),
            ("MessageAccount", message.account),
            ("VoiceMessagesNew", message.new),
            ("VoiceMessagesOld", message.old),
            ("VoiceMessagesUrgentNew", message.urgent_new),
            ("VoiceMessagesUrgentOld", message.urgent_old),
        ),
    )


def notice_refused(message: MailboxNoticeRefused) -> Events:
    """Counts told by an endpoint that has no mailbox for them."""
    return (_event("PUBSUB_NO_INCOMING_MWI_MAILBOX", ("Endpoint", message.endpoint)),)


def message_addressed(message: MessageAddressed) -> Events:
    """The addresses of a MESSAGE that goes out."""
    said = (
        ("MdataFrom", message.sender),
        ("MsgFrom", message.message_sender),
        ("MdataDestination", message.destination),
        ("MsgTo", message.to),
    )
    if not message.endpoint:
        return (_event("MSG_ENDPOINT_URI_FAIL", *said),)
    uris = (("RequestURI", message.request_uri), ("ToURI", message.to_uri), ("FromURI", message.from_uri))
    return (_event("MSG_FROMTO_URI", *said, ("Endpoint", message.endpoint), *uris),)


def session_ending(message: SessionEnding) -> Events:
    """A call's signalling is let go."""
    return (_event("SESSION_DESTROYING", ("Endpoint", message.endpoint)),)


class TestEventsPjsip(Module):
    """TestEvent of SIP."""

    name = "test_events_pjsip"
    description = "Events of SIP for test suites"
    requires = ("test_events",)

    async def load(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._tell(SubscriberTold, subscriber_told)
        self._tell(RegisteredContactChanged, contact_changed)
        self._tell(ContactAsked, contact_asked)
        self._tell(MailboxNoticeTaken, notice_taken)
        self._tell(MailboxNoticeRefused, notice_refused)
        self._tell(MessageAddressed, message_addressed)
        self._tell(SessionEnding, session_ending)

    def _tell(self, kind: type[M], words: Callable[[M], Events]) -> None:
        bus = self.server.bus

        def told(message: M) -> None:
            for event in words(message):
                bus.publish(event)

        self._subscriptions.append(bus.subscribe(kind, told))

    async def unload(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()


MODULES: tuple[type[Module], ...] = (TestEventsPjsip,)

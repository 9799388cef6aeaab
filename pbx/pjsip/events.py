"""What SIP says on the bus about endpoints and contacts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ContactState(Enum):
    """What is known of a contact; values are the words of the manager and of ARI."""

    CREATED = "NonQualified"
    """Nobody has asked it, or nobody ever will."""
    UNKNOWN = "Unknown"
    REACHABLE = "Reachable"
    UNREACHABLE = "Unreachable"
    REMOVED = "Removed"
    UPDATED = "Updated"
    """Only published, when a registration is refreshed; never a contact's state."""


SHORT_STATES = {
    ContactState.CREATED: "NonQual",
    ContactState.UNKNOWN: "Unknown",
    ContactState.REACHABLE: "Avail",
    ContactState.UNREACHABLE: "Unavail",
    ContactState.REMOVED: "Removed",
    ContactState.UPDATED: "Updated",
}
"""The console's words."""


@dataclass(frozen=True, slots=True)
class ContactStatus:
    """A contact's state changed. ``roundtrip_seconds`` is None where no answer was measured."""

    uri: str
    state: ContactState
    aor: str
    endpoint: str
    roundtrip_seconds: float | None = None

    @property
    def roundtrip_microseconds(self) -> int:
        """As the manager's RoundtripUsec: 0 where nothing was measured."""
        return round((self.roundtrip_seconds or 0) * 1e6)


@dataclass(frozen=True, slots=True)
class EndpointStateChanged:
    """An endpoint can be reached now (``online``), or no longer."""

    technology: str
    endpoint: str
    online: bool


@dataclass(frozen=True, slots=True)
class ContactAsked:
    """An OPTIONS to a contact came to an end. ``contact`` is its id."""

    contact: str
    state: ContactState
    roundtrip_seconds: float | None


@dataclass(frozen=True, slots=True)
class RegisteredContactChanged:
    """A contact was ``ADDED``, ``REFRESHED`` or ``REMOVED`` and has ``seconds`` to live."""

    change: str
    uri: str
    aor: str
    user_agent: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class SubscriberTold:
    """A subscriber was sent a NOTIFY: its subscription is ``ESTABLISHED``, was ``REFRESHED``, ``STATE_CHANGED``, or is
    ``TERMINATED``."""

    why: str
    resource: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class MailboxNoticeTaken:
    """Another server told how many messages a mailbox holds."""

    endpoint: str
    mailbox: str
    account: str
    new: int
    old: int
    urgent_new: int
    urgent_old: int


@dataclass(frozen=True, slots=True)
class MailboxNoticeRefused:
    """An endpoint told of messages, but has no ``incoming_mwi_mailbox``."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class MessageAddressed:
    """A text message was given its addresses, or found no endpoint to go through (``endpoint`` is empty).

    ``destination`` and ``sender`` are what the sender of the message said, ``to`` and ``message_sender`` what the
    message says itself; the three URIs are those of the request.
    """

    destination: str
    sender: str
    to: str
    message_sender: str
    endpoint: str = ""
    request_uri: str = ""
    to_uri: str = ""
    from_uri: str = ""


@dataclass(frozen=True, slots=True)
class SessionEnding:
    """A call's SIP session is let go."""

    endpoint: str

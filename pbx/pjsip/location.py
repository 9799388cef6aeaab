"""Where endpoints can be reached: addresses of record, their contacts, and what is known of each contact.

Registered contacts are sorcery objects (astdb by default), so they outlive the process; permanent ones come from the
address of record's ``contact`` option. States are kept here alone and start anew with the process. Policy: a contact is
a place to call unless it is known to be unreachable; an endpoint is online while it has such a contact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.logs import verbose
from pbx.pjsip.events import (
    ContactAsked,
    ContactState,
    ContactStatus,
    EndpointStateChanged,
    RegisteredContactChanged,
)
from pbx.pjsip.objects import Aor, Contact, Endpoint
from pbx.pjsip.objects.contact import static_contact_id
from pbx.pjsip.timer_heap import TimerHeap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

TECHNOLOGY = "PJSIP"


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a contact; ``roundtrip_seconds`` is None until it answered an OPTIONS."""

    state: ContactState = ContactState.CREATED
    roundtrip_seconds: float | None = None


CREATED = Status()


class Location:
    """Contacts by address of record and endpoint. `start` takes up what was stored, `stop` ends timers."""

    def __init__(self, sorcery: Sorcery, settings: PjsipSettings, bus: Bus, clock: Clock) -> None:
        self._sorcery = sorcery
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self._statuses: dict[str, Status] = {}
        self._static: dict[str, tuple[Aor, tuple[Contact, ...]]] = {}
        self._online: dict[str, bool] = {}
        self._expiry = TimerHeap(clock, self._expired)
        self._withdrawals: list[Callable[[], None]] = []
        self._endpoints_of: dict[str, tuple[str, ...]] = {}

    # Life

    def start(self) -> None:
        """Drop stored contacts that are over, watch the others, and find out who is online."""
        now = self._clock.now()
        for contact in self._sorcery.all(Contact):
            if contact.prune_on_boot or 0 < contact.expiration_time <= now:
                self._sorcery.delete(Contact, contact.id)
            else:
                self._watch(contact)
        observe = self._sorcery.observe
        self._withdrawals = [
            observe(
                Contact, created=self._contact_created, updated=self._contact_updated, deleted=self._contact_deleted
            ),
            observe(Aor, loaded=self.refresh),
            observe(Endpoint, loaded=self.refresh),
        ]
        self.refresh()

    def stop(self) -> None:
        for withdraw in self._withdrawals:
            withdraw()
        self._withdrawals = []
        self._expiry.clear()
        self._statuses.clear()

    def refresh(self) -> None:
        """Take up changed endpoints and addresses of record."""
        endpoints_of: dict[str, list[str]] = {}
        endpoints = self._sorcery.all(Endpoint)
        for endpoint in endpoints:
            for aor in endpoint.aors:
                endpoints_of.setdefault(aor, []).append(endpoint.id)
        self._endpoints_of = {aor: tuple(names) for aor, names in endpoints_of.items()}
        static_before = {contact.id: contact for _, each in self._static.values() for contact in each}
        self._static.clear()
        static_now = {contact.id: contact for aor in self._sorcery.all(Aor) for contact in self.static_contacts(aor)}
        for gone in static_before.keys() - static_now.keys():
            self._publish(static_before[gone], Status(ContactState.REMOVED))
            self._statuses.pop(gone, None)
        known = {endpoint.id for endpoint in endpoints}
        for name in [name for name in self._online if name not in known]:
            del self._online[name]
        self._publish_turned([endpoint.id for endpoint in endpoints if self._turned(endpoint.id)])

    # Reading

    def aor(self, name: str) -> Aor | None:
        """An address of record held here."""
        return self._sorcery.get(Aor, name)

    def static_contacts(self, aor: Aor) -> tuple[Contact, ...]:
        """The permanent contacts of an address of record."""
        known = self._static.get(aor.id)
        if known is not None and known[0] is aor:
            return known[1]
        contacts = tuple(
            Contact(
                static_contact_id(aor.id, uri),
                aor=aor.id,
                uri=uri,
                qualify_frequency=aor.qualify_frequency,
                qualify_timeout=aor.qualify_timeout,
                qualify_2xx_only=aor.qualify_2xx_only,
                authenticate_qualify=aor.authenticate_qualify,
                outbound_proxy=aor.outbound_proxy,
            )
            for uri in aor.contact
        )
        self._static[aor.id] = (aor, contacts)
        return contacts

    def registered(self, aor_name: str) -> list[Contact]:
        """Registered contacts that have not expired."""
        found = self._sorcery.find(Contact, aor=aor_name)
        now = self._clock.now()
        return [contact for contact in found if contact.expiration_time > now] if found else []

    def contacts(self, aor_name: str) -> list[Contact]:
        """All contacts of an address of record: registered ones first, which calls prefer as in Asterisk."""
        aor = self._sorcery.get(Aor, aor_name)
        static = self.static_contacts(aor) if aor is not None else ()
        return [*self.registered(aor_name), *static]

    def contacts_of(self, endpoint: Endpoint) -> list[Contact]:
        """All contacts of all the endpoint's addresses of record."""
        return [contact for aor in endpoint.aors for contact in self.contacts(aor)]

    def all_contacts(self) -> list[Contact]:
        """Every contact, by address of record."""
        static = [contact for aor in self._sorcery.all(Aor) for contact in self.static_contacts(aor)]
        now = self._clock.now()
        registered = [contact for contact in self._sorcery.all(Contact) if contact.expiration_time > now]
        return sorted([*static, *registered], key=lambda contact: (contact.aor, contact.uri))

    def find(self, contact_id: str) -> Contact | None:
        """A contact by its id, permanent ones too."""
        registered = self._sorcery.get(Contact, contact_id)
        if registered is not None:
            return registered
        return next((c for _, each in self._static.values() for c in each if c.id == contact_id), None)

    def reachable(self, endpoint: Endpoint) -> list[Contact]:
        """Where a call to the endpoint rings: every contact not known to be unreachable, most wanted (q) first."""
        found = [contact for contact in self.contacts_of(endpoint) if not self.is_unavailable(contact)]
        found.sort(key=lambda contact: -contact.q)
        return found

    def status(self, contact: Contact) -> Status:
        """What is known of a contact."""
        return self._statuses.get(contact.id, CREATED)

    def is_unavailable(self, contact: Contact) -> bool:
        """Whether the contact is known not to answer."""
        return self.status(contact).state is ContactState.UNREACHABLE

    def is_online(self, endpoint_id: str) -> bool:
        """Whether the endpoint has a contact to call."""
        return self._online.get(endpoint_id, False)

    def online(self) -> list[str]:
        """Names of the endpoints that have a contact to call."""
        return [name for name, online in self._online.items() if online]

    def endpoints_of(self, aor_name: str) -> tuple[str, ...]:
        """Names of the endpoints that have this address of record."""
        return self._endpoints_of.get(aor_name, ())

    # Changes

    def set_status(self, contact: Contact, status: Status) -> None:
        """Qualify's finding. Published when the state changed."""
        before = self.status(contact)
        self._statuses[contact.id] = status
        if self._bus.wanted(ContactAsked):
            self._bus.publish(ContactAsked(contact.id, status.state, status.roundtrip_seconds))
        if before.state is not status.state:
            verbose(
                log,
                2,
                "Contact {aor}/{uri} is now {state}.  RTT: {rtt:.3f} msec",
                aor=contact.aor,
                uri=contact.uri,
                state=status.state.value,
                rtt=(status.roundtrip_seconds or 0.0) * 1000,
            )
            self._changed(contact, status)

    def apply(self, create: Iterable[Contact], update: Iterable[Contact], delete: Iterable[Contact]) -> None:
        """Make the changes of a registration."""
        for contact in delete:
            self._sorcery.delete(Contact, contact.id)
        for contact in update:
            self._sorcery.update(contact)
        for contact in create:
            self._sorcery.save(contact)

    def delete(self, contact_id: str) -> None:
        """Remove a registered contact if it is still there."""
        if self._sorcery.get(Contact, contact_id) is not None:
            self._sorcery.delete(Contact, contact_id)

    def _watch(self, contact: Contact) -> None:
        if contact.expiration_time:
            left = contact.expiration_time - self._clock.now()
            self._expiry.set(contact.id, self._clock.monotonic() + left)

    def _expired(self, contact_id: str) -> None:
        contact = self._sorcery.get(Contact, contact_id)
        if contact is None:
            return
        if not self._settings.global_.contact_expiration_check_interval:
            return  # the configuration keeps expired contacts stored; nothing calls them
        if contact.expiration_time > self._clock.now():
            self._watch(contact)
            return
        verbose(log, 3, "Removed contact '{uri}' from AOR '{aor}' due to expiration", uri=contact.uri, aor=contact.aor)
        self._sorcery.delete(Contact, contact_id)

    def _contact_created(self, contact: Contact) -> None:
        self._watch(contact)
        self._changed(contact, self.status(contact))
        self._tell("ADDED", contact)

    def _contact_updated(self, contact: Contact, before: Contact) -> None:
        del before
        self._watch(contact)
        if self._settings.global_.send_contact_status_on_update_registration:
            self._publish(contact, Status(ContactState.UPDATED, self.status(contact).roundtrip_seconds))
        self._tell("REFRESHED", contact)

    def _contact_deleted(self, contact: Contact) -> None:
        self._expiry.discard(contact.id)
        self._statuses.pop(contact.id, None)
        self._changed(contact, Status(ContactState.REMOVED))
        self._tell("REMOVED", contact)

    def _tell(self, change: str, contact: Contact) -> None:
        if self._bus.wanted(RegisteredContactChanged):
            seconds = max(0, math.ceil(contact.expiration_time - self._clock.now()))
            told = RegisteredContactChanged(change, contact.uri, contact.aor, contact.user_agent, seconds)
            self._bus.publish(told)

    def _changed(self, contact: Contact, status: Status) -> None:
        """Publish a contact's state, then what it means for its endpoints; both are in force before either is told."""
        turned = [name for name in self.endpoints_of(contact.aor) if self._turned(name)]
        self._publish(contact, status)
        self._publish_turned(turned)

    def _publish(self, contact: Contact, status: Status) -> None:
        if self._bus.wanted(ContactStatus):
            for endpoint in self.endpoints_of(contact.aor) or (contact.endpoint,):
                self._bus.publish(
                    ContactStatus(contact.uri, status.state, contact.aor, endpoint, status.roundtrip_seconds)
                )

    def _turned(self, endpoint_id: str) -> bool:
        """Find out whether the endpoint is online; True when that is news."""
        endpoint = self._sorcery.get(Endpoint, endpoint_id)
        online = endpoint is not None and bool(self.reachable(endpoint))
        before = self._online.get(endpoint_id)
        self._online[endpoint_id] = online
        return online if before is None else online is not before

    def _publish_turned(self, endpoint_ids: Iterable[str]) -> None:
        for endpoint_id in endpoint_ids:
            online = self._online[endpoint_id]
            self._bus.publish(EndpointStateChanged(TECHNOLOGY, endpoint_id, online))
            word = "Reachable" if online else "Unreachable"
            verbose(log, 2, "Endpoint {endpoint} is now {word}", endpoint=endpoint_id, word=word)

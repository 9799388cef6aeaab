"""Qualify: OPTIONS to contacts, to learn whether they answer and how fast (Asterisk's pjsip_options).

All contacts wait in one heap with one timer. The first OPTIONS of each is spread at random over its period (or over
``max_initial_qualify_time``), so that a restart asks no burst; a contact just registered is asked soon.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip.events import ContactState
from pbx.pjsip.location import Status
from pbx.pjsip.objects import Aor, Contact, Endpoint
from pbx.pjsip.out_of_dialog import OutOfDialogRequest
from pbx.pjsip.timer_heap import TimerHeap

if TYPE_CHECKING:
    from pbx.clock import Clock
    from pbx.pjsip.host import Reply
    from pbx.pjsip.location import Location
    from pbx.pjsip.out_of_dialog import Requests, Sending
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

MAX_IN_FLIGHT = 200
"""OPTIONS waiting for their answer at once; more wait `BUSY_RETRY_SECONDS`."""
BUSY_RETRY_SECONDS = 0.25
LONGEST_TIMEOUT_SECONDS = 32.0
"""Timer F: what ``qualify_timeout = 0`` means."""
FRESH_SECONDS = 1.0
"""A contact that just registered is asked within this time: its answer to the REGISTER comes first."""


class Qualifier:
    """Asks contacts. `start` takes up those there are; `stop` ends all timers and forgets what is under way."""

    def __init__(
        self,
        requests: Requests,
        sorcery: Sorcery,
        location: Location,
        settings: PjsipSettings,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance`` gives numbers from 0 to 1 for the spreading."""
        self._requests = requests
        self._sorcery = sorcery
        self._location = location
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._timers = TimerHeap(clock, self._due)
        self._asking: dict[str, Sending] = {}
        self._withdrawals: list[Callable[[], None]] = []

    def start(self) -> None:
        observe = self._sorcery.observe
        self._withdrawals = [
            observe(Contact, created=self._added, updated=self._changed, deleted=self._removed),
            observe(Aor, loaded=self.refresh),
        ]
        self.refresh()

    def stop(self) -> None:
        for withdraw in self._withdrawals:
            withdraw()
        self._withdrawals = []
        self._timers.clear()
        for request in self._asking.values():
            request.cancel()
        self._asking.clear()

    @property
    def scheduled(self) -> int:
        """Contacts that are asked from time to time."""
        return len(self._timers) + len(self._asking)

    def refresh(self) -> None:
        """Take up changed addresses of record; contacts already waiting keep their turn."""
        contacts = {contact.id: contact for contact in self._location.all_contacts()}
        for contact in contacts.values():
            if not contact.qualify_frequency:
                self._forget(contact.id)
            elif contact.id not in self._timers and contact.id not in self._asking:
                self._schedule(contact, self._first_delay(contact))

    def _first_delay(self, contact: Contact) -> float:
        longest = float(contact.qualify_frequency)
        limit = self._settings.global_.max_initial_qualify_time
        return self._chance() * (min(longest, limit) if limit else longest)

    def _schedule(self, contact: Contact, delay: float) -> None:
        self._timers.set(contact.id, self._clock.monotonic() + delay)

    def _forget(self, contact_id: str) -> None:
        self._timers.discard(contact_id)
        request = self._asking.pop(contact_id, None)
        if request is not None:
            request.cancel()

    def _added(self, contact: Contact) -> None:
        if contact.qualify_frequency:
            self._schedule(contact, self._chance() * min(FRESH_SECONDS, contact.qualify_frequency))

    def _changed(self, contact: Contact, before: Contact) -> None:
        if contact.qualify_frequency == before.qualify_frequency:
            return
        if not contact.qualify_frequency:
            self._forget(contact.id)
        elif contact.id not in self._asking:
            self._schedule(contact, self._first_delay(contact))

    def _removed(self, contact: Contact) -> None:
        self._forget(contact.id)

    def _due(self, contact_id: str) -> None:
        contact = self._location.find(contact_id)
        if contact is None or not contact.qualify_frequency:
            return
        if len(self._asking) >= MAX_IN_FLIGHT:
            self._schedule(contact, BUSY_RETRY_SECONDS)
            return
        self.ask(contact)

    def ask(self, contact: Contact) -> None:
        """Send an OPTIONS to the contact now, unless one is under way."""
        if contact.id in self._asking:
            return
        endpoint = self._endpoint(contact)
        sent_at = self._clock.monotonic()

        def answered(reply: Reply) -> None:
            self._asking.pop(contact.id, None)
            self._answered(contact, reply, self._clock.monotonic() - sent_at)

        try:
            request = OutOfDialogRequest(
                "OPTIONS",
                contact.uri,
                endpoint,
                route=self._requests.route(contact),
                timeout=contact.qualify_timeout or LONGEST_TIMEOUT_SECONDS,
            )
            self._asking[contact.id] = self._requests.send(request, answered)
        except (ObeliskError, ValueError) as error:
            log.warn(
                "OPTIONS to {uri} of '{aor}' cannot be sent: {error}",
                uri=contact.uri,
                aor=contact.aor,
                error=str(error),
            )
            self._finish(contact, Status(ContactState.UNREACHABLE))

    def _endpoint(self, contact: Contact) -> Endpoint | None:
        names = (contact.endpoint, *self._location.endpoints_of(contact.aor))
        return next((e for name in names if name and (e := self._sorcery.get(Endpoint, name)) is not None), None)

    def _answered(self, contact: Contact, reply: Reply, seconds: float) -> None:
        reachable = reply.message is not None and (not contact.qualify_2xx_only or 200 <= reply.code < 300)
        status = Status(ContactState.REACHABLE, seconds) if reachable else Status(ContactState.UNREACHABLE)
        self._finish(contact, status)

    def _finish(self, contact: Contact, status: Status) -> None:
        current = self._location.find(contact.id)
        if current is None:
            return  # it went away while we waited
        self._location.set_status(current, status)
        if current.qualify_frequency:
            self._schedule(current, current.qualify_frequency)

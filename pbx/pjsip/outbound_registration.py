"""Registrations of ours elsewhere (res_pjsip_outbound_registration, RFC 3261 section 10.2).

A `RegistrationClient` is one ``type=registration``: it registers, renews shortly before the end, and tries again after
failures as its options say. `RegistrationClients` keeps one for each section through reloads.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.objects.registration import Registration
from pbx.pjsip.out_of_dialog import OutOfDialogRequest
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip.host import IncomingRequest, PjsipHost, Reply
    from pbx.pjsip.lookup import Lookup
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.out_of_dialog import Requests, Sending
    from pbx.sorcery import Sorcery

log = Logger()

RENEW_BEFORE_SECONDS = 10
"""How long before its end a registration is renewed (REREGISTER_BUFFER_TIME)."""
LINE_BYTES = 4
_TEMPORARY = frozenset((408, 500, 502, 503, 504))


class RegistrationState(Enum):
    """Where a registration is; the values are the words of the console and the manager."""

    UNREGISTERED = "Unregistered"
    REGISTERED = "Registered"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class RegistryChanged:
    """A registrar has answered, or not: said on the bus after each try."""

    client_uri: str
    server_uri: str
    state: RegistrationState


class RegistrationClient:
    """One registration."""

    def __init__(
        self,
        registration: Registration,
        host: PjsipHost,
        requests: Requests,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.registration = registration
        self.state = RegistrationState.UNREGISTERED
        self.line = secrets.token_hex(LINE_BYTES) if registration.line else ""
        #: When the registration ends, or was last looked at, in seconds since the epoch; 0 before the first answer.
        self.expires_at = 0.0
        self._host = host
        self._requests = requests
        self._bus = bus
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._sending: Sending | None = None
        self._call_id: str | None = None
        self._from_tag = ""
        self._cseq = 0
        self._retries = 0
        self._expiration = registration.expiration

    @property
    def next_in_seconds(self) -> int:
        """Seconds until the next REGISTER, 0 when none is planned."""
        timer = self._timer
        if timer is None or not timer.active():
            return 0
        return max(0, round(timer.getTime() - self._clock.monotonic()))

    def start(self, delay: float) -> None:
        """Register after ``delay`` seconds."""
        self._plan(delay)

    def register(self) -> None:
        """Register now, whatever came before."""
        self._retries = 0
        self._send(self._expiration)

    def unregister(self) -> None:
        """Stop, and tell the registrar if it has us."""
        cancel_timer(self._timer)
        if self.state is RegistrationState.REGISTERED:
            self._send(0)
        else:
            self.stop()

    def stop(self) -> None:
        """Forget what is under way."""
        cancel_timer(self._timer)
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _plan(self, seconds: float) -> None:
        cancel_timer(self._timer)
        self._timer = self._clock.call_later(seconds, self._send_planned)

    def _send_planned(self) -> None:
        self._send(self._expiration)

    def _send(self, expires: int) -> None:
        self.stop()
        registration = self.registration
        try:
            contact = self._contact()
            request = OutOfDialogRequest(
                "REGISTER",
                registration.server_uri,
                from_uri=f"<{registration.client_uri}>",
                to_uri=f"<{registration.client_uri}>",
                headers=(("Expires", str(expires)), *self._headers(contact)),
                route=(registration.outbound_proxy,) if registration.outbound_proxy else (),
                auths=registration.outbound_auth,
                transport=registration.transport,
                call_id=self._call_id,
                cseq=self._cseq + 1 if self._cseq else None,
                from_tag=self._from_tag,
            )
            self._sending = self._requests.send(request, lambda reply: self._answered(reply, contact, expires))
        except (ObeliskError, ValueError) as error:
            self._failed(503, f"the REGISTER to '{registration.server_uri}' cannot be sent: {error}", 0)
            return
        self._call_id, self._from_tag = self._sending.call_id, self._sending.from_tag

    def _headers(self, contact: str) -> list[tuple[str, str]]:
        registration = self.registration
        found = [("Contact", contact)]
        supported = [
            name
            for name, wanted in (("path", registration.support_path), ("outbound", registration.support_outbound))
            if wanted
        ]
        if supported:
            found.append(("Supported", ", ".join(supported)))
        if registration.user_agent:
            found.append(("User-Agent", registration.user_agent))
        return found

    def _contact(self) -> str:
        """Our Contact by the registration's transport. Raises ObeliskError when there is none to be reached at."""
        registration = self.registration
        server = SipUri.parse(registration.server_uri)
        protocol = (server.params.get("transport") or ("tls" if server.scheme == "sips" else "udp")).lower()
        name = registration.transport
        if not name:
            name = next((info.id for info in self._host.transports() if info.protocol == protocol), "")
        if not name:
            raise ObeliskError(f"there is no {protocol} transport")
        address, port = self._host.sent_by(name, server.host)
        params: dict[str, str | None] = {} if protocol == "udp" else {"transport": protocol}
        if self.line:
            params["line"] = self.line
        contact = f"<{SipUri(server.scheme, registration.contact_user, address, port, params)}>"
        more = registration.contact_header_params
        return f"{contact};{more}" if more else contact

    # Answers

    def _answered(self, reply: Reply, contact: str, expires: int) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            self._cseq = sending.cseq
        registration = self.registration
        if 200 <= reply.code < 300:
            self._accepted(reply.message, contact, expires)
            return
        if reply.code == 423 and reply.message is not None and expires:
            wanted = _number(reply.message, "Min-Expires")
            if wanted > self._expiration:
                self._expiration = wanted
                self._send(wanted)
                return
        if not expires:
            self._say(RegistrationState.UNREGISTERED)
            return
        retry_after = 0 if reply.message is None else _number(reply.message, "Retry-After")
        who = registration.server_uri
        text = f"'{reply.code}' received from '{who}'" if reply.message else f"No response received from '{who}'"
        self._failed(reply.code, f"{text} on registration attempt to '{registration.client_uri}'", retry_after)

    def _accepted(self, message: SipMessage | None, contact: str, expires: int) -> None:
        self._retries = 0
        if not expires:
            self.expires_at = self._clock.now()
            self._say(RegistrationState.UNREGISTERED)
            return
        granted = _granted(message, contact, expires)
        self.expires_at = self._clock.now() + granted
        self._plan(max(0, granted - RENEW_BEFORE_SECONDS))
        self._say(RegistrationState.REGISTERED)

    def _failed(self, code: int, text: str, retry_after: int) -> None:
        registration = self.registration
        temporary = (
            code in _TEMPORARY or code >= 600 or (code in (401, 407) and not registration.auth_rejection_permanent)
        )
        tries_left = self._retries < registration.max_retries
        if retry_after:
            interval = retry_after
        elif temporary and registration.retry_interval:
            interval = registration.retry_interval if tries_left else 0
        elif not tries_left:
            interval = 0
        elif code == 403 and registration.forbidden_retry_interval:
            interval = registration.forbidden_retry_interval
        else:
            interval = registration.fatal_retry_interval
        if interval:
            self._retries += not retry_after
            log.warn("{text}, retrying in {seconds} s", text=text, seconds=interval)
            self._plan(interval)
        else:
            log.warn("{text}, stopping outbound registration", text=text)
        self.expires_at = self._clock.now()
        self._say(RegistrationState.REJECTED)

    def _say(self, state: RegistrationState) -> None:
        self.state = state
        self._bus.publish(RegistryChanged(self.registration.client_uri, self.registration.server_uri, state))


def _number(message: SipMessage, header: str) -> int:
    """A header's leading number of seconds; 0 without one."""
    text = (message.headers.get(header) or "").strip().split(";")[0].split(" ")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _granted(message: SipMessage | None, contact: str, asked: int) -> int:
    """The seconds a 2xx grants our Contact: its expires, else Expires, else what was asked (RFC 3261 10.2.4)."""
    if message is None:
        return asked
    ours = NameAddr.parse(contact).uri
    try:
        for each in message.contacts:
            seconds = each.params.get("expires") or ""
            if (each.uri.user, each.uri.host, each.uri.port) == (
                ours.user,
                ours.host,
                ours.port,
            ) and seconds.isdecimal():
                return int(seconds)
    except SipSyntaxError as error:
        log.info("{call_id}: the answer to our REGISTER: {error}", call_id=message.call_id, error=str(error))
    return _number(message, "Expires") or asked


class RegistrationClients:
    """A client for each registration there is. Also the identifier of requests that carry a registration's line."""

    def __init__(
        self,
        host: PjsipHost,
        requests: Requests,
        sorcery: Sorcery,
        bus: Bus,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance`` gives numbers from 0 to 1 for spreading the first REGISTERs."""
        self._parts = (host, requests, bus, clock)
        self._sorcery = sorcery
        self._chance = chance
        self._clients: dict[str, RegistrationClient] = {}

    def __iter__(self) -> Iterator[RegistrationClient]:
        return iter(sorted(self._clients.values(), key=lambda client: client.registration.id))

    def find(self, name: str) -> RegistrationClient | None:
        return self._clients.get(name)

    def refresh(self) -> None:
        """Take up the sections as they are now: new ones begin, changed ones begin again, others end."""
        wanted = {each.id: each for each in self._sorcery.all(Registration)}
        for name, client in list(self._clients.items()):
            if client.registration != wanted.get(name):
                client.unregister()
                del self._clients[name]
        for name, registration in wanted.items():
            if name not in self._clients:
                client = self._clients[name] = RegistrationClient(registration, *self._parts)
                client.start(self._chance() * registration.max_random_initial_delay)

    def stop(self) -> None:
        """Unregister everywhere; answers are not waited for."""
        for client in self._clients.values():
            client.unregister()
        self._clients.clear()

    def identify(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        """The endpoint of the registration whose line the To or the Request-URI carries."""
        lines = {client.line: client for client in self._clients.values() if client.line}
        if not lines:
            return None
        client = lines.get(_line_of(lambda: request.to.uri)) or lines.get(_line_of(lambda: request.uri))
        return None if client is None else lookup.get(Endpoint, client.registration.endpoint)


def _line_of(read: Callable[[], SipUri]) -> str:
    """The line parameter of a URI; empty where there is none or the URI cannot be read."""
    try:
        return read().params.get("line") or ""
    except SipSyntaxError:
        return ""

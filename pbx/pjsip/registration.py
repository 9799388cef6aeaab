"""What a REGISTER means for an address of record: the pure part of the registrar (RFC 3261 section 10.3).

`plan` looks at the request and at the contacts there are, and says which to create, replace and delete, or why the
request is refused; nothing is changed here. Limits are Asterisk's: an expiration is moved into the range of the address
of record instead of being refused with 423, and too many contacts are 403.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pbx.errors import ObeliskError
from pbx.pjsip.nat import rewritten
from pbx.pjsip.objects.contact import Contact, contact_id
from pbx.pjsip.objects.types import MAX_HOST_CHARS, MAX_URI_CHARS
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri
from pbx.pjsip.uri_compare import parsed, same_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.pjsip.objects import Aor

MAX_CONTACT_HEADERS = 64
"""Contacts read from one REGISTER; phones send one, gateways a handful."""
MAX_EXPIRES = 2**32 - 1
MAX_EXPIRES_DIGITS = 20
"""Longer numbers are MAX_EXPIRES; leading zeros are not worth a thought."""
MAX_HEADER_CHARS = 1024
"""How much of User-Agent and Path is kept."""


_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
"""Names and addresses; nothing that would mean something in a header, a log or a terminal."""


def printable(text: str, limit: int = MAX_HEADER_CHARS) -> str:
    """What a stranger wrote, fit to be stored, logged and shown: without control characters, cut at ``limit``."""
    text = text[:limit]
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


class Refused(ObeliskError):
    """The REGISTER is answered ``code``; ``security_event`` is the name a FailedACL event gets, if any."""

    def __init__(
        self, code: int, why: str, *, security_event: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(why)
        self.code = code
        self.security_event = security_event
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Registration:
    """What a REGISTER says. ``contacts`` are the values of its Contact headers, ``expires`` the Expires header."""

    contacts: Sequence[str]
    expires: str | None
    call_id: str
    cseq: int
    source: tuple[str, int]
    protocol: str
    path: str = ""
    path_supported: bool = False
    user_agent: str = ""
    via_addr: str = ""
    via_port: int = 0
    endpoint: str = ""
    reg_server: str = ""
    rewrite_contact: bool = False


@dataclass(slots=True)
class Plan:
    """What is to be done, and the registered contacts there will be then (without permanent ones)."""

    create: list[Contact] = field(default_factory=list)
    update: list[Contact] = field(default_factory=list)
    delete: list[Contact] = field(default_factory=list)
    remaining: list[Contact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Binding:
    """One Contact of the request."""

    uri: SipUri
    text: str
    expires: int
    q: float


def contact_seconds(text: str) -> int:
    """The ``expires`` of a Contact: its leading digits, so one without any is 0 and removes, as with Asterisk."""
    text = text.strip()
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return min(int(digits or "0"), MAX_EXPIRES) if len(digits) < MAX_EXPIRES_DIGITS else MAX_EXPIRES


def header_seconds(text: str | None) -> int | None:
    """The Expires header; one that is not a number counts as none (RFC 3261 section 20.19, by Asterisk's default)."""
    text = text.strip() if text is not None else ""
    return contact_seconds(text) if text.isascii() and text.isdigit() else None


def granted(aor: Aor, contact_expires: str | None, header: str | None) -> int:
    """Seconds granted: the Contact's wish, the Expires header's or the default, within the AOR's range; 0 stays 0."""
    seconds = contact_seconds(contact_expires) if contact_expires else header_seconds(header)
    if seconds is None:
        seconds = aor.default_expiration
    if not seconds:
        return 0
    if seconds < aor.minimum_expiration:
        return aor.minimum_expiration
    return min(seconds, aor.maximum_expiration)


def _q(text: str | None) -> float:
    try:
        value = float(text) if text else 1.0
    except ValueError:
        return 1.0
    return value if 0.0 <= value <= 1.0 else 1.0


def read_bindings(aor: Aor, request: Registration) -> list[Binding] | None:
    """The request's contacts; None for ``Contact: *``. Raises Refused (400)."""
    invalid = "registrar_invalid_contacts_provided"
    if len(request.contacts) > MAX_CONTACT_HEADERS:
        raise Refused(400, f"more than {MAX_CONTACT_HEADERS} contacts in one REGISTER", security_event=invalid)
    if any(value.strip() == "*" for value in request.contacts):
        if len(request.contacts) > 1 or granted(aor, None, request.expires):
            raise Refused(400, "'Contact: *' must be alone and have 'Expires: 0'", security_event=invalid)
        return None
    bindings: list[Binding] = []
    for value in request.contacts:
        try:
            contact = NameAddr.parse(value)
        except SipSyntaxError as error:
            raise Refused(400, f"bad Contact: {error}", security_event=invalid) from error
        if not contact.uri.is_sip:
            raise Refused(416, f"Contact of scheme {printable(contact.uri.scheme, 40)}")
        uri = contact.uri
        if request.rewrite_contact or request.protocol in ("ws", "wss"):
            uri = rewritten(uri, request.source, request.protocol)
        text = str(uri)
        if not _HOST.fullmatch(uri.host):
            raise Refused(400, f"Contact names no host: {text[:40]!r}", security_event=invalid)
        if len(text) >= MAX_URI_CHARS or len(uri.host) >= MAX_HOST_CHARS:
            raise Refused(400, f"Contact {text[:40]}... is too long", security_event=invalid)
        expires = granted(aor, contact.params.get("expires"), request.expires)
        bindings.append(Binding(uri, text, expires, _q(contact.params.get("q"))))
    return bindings


def _existing(binding: Binding, contacts: dict[str, Contact]) -> Contact | None:
    exact = contacts.get(binding.text)
    if exact is not None:
        return exact
    for contact in contacts.values():
        try:
            if same_uri(binding.uri, parsed(contact.uri)):
                return contact
        except SipSyntaxError:
            continue
    return None


def plan(
    aor: Aor,
    registered: Iterable[Contact],
    request: Registration,
    now: float,
    is_unavailable: Callable[[Contact], bool] = lambda contact: False,
) -> Plan:
    """The changes that ``request`` makes to ``registered``, the AOR's contacts without permanent ones.

    ``now`` is Unix seconds. Raises Refused.
    """
    current = {contact.uri: contact for contact in registered}
    bindings = read_bindings(aor, request)
    if bindings is None:
        for contact in current.values():
            _check_order(contact, request)
        return Plan(delete=list(current.values()))
    path = _checked_path(aor, request)
    result = Plan()
    matched: set[str] = set()
    created: dict[str, Contact] = {}
    removed = 0
    for binding in bindings:
        existing = _existing(binding, current)
        if existing is None:
            if binding.expires:
                created[binding.text] = _created(aor, binding, request, path, now)
            else:
                created.pop(binding.text, None)
            continue
        _check_order(existing, request)
        matched.add(existing.uri)
        if binding.expires:
            result.update.append(_updated(aor, existing, binding, request, path, now))
        else:
            result.delete.append(existing)
            removed += 1
    result.create = list(created.values())
    _make_room(aor, result, current, matched, removed, is_unavailable)
    gone = {contact.uri for contact in result.delete}
    renewed = {contact.id: contact for contact in result.update}
    kept = [renewed.get(contact.id, contact) for contact in current.values() if contact.uri not in gone]
    result.remaining = [*kept, *result.create]
    return result


def _check_order(contact: Contact, request: Registration) -> None:
    """RFC 3261 section 10.3 step 7: an older request of the same phone must not undo a newer one.

    An equal CSeq passes: it is the same request again, perhaps after a restart, and changes nothing.
    """
    if contact.call_id == request.call_id and request.cseq < contact.cseq:
        raise Refused(500, f"CSeq {request.cseq} is older than the one that made {contact.uri}")


def _checked_path(aor: Aor, request: Registration) -> str:
    if not aor.support_path or not request.path:
        return ""
    if not request.path_supported:
        why = "Path was added to a REGISTER whose sender does not support it"
        raise Refused(420, why, headers=(("Unsupported", "path"),))
    if len(request.path) > MAX_HEADER_CHARS:
        raise Refused(400, "the Path is too long")
    return request.path


def _make_room(
    aor: Aor,
    result: Plan,
    current: dict[str, Contact],
    matched: set[str],
    removed: int,
    is_unavailable: Callable[[Contact], bool],
) -> None:
    """Delete contacts that must go for the new ones, or refuse (403) when that is not allowed."""
    others = [contact for contact in current.values() if contact.uri not in matched]
    added, updated = len(result.create), len(result.update)
    total = len(current) + added - removed
    if total <= aor.max_contacts:
        return
    excess = total - aor.max_contacts
    own = updated + added
    if own <= aor.max_contacts or not aor.remove_existing:
        unavailable = [contact for contact in others if is_unavailable(contact)] if aor.remove_unavailable else []
        unavailable.sort(key=lambda contact: contact.expiration_time)
        available = [contact for contact in others if contact not in unavailable]
        available.sort(key=lambda contact: contact.expiration_time)
        candidates = [*unavailable, *(available if aor.remove_existing else [])]
        if len(candidates) >= excess:
            result.delete += candidates[:excess]
            return
    raise Refused(
        403,
        f"more than max_contacts={aor.max_contacts} contacts",
        security_event="registrar_attempt_exceeds_maximum_configured_contacts",
    )


def _created(aor: Aor, binding: Binding, request: Registration, path: str, now: float) -> Contact:
    return Contact(
        contact_id(aor.id, binding.text),
        aor=aor.id,
        uri=binding.text,
        path=path,
        expiration_time=float(int(now) + binding.expires),
        endpoint=request.endpoint,
        user_agent=printable(request.user_agent),
        reg_server=request.reg_server,
        via_addr=request.via_addr,
        via_port=request.via_port,
        call_id=request.call_id,
        cseq=min(request.cseq, MAX_EXPIRES),
        q=binding.q,
        qualify_frequency=aor.qualify_frequency,
        qualify_timeout=aor.qualify_timeout,
        qualify_2xx_only=aor.qualify_2xx_only,
        authenticate_qualify=aor.authenticate_qualify,
        outbound_proxy=aor.outbound_proxy,
    )


def _updated(aor: Aor, existing: Contact, binding: Binding, request: Registration, path: str, now: float) -> Contact:
    return replace(
        existing,
        expiration_time=float(int(now) + binding.expires),
        path=path or existing.path,
        user_agent=printable(request.user_agent) or existing.user_agent,
        reg_server=request.reg_server or existing.reg_server,
        call_id=request.call_id,
        cseq=min(request.cseq, MAX_EXPIRES),
        q=binding.q,
        qualify_frequency=aor.qualify_frequency,
        qualify_timeout=aor.qualify_timeout,
        qualify_2xx_only=aor.qualify_2xx_only,
        authenticate_qualify=aor.authenticate_qualify,
    )

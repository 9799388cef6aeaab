"""Who calls, read from and written to SIP: From, P-Asserted-Identity and Privacy (RFC 3325), Remote-Party-ID.

Follows res_pjsip_caller_id: an endpoint's own ``callerid`` stands in for what it says in From; the identity headers
count only with ``trust_id_inbound``, and a withheld identity leaves only with ``trust_id_outbound``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.core.party import ALLOWED, EMPTY, PRESENTATION_VALUES, RESTRICTED, PartyId
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri, quote

if TYPE_CHECKING:
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.objects.settings import GlobalSettings

ANONYMOUS = "anonymous"
ANONYMOUS_HOST = "anonymous.invalid"
_LINE_INFORMATION = ("isup-oli", "ss7-oli", "oli")
_WITHHOLDING = frozenset(("id", "header", "user", "full", "uri", "name"))


def caller_of(message: SipMessage, endpoint: Endpoint) -> PartyId:
    """The caller of an INVITE from ``endpoint``."""
    if endpoint.trust_id_inbound:
        trusted = asserted_identity(message)
        if trusted is not None:
            return tagged(trusted, endpoint)
    configured = endpoint.callerid
    if configured.number_valid:
        presentation = PRESENTATION_VALUES.get(endpoint.callerid_privacy.value, ALLOWED)
        found = replace(configured, number_presentation=presentation, name_presentation=presentation)
        return tagged(found, endpoint)
    return tagged(_from_header(message), endpoint)


def line_information(message: SipMessage) -> int:
    """The originating line information (ANI II) of From: a parameter of the header or of its URI; 0 without one."""
    try:
        address = message.from_
    except SipSyntaxError:
        return 0
    for name in _LINE_INFORMATION:
        value = address.params.get(name) or address.uri.param(name)
        if value and value.isdecimal() and len(value) < 10:
            return int(value)
    return 0


def asserted_identity(message: SipMessage) -> PartyId | None:
    """The identity in P-Asserted-Identity, else in Remote-Party-ID; None when neither is there or readable."""
    return _from_pai(message) or _from_rpid(message)


def tagged(party: PartyId, endpoint: Endpoint) -> PartyId:
    """``party`` with the endpoint's internal tag."""
    return replace(party, tag=endpoint.callerid_tag) if endpoint.callerid_tag else party


def _party(address: NameAddr, presentation: int = ALLOWED) -> PartyId:
    number, name = address.uri.user, address.display
    return PartyId(name, number, bool(name), bool(number), presentation, presentation)


def _from_header(message: SipMessage) -> PartyId:
    try:
        address = message.from_
    except SipSyntaxError:
        return EMPTY
    restricted = address.uri.user.lower() == ANONYMOUS or address.uri.host.lower() == ANONYMOUS_HOST
    return _party(address, RESTRICTED if restricted else ALLOWED)


def _from_pai(message: SipMessage) -> PartyId | None:
    for value in message.headers.values("P-Asserted-Identity"):
        try:
            address = NameAddr.parse(value)
        except SipSyntaxError:
            continue
        privacy = {word.strip().lower() for word in (message.headers.get("Privacy") or "").split(";")}
        return _party(address, RESTRICTED if privacy & _WITHHOLDING else ALLOWED)
    return None


def _from_rpid(message: SipMessage) -> PartyId | None:
    value = message.headers.get("Remote-Party-ID")
    if value is None:
        return None
    try:
        address = NameAddr.parse(value)
    except SipSyntaxError:
        return None
    privacy = (address.params.get("privacy") or "off").lower()
    screened = (address.params.get("screen") or "no").lower() == "yes"
    presentation = (RESTRICTED if privacy in _WITHHOLDING else ALLOWED) | (1 if screened else 0)
    return _party(address, presentation)


# Out


def from_header(endpoint: Endpoint, party: PartyId, host: str, default_user: str) -> str:
    """The From of our INVITE to ``endpoint`` for the party it is to see; ``host`` is our own address.

    A party that is withheld or unknown is anonymous (RFC 3323 4.1.1.3) but for what ``from_user`` and ``from_domain``
    say; ``trust_id_outbound`` lets it into the identity headers, never into From.
    """
    user, domain = endpoint.from_user, endpoint.from_domain
    if party.restricted:
        return name_addr("Anonymous", user or ANONYMOUS, domain or ANONYMOUS_HOST)
    display = "" if user or not party.name_valid else party.name
    user = user or (party.number if party.number_valid else default_user)
    return name_addr(display, user, domain or host, user_eq_phone=endpoint.user_eq_phone)


def contact_user(endpoint: Endpoint, party: PartyId, settings: GlobalSettings) -> str:
    """The user of the Contact of our INVITE to ``endpoint`` for the party it is to see."""
    if endpoint.contact_user or not settings.use_callerid_contact:
        return endpoint.contact_user or endpoint.from_user or settings.default_from_user
    if party.restricted:
        return ANONYMOUS
    return party.number if party.number_valid else ""


def identity_headers(
    endpoint: Endpoint, identity: PartyId, host: str, *, party: str = "calling"
) -> list[tuple[str, str]]:
    """P-Asserted-Identity, Privacy and Remote-Party-ID of a message to ``endpoint``, as its options want them.

    ``party`` tells in Remote-Party-ID whether the one named is ``calling`` or ``called``.
    """
    if not identity.number_valid or (identity.restricted and not endpoint.trust_id_outbound):
        return []
    name = identity.name if identity.name_valid else ""
    address = name_addr(name, identity.number, endpoint.from_domain or host, user_eq_phone=endpoint.user_eq_phone)
    headers: list[tuple[str, str]] = []
    if endpoint.send_pai:
        headers.append(("P-Asserted-Identity", address))
        if identity.restricted:
            headers.append(("Privacy", "id"))
    if endpoint.send_rpid:
        privacy = "full" if identity.restricted else "off"
        screen = "yes" if identity.number_presentation & 0x03 == 1 else "no"
        headers.append(("Remote-Party-ID", f"{address};party={party};privacy={privacy};screen={screen}"))
    return headers


def name_addr(display: str, user: str, host: str, *, user_eq_phone: bool = False) -> str:
    """``"display" <sip:user@host>``, everything escaped."""
    params: dict[str, str | None] = {}
    if user_eq_phone and user.lstrip("+").isdecimal():
        params["user"] = "phone"
    address = f"<{SipUri('sip', user, host, params=params)}>"
    # Control characters have no place in a quoted string (RFC 3261 25.1).
    clean = "".join(character for character in display if character.isprintable())
    return f"{quote(clean)} {address}" if clean else address

"""Where a call was meant to go: Diversion (RFC 5806) and History-Info (RFC 7044), read and written.

Follows res_pjsip_diversion: a Diversion wins over History-Info, of which the entry 1 names who diverted and the last
one where to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pbx.core.party import EMPTY, REASON_ALIASES, REASONS, PartyId, Reason, Redirecting, party_id
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri, quote

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
#: The ``cause`` of History-Info (RFC 4458) by reason code; 404 stands for the others.
_CAUSES = {1: 486, 2: 408, 3: 503, 4: 302, 7: 480}
_REASONS_BY_CAUSE = {302: 4, 486: 1, 408: 2, 480: 7, 487: 7, 503: 3}
#: What Diversion calls the reasons, by code (RFC 5806 section 4, and Asterisk's own words).
_WORDS = {
    **dict(enumerate(REASONS)),
    **{code: word for word, code in REASON_ALIASES.items()},
}


def diverted_request(message: SipMessage) -> Redirecting | None:
    """By whom and where to an INVITE was diverted; None when it does not say so."""
    if "Diversion" not in message.headers and "History-Info" not in message.headers:
        return None
    try:
        to = message.to
    except SipSyntaxError:
        return None
    diversion = _first(message, "Diversion")
    if diversion is not None:
        return _redirecting(diversion, to)
    source, target = _history(message)
    return None if target is None else _redirecting(source, target)


def diverted_response(message: SipMessage, party: PartyId) -> Redirecting | None:
    """The same of a 181 or 302 to our INVITE; ``party`` is whom we called."""
    try:
        to = message.to
    except SipSyntaxError:
        return None
    diversion = _first(message, "Diversion")
    if diversion is None:
        source, target = _history(message)
        if target is not None:
            return _redirecting(source, target, party)
        if not party.number_valid:
            diversion = to
    if message.status_code == 181:
        return _redirecting(to, diversion)
    contact = _first(message, "Contact")
    return _redirecting(diversion, contact, party)


def _first(message: SipMessage, name: str) -> NameAddr | None:
    for value in message.headers.values(name):
        try:
            found = NameAddr.parse(value)
        except SipSyntaxError:
            continue
        return None if found.is_star else found
    return None


def _history(message: SipMessage) -> tuple[NameAddr | None, NameAddr | None]:
    """(who diverted, where to) of History-Info."""
    source: NameAddr | None = None
    target: NameAddr | None = None
    for value in message.headers.values("History-Info"):
        try:
            entry = NameAddr.parse(value)
        except SipSyntaxError:
            continue
        if entry.params.get("index") == "1":
            source = source or entry
        else:
            target = entry
    return source or target, target


def _redirecting(source: NameAddr | None, target: NameAddr | None, instead: PartyId = EMPTY) -> Redirecting:
    return Redirecting(
        source=instead if source is None else _party(source),
        to=EMPTY if target is None else _party(target),
        reason=Reason() if source is None else _reason(source, target),
        count=1,
    )


def _party(address: NameAddr) -> PartyId:
    return party_id(address.uri.user.partition(";")[0], address.display)


def _reason(source: NameAddr, target: NameAddr | None) -> Reason:
    word = source.params.get("reason")
    if word is not None:
        lower = word.lower()
        code = REASON_ALIASES.get(lower, REASONS.index(lower) if lower in REASONS else None)
        return Reason(0, word) if code is None else Reason(code)
    cause = None if target is None else target.uri.param("cause")
    return Reason(_REASONS_BY_CAUSE.get(int(cause), 0) if cause and cause.isdecimal() and len(cause) < 4 else 0)


# Out


def diversion_headers(channel: Channel, endpoint: Endpoint, host: str, *, response: bool) -> list[tuple[str, str]]:
    """Diversion and History-Info of an INVITE, or of a 181 or 3xx ``response``, as the endpoint's options want them."""
    redirecting = channel.redirecting
    headers: list[tuple[str, str]] = []
    if endpoint.send_diversion and redirecting.count:
        # A response says where the call goes now, a request where it comes from.
        party = redirecting.to if response else redirecting.source
        if party.number_valid and party.number:
            headers.append(("Diversion", f"{_address(party, host)};reason={_word(redirecting.reason)}"))
    if endpoint.send_history_info:
        headers.append(("Supported", "histinfo"))
        source = redirecting.source
        if not (source.number_valid and source.number):
            source = party_id(channel.dialed.number)
        headers.append(("History-Info", f"{_address(source, host)};index=1"))
        if redirecting.to.number_valid and redirecting.to.number:
            cause = str(_CAUSES.get(redirecting.reason.code, 404))
            headers.append(("History-Info", f"{_address(redirecting.to, host, cause=cause)};index=1.1"))
    return headers


def _address(party: PartyId, host: str, **params: str | None) -> str:
    address = f"<{SipUri('sip', party.number, host, params=dict(params))}>"
    return f"{quote(party.name)} {address}" if party.name_valid and party.name else address


def _word(reason: Reason) -> str:
    word = reason.text or _WORDS.get(reason.code, "unknown")
    return word if _TOKEN.match(word) else quote(word.strip('"'))

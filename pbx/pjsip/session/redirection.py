"""A 3xx answer to a call of ours: where it leads (res_pjsip_session's session_inv_on_redirected)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.party import Redirecting, party_id
from pbx.pjsip.objects.enums import RedirectMethod
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint

log = Logger()

#: Redirections one call follows by itself.
MAX_REDIRECTIONS = 5


def target_of(message: SipMessage) -> SipUri | None:
    """The Contact that is preferred (RFC 3261 8.1.3.4: the highest q, the first of equals), if it is a SIP URI."""
    try:
        contacts = [contact for contact in message.contacts if not contact.is_star]
        if not contacts:
            return None
        uri = max(contacts, key=_preference).uri
    except SipSyntaxError as error:
        log.warn("{call_id}: redirected to nowhere: {error}", call_id=message.call_id, error=str(error))
        return None
    return uri if uri.is_sip else None


def _preference(contact: NameAddr) -> float:
    try:
        return float(contact.params.get("q") or 1.0)
    except ValueError:
        return 0.0


def forward(channel: Channel, endpoint: Endpoint, target: SipUri, message: SipMessage) -> None:
    """Leave in ``call_forward`` where the core is to go instead, and by whom in the redirecting party."""
    user = target.user.partition(";")[0]
    if endpoint.redirect_method is RedirectMethod.USER:
        if not user:
            return
        channel.call_forward = user
    else:
        channel.call_forward = f"PJSIP/{endpoint.id}/{replace(target, headers='')}"
    try:
        source = party_id(message.to.uri.user)
    except SipSyntaxError:
        source = channel.redirecting.source
    old = channel.redirecting
    channel.redirecting = Redirecting(
        orig=old.orig, source=source, to=party_id(user), orig_reason=old.orig_reason, count=old.count + 1
    )

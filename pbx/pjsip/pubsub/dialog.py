"""The dialog of one subscription (RFC 3261 12, RFC 6665), kept by us: PJSIP only carries its requests.

Nothing here sends: `Dialog` says what the next NOTIFY looks like and whether a request belongs to the dialog.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pbx.pjsip.uri import NameAddr, SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip.host import IncomingRequest

#: Call-ID, our tag and theirs.
Key = tuple[str, str, str]


@dataclass(slots=True)
class Dialog:
    """Our side of it. ``target`` is where the far end wants its requests, ``route`` the proxies before it."""

    call_id: str
    local_tag: str
    remote_tag: str
    #: To and From of the SUBSCRIBE without their tags, as they stand in a NOTIFY's From and To.
    local_address: str
    remote_address: str
    target: str
    route: tuple[str, ...]
    transport: str
    remote_cseq: int
    #: Whether the far end is reached where its requests come from (``rewrite_contact``).
    rewrite: bool = False
    local_cseq: int = field(default_factory=lambda: secrets.randbelow(30_000) + 1)

    @classmethod
    def of(cls, request: IncomingRequest, *, rewrite: bool = False) -> Dialog:
        """The dialog that our answer to a SUBSCRIBE makes. Raises SipSyntaxError."""
        sender = request.from_
        if not sender.tag:
            raise SipSyntaxError("From has no tag")
        return cls(
            call_id=request.call_id,
            local_tag=secrets.token_urlsafe(16),
            remote_tag=sender.tag,
            local_address=_untagged(request.to),
            remote_address=_untagged(sender),
            target=target_of(request, rewrite=rewrite and "Record-Route" not in request.headers),
            route=_route_of(request, rewrite=rewrite),
            transport=request.transport.id,
            remote_cseq=request.cseq,
            rewrite=rewrite,
        )

    @property
    def key(self) -> Key:
        return (self.call_id, self.local_tag, self.remote_tag)

    def next_cseq(self) -> int:
        """CSeq of our next request."""
        self.local_cseq += 1
        return self.local_cseq

    def accepts(self, request: IncomingRequest) -> bool:
        """Whether a request comes in order (RFC 3261 12.2.2); it is then the last one, and its Contact the target."""
        if request.cseq <= self.remote_cseq:
            return False
        self.remote_cseq = request.cseq
        if "Contact" in request.headers:
            self.target = target_of(request, rewrite=self.rewrite and not self.route)
        return True


def _untagged(address: NameAddr) -> str:
    return str(NameAddr(address.uri, address.display))


def target_of(request: IncomingRequest, *, rewrite: bool) -> str:
    """The URI that a request's Contact names, or with ``rewrite`` the same at the address it came from.

    Raises SipSyntaxError without a usable one.
    """
    contacts = request.contacts
    if not contacts or contacts[0].is_star or not contacts[0].uri.is_sip:
        raise SipSyntaxError("no usable Contact")
    uri = contacts[0].uri
    return str(replace(uri, host=request.source[0], port=request.source[1]) if rewrite else uri)


def _route_of(request: IncomingRequest, *, rewrite: bool) -> tuple[str, ...]:
    """The route set (RFC 3261 12.1.1); with ``rewrite`` its first hop is where the request came from."""
    route = request.headers.values("Record-Route")
    if rewrite and route:
        first = NameAddr.parse(route[0])
        uri = replace(first.uri, host=request.source[0], port=request.source[1])
        route[0] = str(replace(first, uri=uri))
    return tuple(route)

"""Requests of ours outside dialogs to an endpoint: where from, by which transport and route, and who we say we are.

OPTIONS, MESSAGE and NOTIFY share this. A challenge is answered once with the endpoint's ``outbound_auth``, and once
more when the answer is that its nonce was stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip import digest_client
from pbx.pjsip.host import Reply
from pbx.pjsip.objects import Auth
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

if TYPE_CHECKING:
    from pbx.pjsip.host import OutgoingRequest, PjsipHost
    from pbx.pjsip.objects import Contact, Endpoint
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

DEFAULT_TIMEOUT = 32.0
"""Seconds a request may take; timer F of RFC 3261."""
_CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass(slots=True)
class OutOfDialogRequest:
    """A request to ``endpoint`` (None for nobody's). ``from_uri`` and ``to_uri`` may be name-addrs."""

    method: str
    uri: str
    endpoint: Endpoint | None = None
    from_uri: str = ""
    to_uri: str | None = None
    contact: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str | None = None
    route: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT
    #: names of the auths that answer challenges; None takes the endpoint's
    auths: tuple[str, ...] | None = None
    transport: str = ""
    call_id: str | None = None
    cseq: int | None = None
    from_tag: str = ""
    #: of a dialog that its owner keeps
    to_tag: str = ""


class Sending:
    """A request under way, its repetition after a challenge included. ``cancel`` forgets it."""

    def __init__(self, requests: Requests, request: OutOfDialogRequest, on_reply: Callable[[Reply], object]) -> None:
        self._requests = requests
        self._request = request
        self._on_reply: Callable[[Reply], object] | None = on_reply
        self._sent: OutgoingRequest | None = None
        self._answers = 0

    def start(self) -> None:
        self._sent = self._requests.transmit(self._request, self._answered)

    def cancel(self) -> None:
        self._on_reply = None
        if self._sent is not None:
            self._sent.cancel()

    @property
    def cseq(self) -> int:
        """CSeq of the last transaction."""
        return 0 if self._sent is None else self._sent.cseq

    @property
    def call_id(self) -> str:
        return "" if self._sent is None else self._sent.call_id

    @property
    def from_tag(self) -> str:
        return "" if self._sent is None else self._sent.from_tag

    def _answered(self, reply: Reply) -> None:
        sent, report = self._sent, self._on_reply
        if report is None or sent is None:
            return
        try:
            headers = self._authorization(reply)
            if headers:
                self._answers += 1
                self._sent = self._requests.transmit(self._request, self._answered, headers, sent)
                return
        except (ObeliskError, ValueError) as error:
            reply = Reply(503, "Service Unavailable", None, str(error))
        self._on_reply = None
        report(reply)

    def _authorization(self, reply: Reply) -> list[tuple[str, str]]:
        names = _CHALLENGES.get(reply.code)
        if names is None or reply.message is None:
            return []
        secrets = self._requests.secrets(self._request)
        if not secrets:
            return []
        offered = digest_client.challenges(reply.message.headers.get_all(names[0]))
        if self._answers and not (self._answers == 1 and any(each.stale for each in offered)):
            return []
        values = digest_client.answers(offered, secrets, self._request.method, self._request.uri)
        if not values:
            log.warn(
                "no outbound_auth fits the challenge to our {method} to {uri}",
                method=self._request.method,
                uri=self._request.uri,
            )
        return [(names[1], value) for value in values]


class Requests:
    """Sends requests to endpoints."""

    def __init__(self, host: PjsipHost, sorcery: Sorcery, settings: PjsipSettings) -> None:
        self._host = host
        self._sorcery = sorcery
        self._settings = settings

    def send(self, request: OutOfDialogRequest, on_reply: Callable[[Reply], object]) -> Sending:
        """Send; ``on_reply`` gets one `Reply`, never before this returns. Raises ObeliskError, ValueError."""
        sending = Sending(self, request, on_reply)
        sending.start()
        return sending

    def transmit(
        self,
        request: OutOfDialogRequest,
        on_reply: Callable[[Reply], object],
        more_headers: Iterable[tuple[str, str]] = (),
        repeated: OutgoingRequest | None = None,
    ) -> OutgoingRequest:
        """One transaction; ``repeated`` is the one whose challenge ``more_headers`` answer (RFC 3261 22.2)."""
        call_id, cseq, from_tag = request.call_id, request.cseq, request.from_tag
        if repeated is not None:
            call_id, cseq, from_tag = repeated.call_id, repeated.cseq + 1, repeated.from_tag
        return self._host.send_request(
            request.method,
            request.uri,
            from_uri=request.from_uri or self.from_uri(request.endpoint),
            to_uri=request.to_uri,
            contact=request.contact,
            call_id=call_id,
            cseq=cseq,
            from_tag=from_tag,
            to_tag=request.to_tag,
            headers=[*request.headers, *more_headers],
            body=request.body,
            content_type=request.content_type,
            transport=request.transport or self.transport(request.endpoint),
            route=request.route,
            timeout=request.timeout,
            on_response=on_reply,
        )

    def transport(self, endpoint: Endpoint | None) -> str | None:
        """The id of the endpoint's own transport, None where any will do."""
        if endpoint is None or not endpoint.transport:
            return None
        return endpoint.transport if self._host.transport(endpoint.transport) is not None else None

    def from_uri(self, endpoint: Endpoint | None) -> str:
        """``<sip:user@host>`` of a request without a caller."""
        user = (endpoint.from_user if endpoint is not None else "") or self._settings.global_.default_from_user
        if endpoint is not None and endpoint.from_domain:
            return f"<sip:{user}@{endpoint.from_domain}>"
        host = self.our_address(endpoint)[0]
        return f"<sip:{user}@{f'[{host}]' if ':' in host else host}>"

    def our_address(self, endpoint: Endpoint | None) -> tuple[str, int]:
        """(host, port) that a request to the endpoint comes from."""
        transports = self._host.transports()
        name = self.transport(endpoint) or (transports[0].id if transports else None)
        return self._host.sent_by(name) if name is not None else ("localhost", 5060)

    def secrets(self, request: OutOfDialogRequest) -> list[digest_client.Secret]:
        """What answers challenges to the request."""
        found: list[digest_client.Secret] = []
        names = request.auths
        if names is None:
            names = () if request.endpoint is None else tuple(request.endpoint.outbound_auth)
        default = self._settings.global_.default_auth_algorithms_uac
        for name in names:
            auth = self._sorcery.get(Auth, name)
            if auth is None:
                log.warn(
                    "{method} to {uri}: there is no auth '{auth}'", method=request.method, uri=request.uri, auth=name
                )
                continue
            found.append(
                digest_client.Secret(
                    auth.realm,
                    auth.username,
                    auth.password,
                    tuple(auth.hashes.items()),
                    auth.supported_algorithms_uac or default,
                )
            )
        return found

    @staticmethod
    def route(contact: Contact) -> tuple[str, ...]:
        """The proxies to pass on the way to a contact: ``outbound_proxy``, then its Path."""
        path = tuple(part.strip() for part in contact.path.split(",") if part.strip())
        return (contact.outbound_proxy, *path) if contact.outbound_proxy else path


def sip_uri(text: str) -> SipUri:
    """The URI of a name-addr or bare URI. Raises SipSyntaxError when it is neither sip nor sips."""
    uri = NameAddr.parse(text).uri
    if not uri.is_sip:
        raise SipSyntaxError(f"not a SIP URI: {text[:80]!r}")
    return uri

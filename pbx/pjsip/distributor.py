"""The door: every request outside a dialog is identified, checked against access lists, authenticated, handed on.

A sender that no endpoint claims is challenged exactly as a known one with a wrong password, so that nobody learns which
names exist. Feature modules register a handler per method; a method without one is answered 405 (or 501 when it is no
SIP method). Policy is in `Distributor.authorize` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip.authenticator import Outcome, Result
from pbx.pjsip.lookup import Lookup, Unfetched
from pbx.pjsip.registration import printable
from pbx.pjsip.security_reporter import UNKNOWN_ACCOUNT, SecurityReporter
from pbx.pjsip.suspects import Suspects
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.pjsip.acl import AccessControl
    from pbx.pjsip.host import IncomingRequest, PjsipHost
    from pbx.pjsip.identify import Identifiers
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

Handler = Callable[["IncomingRequest", "Endpoint"], object]
#: True when it has answered the request.
Gate = Callable[["IncomingRequest", "Endpoint"], bool]

ALLOW_ORDER = (
    *("OPTIONS", "REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK"),
    *("INFO", "MESSAGE", "REFER"),
)
"""SIP's methods in the order in which Allow lists them."""
WITH_INVITE = ("ACK", "BYE", "CANCEL")
SCHEMES = frozenset({"sip", "sips", "tel"})
"""Whom a request may say to be from; others are answered 416."""


def _is_from_elsewhere(request: IncomingRequest) -> bool:
    """Whether From names somebody who is no SIP or telephone user; what cannot be read is for others to judge."""
    try:
        return request.from_.uri.scheme not in SCHEMES
    except SipSyntaxError:
        return False


class Authenticator(Protocol):
    """Who judges credentials; at most one is registered."""

    def check(self, endpoint: Endpoint | None, request: IncomingRequest, lookup: Lookup) -> Result:
        """Judge a request of ``endpoint``, None for an unknown sender. Raises Unfetched."""


class Distributor:
    """Identifies, authorises and hands on requests. `start` hooks it to the host, `stop` takes it away."""

    def __init__(
        self,
        host: PjsipHost,
        sorcery: Sorcery,
        settings: PjsipSettings,
        identifiers: Identifiers,
        access: AccessControl,
        bus: Bus,
        clock: Clock,
        is_ready: Callable[[], bool],
    ) -> None:
        """``is_ready`` tells whether all modules have loaded: until then requests are dropped, as Asterisk does."""
        self._host = host
        self._settings = settings
        self._access = access
        self._clock = clock
        self._is_ready = is_ready
        self._local = Lookup(sorcery)
        self._handlers: dict[str, Handler] = {}
        self._extra_methods: dict[str, int] = {}
        self._authenticator: Authenticator | None = None
        self._gates: list[Gate] = []
        self._unhook: Callable[[], None] | None = None
        self.identifiers = identifiers
        self.security = SecurityReporter(bus, clock)
        self.suspects = Suspects()

    def start(self) -> None:
        """Hear requests."""
        from pbx.pjsip.host import Priority

        self._unhook = self._host.on_request(Priority.APPLICATION, self.on_request)
        self._host.allow = lambda: self.allow

    def stop(self) -> None:
        """Hear none any more."""
        if self._unhook is not None:
            self._unhook()
            self._unhook = None
            self._host.allow = lambda: ""

    # What modules add

    def register_method(self, method: str, handler: Handler) -> Callable[[], None]:
        """Hand authorised requests of ``method`` to ``handler``; the result withdraws it. ValueError when taken."""
        if method in self._handlers:
            raise ValueError(f"{method} has a handler already")
        self._handlers[method] = handler

        def withdraw() -> None:
            if self._handlers.get(method) is handler:
                del self._handlers[method]

        return withdraw

    def register_allowed(self, *methods: str) -> Callable[[], None]:
        """List ``methods``, which are handled inside dialogs only, in Allow; the result withdraws them."""
        for method in methods:
            self._extra_methods[method] = self._extra_methods.get(method, 0) + 1

        def withdraw() -> None:
            for method in methods:
                self._extra_methods[method] -= 1
                if not self._extra_methods[method]:
                    del self._extra_methods[method]

        return withdraw

    def register_gate(self, gate: Gate) -> Callable[[], None]:
        """Show ``gate`` each request whose endpoint is known, before it is authenticated; the result withdraws it."""
        self._gates.append(gate)
        return lambda: self._gates.remove(gate)

    def register_authenticator(self, authenticator: Authenticator) -> Callable[[], None]:
        """Let ``authenticator`` judge credentials; the result withdraws it. Raises ValueError when there is one."""
        if self._authenticator is not None:
            raise ValueError("there is an authenticator already")
        self._authenticator = authenticator

        def withdraw() -> None:
            self._authenticator = None

        return withdraw

    @property
    def allow(self) -> str:
        """The value of Allow."""
        methods = {*self._handlers, *self._extra_methods}
        if "INVITE" in methods:
            methods.update(WITH_INVITE)
        return ", ".join(method for method in ALLOW_ORDER if method in methods)

    # A request's way

    def lookup_of(self, request: IncomingRequest) -> Lookup:
        """How the request's objects are read: with those that were fetched for it."""
        return request.context if isinstance(request.context, Lookup) else self._local

    def on_request(self, request: IncomingRequest) -> bool:
        """The host's hook: True when the request was dealt with."""
        method = request.method
        try:
            # Most requests here have no tag: To is taken apart only where there might be one.
            if method in ("ACK", "CANCEL") or ("tag" in request.to_text.lower() and request.to.tag):
                return False  # it belongs to a dialog that is gone: the host's answer is 481
            if request.cseq_method != method:
                raise SipSyntaxError(f"CSeq is of {request.cseq_method!r}, the request of {method!r}")
            if _is_from_elsewhere(request):
                request.respond(416, stateless=True)
                return True
        except SipSyntaxError as error:
            log.info(
                "{error} (Call-ID {call_id}): 400", error=printable(str(error)), call_id=printable(request.call_id)
            )
            request.respond(400, stateless=True)
            return True
        if not self._is_ready():
            request.taken()
            return True
        lookup = self.lookup_of(request)
        try:
            endpoint = self.authorize(request, lookup)
        except Unfetched as missing:
            self._fetch(request, lookup, missing, authorized=False)
            return True
        if endpoint is None:
            return True
        handler = self._handlers.get(method)
        if handler is None:
            known = method in ALLOW_ORDER
            request.respond(405 if known else 501, headers=[("Allow", self.allow)], stateless=True)
            return True
        try:
            handler(request, endpoint)
        except Unfetched as missing:
            self._fetch(request, lookup, missing, authorized=True)
        return True

    def authorize(self, request: IncomingRequest, lookup: Lookup) -> Endpoint | None:
        """The endpoint whose request this is, or None when it has been answered. Raises Unfetched."""
        endpoint = self.identifiers.identify(request, lookup)
        if endpoint is not None and not endpoint.force_rport:
            request.answer_by_via()
        if endpoint is None:
            self._report_unidentified(request)
        elif not self._endpoint_permits(endpoint, request):
            endpoint = None
        else:
            self.suspects.clear(request.source[0])
            if any(gate(request, endpoint) for gate in self._gates):
                return None
            if not endpoint.auth or (endpoint.allow_unauthenticated_options and request.method == "OPTIONS"):
                return endpoint
        if self._authenticator is None:
            # Nobody can tell whether the sender is who it says: deny.
            request.respond(500, stateless=True)
            return None
        result = self._authenticator.check(endpoint, request, lookup)
        account = UNKNOWN_ACCOUNT if endpoint is None else endpoint.id
        if result.outcome is Outcome.SUCCESS and endpoint is not None:
            if not lookup.authorized:
                self.security.success(request, account, using_password=True)
            return endpoint
        if result.outcome is Outcome.CHALLENGE:
            self.security.challenge_sent(request, account, result.nonce)
        else:
            why = "Error to authenticate" if result.outcome is Outcome.ERROR else "Failed to authenticate"
            self._log_failed(request, why)
            self.security.challenge_failed(request, account, result.given)
        if result.outcome is Outcome.ERROR:
            request.respond(500, stateless=True)
        else:
            headers = [("WWW-Authenticate", value) for value in result.challenges]
            # Stateless: whoever cannot authenticate shall cost no transaction. A repeat is challenged again.
            request.respond(401, headers=headers, stateless=True)
        return None

    def _endpoint_permits(self, endpoint: Endpoint, request: IncomingRequest) -> bool:
        if not self._access.permits_source(endpoint, request):
            self._log_failed(request, "Not match Endpoint ACL")
            self.security.failed_acl(request, endpoint.id, "not_match_endpoint_acl")
            return False
        if not self._access.permits_contacts(endpoint, request):
            self._log_failed(request, "Not match Endpoint Contact ACL")
            self.security.failed_acl(request, endpoint.id, "not_match_endpoint_contact_acl")
            return False
        return True

    def _report_unidentified(self, request: IncomingRequest) -> None:
        settings = self._settings.global_
        now = self._clock.monotonic()
        suspect = self.suspects.record(request.source[0], now, settings.unidentified_request_prune_interval)
        seen_for = ""
        if self.identifiers.uses("auth_username"):
            # The name comes with the answer to the challenge: a first request says nothing yet.
            elapsed = now - suspect.first_seen
            if suspect.count < settings.unidentified_request_count or elapsed > settings.unidentified_request_period:
                return
            seen_for = f" after {suspect.count} tries in {elapsed * 1000:.3f} ms"
        self._log_failed(request, f"No matching endpoint found{seen_for}")
        try:
            name = request.from_.uri.user
        except SipSyntaxError:
            name = ""
        self.security.invalid_account(request, printable(name))

    @staticmethod
    def _log_failed(request: IncomingRequest, why: str) -> None:
        """The line that log watchers such as fail2ban know."""
        try:
            sender = printable(str(request.from_).partition(">")[0] + ">")
        except SipSyntaxError:
            sender = ""
        log.info(
            "Request '{method}' from '{sender}' failed for '{host}:{port}' (callid: {call_id}) - {why}",
            method=request.method,
            sender=sender,
            host=request.source[0],
            port=request.source[1],
            call_id=printable(request.call_id),
            why=why,
        )

    def _fetch(self, request: IncomingRequest, lookup: Lookup, missing: Unfetched, *, authorized: bool) -> None:
        """Put the request aside, fetch what it needs, start it again."""

        async def fetch() -> None:
            try:
                more = await lookup.fetch(missing)
            except ObeliskError as error:
                log.error(
                    "{method} with Call-ID {call_id} is dropped: {error}",
                    method=request.method,
                    call_id=request.call_id,
                    error=str(error),
                )
                return
            more.authorized = authorized or lookup.authorized
            self._host.inject(request, context=more)

        request.postpone()
        ensureDeferred(fetch()).addErrback(lambda failure: log.failure("fetching an object failed", failure))

"""OPTIONS from outside: what we can do, and whether an extension exists (RFC 3261 section 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.errors import ObeliskError
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip.capabilities import Capabilities
    from pbx.pjsip.distributor import Distributor
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.settings import PjsipSettings
    from pbx.server import Server


class OptionsResponder:
    """Answers OPTIONS: 404 for an extension that the endpoint's context does not have, 503 on the way down."""

    def __init__(
        self, server: Server, distributor: Distributor, capabilities: Capabilities, settings: PjsipSettings
    ) -> None:
        self._server = server
        self._distributor = distributor
        self._capabilities = capabilities
        self._settings = settings

    def on_options(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        """Handle an authorised OPTIONS."""
        request.respond(self._code(request, endpoint), headers=self.headers())

    def in_call(self) -> tuple[int, list[tuple[str, str]]]:
        """The answer inside a call, where peers ask to learn whether it still stands (RFC 3261 section 11.2)."""
        return 200, self.headers()

    def headers(self) -> list[tuple[str, str]]:
        """Accept, Allow, Supported and their kind."""
        found = [
            ("Accept", self._capabilities.accept),
            ("Allow", self._distributor.allow),
            ("Supported", self._capabilities.supported),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
        ]
        return [(name, value) for name, value in found if value]

    def _code(self, request: IncomingRequest, endpoint: Endpoint) -> int:
        try:
            uri = request.uri
        except SipSyntaxError:
            return 416
        if not uri.is_sip and uri.scheme != "tel":
            return 416
        if not self._server.accepts_calls:
            return 503
        exten = uri.user
        if self._settings.global_.ignore_uri_user_options:
            exten = exten.partition(";")[0]
        if not exten:
            return 200
        try:
            exists = self._server.dialplan.exists(endpoint.context, exten)
        except ObeliskError:
            exists = False
        return 200 if exists else 404

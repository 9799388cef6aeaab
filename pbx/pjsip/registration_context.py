"""``regcontext``: an extension for each endpoint that can be reached, for dialplans that ask who is there.

As in Asterisk the extension is called as the endpoint and does nothing; it comes and goes with the endpoint's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip.events import EndpointStateChanged

if TYPE_CHECKING:
    from pbx.pjsip.location import Location
    from pbx.pjsip.settings import PjsipSettings
    from pbx.server import Server

log = Logger()

REGISTRAR = "PJSIP"


class RegistrationContext:
    """Keeps the extensions. `start` listens, `apply` takes up changed settings, `stop` removes what is there."""

    def __init__(self, server: Server, location: Location, settings: PjsipSettings) -> None:
        self._server = server
        self._location = location
        self._settings = settings
        self._context = ""
        self._there: set[str] = set()

    def start(self) -> None:
        self._subscription = self._server.bus.subscribe(EndpointStateChanged, self._changed)

    def stop(self) -> None:
        self._subscription.cancel()
        self._clear()

    def apply(self) -> None:
        """Move to the context that the settings name now, with everybody who can be reached."""
        wanted = self._settings.global_.regcontext
        if wanted == self._context:
            return
        self._clear()
        self._context = wanted
        for endpoint in self._location.online():
            self._add(endpoint)

    def _clear(self) -> None:
        for endpoint in sorted(self._there):
            self._remove(endpoint)

    def _changed(self, change: EndpointStateChanged) -> None:
        if change.online:
            self._add(change.endpoint)
        else:
            self._remove(change.endpoint)

    def _add(self, endpoint: str) -> None:
        if not self._context or endpoint in self._there:
            return
        dialplan = self._server.dialplan
        if dialplan.exists(self._context, endpoint):
            return
        try:
            dialplan.editor(REGISTRAR).add_extension(self._context, endpoint, 1, "NoOp", endpoint)
        except ObeliskError as error:
            log.warn("regcontext: no extension for {endpoint}: {error}", endpoint=endpoint, error=str(error))
        else:
            self._there.add(endpoint)

    def _remove(self, endpoint: str) -> None:
        if endpoint in self._there:
            self._there.discard(endpoint)
            self._server.dialplan.editor(REGISTRAR).remove_extension(self._context, endpoint, 1)

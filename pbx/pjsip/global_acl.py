"""``type=acl``: access lists for every request, looked at before anything else (res_pjsip_acl)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.pjsip.host import Priority
from pbx.pjsip.objects import Acl

if TYPE_CHECKING:
    from pbx.pjsip.acl import AccessControl
    from pbx.pjsip.host import IncomingRequest, PjsipHost
    from pbx.sorcery import Sorcery

log = Logger()


class GlobalAccess:
    """Refuses (403) what an ``acl`` section does not let in. Without any section it sees no request."""

    def __init__(self, sorcery: Sorcery, access: AccessControl, host: PjsipHost) -> None:
        self._sorcery = sorcery
        self._access = access
        self._host = host
        self._sections: list[Acl] = []
        self._unhook: Callable[[], None] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Take up changed sections."""
        self._sections = self._sorcery.all(Acl)
        if not self._sections:
            self.stop()
        elif self._unhook is None:
            self._unhook = self._host.on_request(Priority.TRANSPORT, self.on_request)

    def stop(self) -> None:
        """Look at no request any more."""
        if self._unhook is not None:
            self._unhook()
            self._unhook = None

    def on_request(self, request: IncomingRequest) -> bool:
        """The host's hook: True when the request was refused."""
        for section in self._sections:
            if not self._access.permits_source(section, request) or not self._access.permits_contacts(section, request):
                log.warn(
                    "Incoming SIP message from {host}:{port} did not pass ACL test",
                    host=request.source[0],
                    port=request.source[1],
                )
                if request.method == "ACK":
                    request.taken()
                else:
                    request.respond(403, stateless=True)
                return True
        return False

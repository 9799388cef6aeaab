"""``type=acl``: access lists for every request, looked at before anything else (res_pjsip_acl)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.pjsip.objects import Acl

if TYPE_CHECKING:
    from pbx.pjsip.acl import AccessControl
    from pbx.pjsip.host import IncomingRequest
    from pbx.sorcery import Sorcery

log = Logger()


class GlobalAccess:
    """Refuses (403) what an ``acl`` section does not let in."""

    def __init__(self, sorcery: Sorcery, access: AccessControl) -> None:
        self._sorcery = sorcery
        self._access = access
        self._sections: list[Acl] = []
        self.refresh()

    def refresh(self) -> None:
        """Take up changed sections."""
        self._sections = self._sorcery.all(Acl)

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

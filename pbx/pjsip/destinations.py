"""Where a message or a transfer goes: the forms that MessageSend and REFER know, as an endpoint and a URI.

    endpoint  endpoint@domain  endpoint/aor  endpoint/uri  PJSIP/user@endpoint  uri  user@host  host

A URI or host without an endpoint uses ``default_outbound_endpoint`` (Asterisk: MessageDestinationInfo of res_pjsip).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pbx.errors import ObeliskError
from pbx.pjsip.objects import Contact, Endpoint
from pbx.pjsip.uri import SipUri

if TYPE_CHECKING:
    from pbx.pjsip.location import Location
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery


class NoDestination(ObeliskError):
    """A destination names no endpoint, or one that cannot be reached; the text says which."""


@dataclass(frozen=True, slots=True)
class Destination:
    """``uri`` is a URI or a name-addr; ``contact`` is there when it is one of the endpoint's own."""

    endpoint: Endpoint
    uri: str
    contact: Contact | None = None


class Destinations:
    """Finds destinations."""

    def __init__(self, sorcery: Sorcery, location: Location, settings: PjsipSettings) -> None:
        self._sorcery = sorcery
        self._location = location
        self._settings = settings

    def find(self, text: str) -> Destination:
        """Take ``text`` apart. Raises NoDestination."""
        has_scheme = "sip:" in text or "sips:" in text
        if "/" in text:
            return self._after_slash(text, has_scheme=has_scheme)
        if has_scheme:
            return Destination(self._default(text), text)
        name = text.partition("@")[0] if "@" in text else text
        if self._settings.global_.ignore_uri_user_options and "@" in text:
            name = name.partition(";")[0]
        endpoint = self._sorcery.get(Endpoint, name)
        if endpoint is None:
            return Destination(self._default(text), f"sip:{text}")
        return self._at_contact(endpoint, text)

    def _default(self, text: str) -> Endpoint:
        name = self._settings.global_.default_outbound_endpoint
        endpoint = self._sorcery.get(Endpoint, name)
        if endpoint is None:
            raise NoDestination(f"Could not find endpoint '{text}' and no default outbound endpoint configured")
        return endpoint

    def _endpoint(self, name: str, text: str) -> Endpoint:
        endpoint = self._sorcery.get(Endpoint, name)
        if endpoint is None:
            raise NoDestination(f"'{text}': there is no endpoint '{name}'")
        return endpoint

    def _at_contact(self, endpoint: Endpoint, text: str) -> Destination:
        contact = next(iter(self._location.contacts_of(endpoint)), None)
        if contact is None:
            raise NoDestination(f"'{text}': endpoint '{endpoint.id}' has no contact")
        return Destination(endpoint, contact.uri, contact)

    def _after_slash(self, text: str, *, has_scheme: bool) -> Destination:
        before, _, after = text.partition("/")
        if before == "PJSIP":
            user, at, name = after.partition("@")
            if not at or "/" in after:
                raise NoDestination(f"'{text}': a destination that begins with PJSIP/ has the form PJSIP/user@endpoint")
            endpoint = self._endpoint(name, text)
            found = self._at_contact(endpoint, text)
            return replace(found, uri=str(replace(SipUri.parse(found.uri), user=user)))
        endpoint = self._endpoint(before, text)
        if has_scheme:
            return Destination(endpoint, after)
        if self._location.aor(after) is None:
            return Destination(endpoint, f"sip:{after}")
        contact = next(iter(self._location.contacts(after)), None)
        if contact is None:
            raise NoDestination(f"'{text}': there is no contact for aor '{after}'")
        return Destination(endpoint, contact.uri, contact)

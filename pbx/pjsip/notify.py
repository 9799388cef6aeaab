"""NOTIFY out of a subscription (res_pjsip_notify): to an endpoint's contacts, to a URI, inside a call.

What a NOTIFY says is a list of (name, value): headers, ``Content-Type`` and lines of ``Content``. pjsip_notify.conf
names such lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cli.registry import Command, CommandError, UsageError
from pbx.config.errors import raise_if_any
from pbx.errors import ConfigError, ObeliskError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.destinations import NoDestination
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.out_of_dialog import OutOfDialogRequest
from pbx.pjsip.uri import NameAddr, SipSyntaxError

if TYPE_CHECKING:
    from pbx.config import ConfigLoader
    from pbx.core.channel import Channel
    from pbx.pjsip.host import Reply
    from pbx.pjsip.location import Location
    from pbx.pjsip.out_of_dialog import Requests
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.settings import PjsipSettings
    from pbx.sorcery import Sorcery

log = Logger()

CONFIG_FILE = "pjsip_notify.conf"
#: Headers that belong to the request itself.
RESERVED = frozenset(
    ("call-id", "contact", "cseq", "to", "from", "record-route", "route", "request-uri", "via", "content-length")
)
Fields = Sequence[tuple[str, str]]


class NotNotified(ObeliskError):
    """A NOTIFY could not be sent; the text says why."""


class UnknownPeer(NotNotified):
    """There is no such endpoint or channel."""


def read_options(config: ConfigLoader) -> dict[str, Fields] | None:
    """The lists of pjsip_notify.conf by their names in lower case; None without the file. Raises ConfigErrors."""
    loaded = config.load_optional(CONFIG_FILE)
    if loaded is None:
        return None
    found: dict[str, Fields] = {}
    errors: list[ConfigError] = []
    for section in loaded.sections:
        if section.name == "general":
            continue
        if not section.items:
            errors.append(section.error(f"[{section.name}] says nothing to notify"))
        found[section.name.lower()] = [(item.key, item.value) for item in section.items]
    raise_if_any(errors)
    return found


def compose(fields: Fields) -> tuple[list[tuple[str, str]], str | None, bytes | None]:
    """(headers, content type, body) of a NOTIFY; what it must not say is left out with a log line."""
    headers = [("Subscription-State", "terminated")]
    content_type: str | None = None
    lines: list[str] = []
    for name, value in fields:
        key = name.lower()
        if key in RESERVED:
            log.warn("Cannot specify {name} header, ignoring", name=name)
        elif key == "content-type":
            content_type = value
        elif key == "content":
            lines.append(value)
        elif key == "event" and any(other.lower() == "event" for other, _ in headers):
            log.error("Only one 'Event' header can be added to a NOTIFY, ignoring \"{value}\"", value=value)
        else:
            headers.append((name, value))
    if content_type is None:
        return headers, None, None
    return headers, content_type, "\r\n".join(lines).encode()


class Notifier:
    """Sends NOTIFYs, by the lists of pjsip_notify.conf or by fields given."""

    def __init__(
        self,
        requests: Requests,
        sorcery: Sorcery,
        location: Location,
        settings: PjsipSettings,
        sessions: Callable[[], Sessions | None],
    ) -> None:
        """``sessions`` gives the calls there are, None while none can be."""
        self._requests = requests
        self._sorcery = sorcery
        self._location = location
        self._settings = settings
        self._sessions = sessions
        self.options: dict[str, Fields] = {}

    def option(self, name: str) -> Fields:
        """A list of pjsip_notify.conf. Raises NotNotified."""
        found = self.options.get(name.lower())
        if found is None:
            raise NotNotified(f"Unable to find notify type '{name}'")
        return found

    def endpoint(self, name: str, fields: Fields) -> None:
        """To every contact of an endpoint. Raises UnknownPeer, NotNotified."""
        endpoint = self._sorcery.get(Endpoint, name)
        if endpoint is None:
            raise UnknownPeer(f"Unable to retrieve endpoint {name}")
        if not endpoint.aors:
            log.warn("Unable to NOTIFY - endpoint {name} has no configured AORs", name=name)
        for contact in self._location.contacts_of(endpoint):
            self._send(endpoint, contact.uri, fields, self._requests.route(contact))

    def uri(self, uri: str, fields: Fields) -> None:
        """To a URI or name-addr, by the default outbound endpoint. Raises NotNotified."""
        name = self._settings.global_.default_outbound_endpoint
        endpoint = self._sorcery.get(Endpoint, name)
        if endpoint is None:
            raise NoDestination("No default outbound endpoint set, can not send NOTIFY requests to arbitrary URIs.")
        try:
            target = str(NameAddr.parse(uri).uri)
        except SipSyntaxError as error:
            raise NotNotified(str(error)) from error
        self._send(endpoint, target, fields, ())

    def channel(self, channel: Channel | None, fields: Fields, name: str = "") -> None:
        """Inside the call of a channel. Raises UnknownPeer, NotNotified."""
        sessions = self._sessions()
        session = None if channel is None or sessions is None else sessions.of_channel(channel)
        if session is None or session.native is None:
            raise UnknownPeer(f"Unable to find channel {name or (channel.name if channel else '')}")
        headers, content_type, body = compose(fields)
        try:
            session.native.send_request("NOTIFY", headers=headers, content_type=content_type, body=body)
        except SessionOver as error:
            raise UnknownPeer(f"Unable to find channel {name}: {error}") from error
        except (ObeliskError, ValueError) as error:
            raise NotNotified(str(error)) from error

    def _send(self, endpoint: Endpoint, uri: str, fields: Fields, route: tuple[str, ...]) -> None:
        headers, content_type, body = compose(fields)

        def answered(reply: Reply) -> None:
            if reply.code >= 300:
                log.info("NOTIFY to {uri} was answered {code} {reason}", uri=uri, code=reply.code, reason=reply.reason)

        request = OutOfDialogRequest(
            "NOTIFY", uri, endpoint, headers=tuple(headers), body=body, content_type=content_type, route=route
        )
        try:
            self._requests.send(request, answered)
        except (ObeliskError, ValueError) as error:
            raise NotNotified(f"NOTIFY to {uri}: {error}") from error


def command(notifier: Notifier, channel: Callable[[str], Channel | None]) -> Command:
    """``pjsip send notify``; ``channel`` finds one by its name."""

    def send(words: Sequence[str]) -> str:
        if len(words) < 3:
            raise UsageError("a type, endpoint, uri or channel, and at least one peer are wanted")
        kind, way, *peers = words
        if way.lower() not in ("endpoint", "uri", "channel"):
            raise UsageError(f"'{way}' is none of endpoint, uri and channel")
        try:
            fields = notifier.option(kind)
        except NotNotified as error:
            raise CommandError(str(error)) from error
        lines: list[str] = []
        for peer in peers:
            lines.append(f"Sending NOTIFY of type '{kind}' to '{peer}'")
            try:
                match way.lower():
                    case "endpoint":
                        notifier.endpoint(peer, fields)
                    case "uri":
                        notifier.uri(peer, fields)
                    case _:
                        notifier.channel(channel(peer), fields, peer)
            except ObeliskError as error:
                lines.append(str(error))
        return "\n".join(lines) + "\n"

    def complete(words: Sequence[str]) -> Sequence[str]:
        return sorted(notifier.options) if len(words) <= 1 else ("endpoint", "uri", "channel")

    return Command(
        "pjsip send notify",
        "pjsip send notify <type> {endpoint|uri|channel} <peer> [<peer>...]",
        "Send a NOTIFY request to a SIP endpoint; the types stand in pjsip_notify.conf",
        send,
        complete,
    )

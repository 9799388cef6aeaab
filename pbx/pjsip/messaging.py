"""res_pjsip_messaging: MESSAGE outside dialogs (RFC 3428), in and out, and the text it carries inside a call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.frames import TextFrame
from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages
from pbx.errors import ObeliskError
from pbx.pjsip.destinations import Destinations, NoDestination
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.events import MessageAddressed
from pbx.pjsip.location import Location
from pbx.pjsip.out_of_dialog import OutOfDialogRequest, Requests
from pbx.pjsip.session.services import Sessions
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.sip_module import SipModule
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.pjsip.host import IncomingRequest, Reply
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.session.services import Answer
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

#: Headers that a dialplan cannot set: they are the request's own.
_OWN_HEADERS = frozenset(
    (
        "to", "from", "via", "route", "contact", "call-id", "cseq", "allow", "content-length", "content-type",
        "request-uri",
    )
)  # fmt: skip
TEXT = "text/plain"


class ResPjsipMessaging(SipModule):
    """Without it MESSAGE is answered 405, and nobody sends one."""

    name = "res_pjsip_messaging"
    description = "PJSIP Messaging Support"
    requires = ("res_pjsip", "res_pjsip_session")

    def offer(self) -> None:
        server = self.server
        texts = server.require(TextMessages)
        settings = server.require(PjsipSettings)
        messaging = Messaging(
            texts,
            server.require(Requests),
            Destinations(server.sorcery, server.require(Location), settings),
            settings,
            server.bus,
        )
        self.withdrawals.append(server.require(Distributor).register_method("MESSAGE", messaging.on_message))
        self.withdrawals.append(texts.register_technology(messaging))
        self.withdrawals.append(server.require(Sessions).register_method("MESSAGE", text_in_call))


class Messaging:
    """MESSAGE as a technology of the messaging core."""

    message_scheme = "pjsip"

    def __init__(
        self,
        texts: TextMessages,
        requests: Requests,
        destinations: Destinations,
        settings: PjsipSettings,
        bus: Bus,
    ) -> None:
        self._texts = texts
        self._requests = requests
        self._destinations = destinations
        self._settings = settings
        self._bus = bus

    # In

    def on_message(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        """Handle an authorised MESSAGE outside any dialog."""
        if request.content_type != TEXT:
            request.respond(415, headers=[("Accept", TEXT)])
            return
        try:
            message = self._message(request, endpoint)
        except SipSyntaxError as error:
            log.info("{call_id}: MESSAGE refused: {error}", call_id=request.call_id, error=str(error))
            request.respond(416)
            return
        if not self._texts.has_destination(message):
            request.respond(404)
            return
        request.respond(202)
        self._texts.receive(message)

    def _message(self, request: IncomingRequest, endpoint: Endpoint) -> TextMessage:
        uri, sender = request.uri, request.from_.uri
        if not uri.is_sip and uri.scheme != "tel":
            raise SipSyntaxError(f"scheme {uri.scheme} is not for messages")
        exten = uri.user
        if self._settings.global_.ignore_uri_user_options:
            exten = exten.partition(";")[0]
        message = TextMessage(
            to=_with_scheme(request.to),
            sender=str(NameAddr(SipUri(sender.scheme, sender.user, sender.host), _printable(request.from_.display))),
            body=request.body.decode("utf-8", "replace").rstrip("\r\n"),
            context=endpoint.message_context or endpoint.context,
            exten=exten,
            technology="PJSIP",
            endpoint=endpoint.id,
        )
        host, port = request.source
        message.set_data("PJSIP_RECVADDR", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        message.set_data("PJSIP_TRANSPORT", request.transport.protocol)
        if endpoint.callerid.name_valid:
            message.set_data("PJSIP_ENDPOINT", endpoint.callerid.name)
        try:
            for name, value in request.headers:
                message.set_data(name, value)
        except ObeliskError as error:
            log.info("{call_id}: {error}", call_id=request.call_id, error=str(error))
        return message

    # Out

    def send_message(self, message: TextMessage, destination: str, sender: str) -> None:
        """Send to ``destination`` in any of the forms of `Destinations`. Raises MessageNotSent."""
        said = MessageAddressed(destination, sender, message.to, message.sender)
        try:
            found = self._destinations.find(destination)
            # In a URI alone what follows a semicolon is the URI's: ;transport=tcp says how to get there.
            target = NameAddr.parse(found.uri) if "<" in found.uri else NameAddr(SipUri.parse(found.uri))
            to_uri, from_uri = _to(message.to, target), self._from(found.endpoint, sender or message.sender)
            request = OutOfDialogRequest(
                "MESSAGE",
                str(target.uri),
                found.endpoint,
                from_uri=from_uri,
                to_uri=to_uri,
                headers=tuple(_headers(message)),
                body=message.body.encode(),
                content_type=message.data("Content-Type") or TEXT,
                route=() if found.contact is None else self._requests.route(found.contact),
            )

            def answered(reply: Reply) -> None:
                if reply.code >= 300:
                    log.info("MESSAGE to {uri} was answered {code} {reason}", uri=request.uri, code=reply.code,
                             reason=reply.reason)  # fmt: skip

            self._requests.send(request, answered)
            self._bus.publish(
                replace(
                    said,
                    endpoint=found.endpoint.id,
                    request_uri=found.uri,
                    to_uri=str(NameAddr.parse(to_uri).uri),
                    from_uri=str(NameAddr.parse(from_uri).uri),
                )
            )
        except MessageNotSent:
            raise
        except NoDestination as error:
            self._bus.publish(said)
            raise MessageNotSent(f"PJSIP MESSAGE - {error}") from error
        except (ObeliskError, ValueError) as error:
            raise MessageNotSent(f"PJSIP MESSAGE - {error}") from error

    def _from(self, endpoint: Endpoint, sender: str) -> str:
        """Our usual From with user, host and display name of ``sender``: a URI, a name-addr, or user[@domain]."""
        usual = NameAddr.parse(self._requests.from_uri(endpoint)).uri
        if not sender:
            return f"<{usual}>"
        try:
            given = NameAddr.parse(sender)
        except SipSyntaxError:
            given = None
        if given is None:
            user, at, domain = sender.partition("@")
            return str(NameAddr(SipUri("sip", user, domain if at else usual.host)))
        if not given.uri.is_sip:
            raise MessageNotSent(f"From address '{sender}' is not a valid SIP/SIPS URI")
        return str(NameAddr(SipUri("sip", given.uri.user, given.uri.host, given.uri.port), given.display))


def text_in_call(session: PjsipSession, request: SipMessage) -> Answer:
    """A MESSAGE inside a call: its text goes to whom the channel talks to."""
    content_type = request.content_type
    kind = content_type.partition("/")[0]
    if not request.body or kind not in ("text", "application"):
        return 415, ()
    text = request.body.decode("utf-8", "replace")
    session.later(session.channel.queue_frame, TextFrame(text, "" if content_type == TEXT else content_type))
    return 202, ()


def _with_scheme(address: NameAddr) -> str:
    """``pjsip:user@host`` of a bare sip URI, ``pjsip:`` and the whole where there is a display name."""
    text = str(address.uri)
    if address.display:
        return f"pjsip:{NameAddr(address.uri, address.display)}"
    return f"pj{text}" if text.startswith("sip") else f"pjsip:{text}"


def _printable(display: str) -> str:
    return "".join(max(character, " ") for character in display)


def _to(to: str, target: NameAddr) -> str:
    """To: what the message says where that is a SIP URI, else the target."""
    text = to.removeprefix("pjsip:")
    if text.startswith(("sip:", "sips:")):
        try:
            return str(NameAddr(NameAddr.parse(text).uri))
        except SipSyntaxError:
            log.warn("To address '{to}' is not a valid SIP/SIPS URI", to=text)
    return str(NameAddr(target.uri, target.display if not to else ""))


def _headers(message: TextMessage) -> list[tuple[str, str]]:
    """The message's own headers. Raises MessageNotSent when it has gone in circles."""
    found: list[tuple[str, str]] = []
    for name, value in message.outbound():
        key = name.lower()
        if key == "max-forwards":
            left = int(value) - 1 if value.strip().isdecimal() else 0
            if left <= 0:
                raise MessageNotSent("MESSAGE(Max-Forwards) reached zero. MESSAGE not sent.")
            found.append((name, str(left)))
        elif key not in _OWN_HEADERS:
            found.append((name, value))
    return found

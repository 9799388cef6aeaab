"""Events of the exchange itself: boot, reload, shutdown, endpoints, contacts, security."""

from __future__ import annotations

from collections.abc import Callable

from ami.classes import CALL, REPORTING, SECURITY, SYSTEM
from ami.encoding import headers_text
from ami.events.encoders import Encoder, EncoderTable
from ami.events.event import Event, EventMaker
from pbx.core import messages
from pbx.pjsip.events import ContactStatus, EndpointStateChanged
from pbx.pjsip.maintenance import MaintenanceChanged
from pbx.pjsip.outbound_registration import RegistryChanged
from pbx.security_events import SECURITY_EVENTS, SecurityEvent

TABLE = EncoderTable()
encodes = TABLE.encodes


def fully_booted_text(uptime: float, last_reload: float) -> str:
    """The fields of FullyBooted; both in seconds, ``LastReload`` counted from the last reload."""
    return f"Uptime: {int(uptime)}\r\nLastReload: {int(last_reload)}\r\nStatus: Fully Booted\r\n"


@encodes(messages.FullyBooted, SYSTEM, events=("FullyBooted",))
def fully_booted(make: EventMaker, message: messages.FullyBooted) -> Event | None:
    return make.event("FullyBooted", SYSTEM, fully_booted_text(message.uptime, message.uptime))


@encodes(messages.Reloaded, SYSTEM, events=("Reload",))
def reloaded(make: EventMaker, message: messages.Reloaded) -> Event | None:
    body = headers_text((("Module", message.module), ("Status", str(message.status))))
    return make.event("Reload", SYSTEM, body)


@encodes(messages.ShuttingDown, SYSTEM, events=("Shutdown",))
def shutting_down(make: EventMaker, message: messages.ShuttingDown) -> Event | None:
    body = f"Shutdown: Cleanly\r\nRestart: {message.restart}\r\n"
    return make.event("Shutdown", SYSTEM, body)


@encodes(messages.TestEvent, REPORTING, events=("TestEvent",))
def test_event(make: EventMaker, message: messages.TestEvent) -> Event | None:
    # Asterisk names the place in its source that tells; there is none such here.
    headers = (
        ("Type", "StateChange"),
        ("State", message.state),
        ("AppFile", ""),
        ("AppFunction", ""),
        ("AppLine", "0"),
    )
    return make.event("TestEvent", REPORTING, headers_text((*headers, *message.fields)))


@encodes(messages.MailboxChanged, CALL, events=("MessageWaiting",))
def message_waiting(make: EventMaker, message: messages.MailboxChanged) -> Event | None:
    waiting = "1" if message.new else "0"
    body = headers_text(
        (("Mailbox", message.mailbox), ("Waiting", waiting), ("New", str(message.new)), ("Old", str(message.old)))
    )
    return make.event("MessageWaiting", CALL, body)


@encodes(ContactStatus, SYSTEM, events=("ContactStatus",))
def contact_status(make: EventMaker, message: ContactStatus) -> Event | None:
    headers = [
        ("URI", message.uri),
        ("ContactStatus", message.state.value),
        ("AOR", message.aor),
        ("EndpointName", message.endpoint),
        ("RoundtripUsec", str(message.roundtrip_microseconds)),
    ]
    return make.event("ContactStatus", SYSTEM, headers_text(headers))


@encodes(MaintenanceChanged, SYSTEM, events=("PJSIPMaintenanceStatus",))
def maintenance_status(make: EventMaker, message: MaintenanceChanged) -> Event | None:
    status = "enabled" if message.enabled else "disabled"
    body = headers_text((("Endpoint", message.endpoint), ("Status", status)))
    return make.event("PJSIPMaintenanceStatus", SYSTEM, body)


@encodes(EndpointStateChanged, SYSTEM, events=("PeerStatus",))
def peer_status(make: EventMaker, message: EndpointStateChanged) -> Event | None:
    body = headers_text(
        (
            ("ChannelType", message.technology),
            ("Peer", f"{message.technology}/{message.endpoint}"),
            ("PeerStatus", "Reachable" if message.online else "Unreachable"),
        )
    )
    return make.event("PeerStatus", SYSTEM, body)


@encodes(RegistryChanged, SYSTEM, events=("Registry",))
def registry(make: EventMaker, message: RegistryChanged) -> Event | None:
    body = headers_text(
        (
            ("ChannelType", "PJSIP"),
            ("Username", message.client_uri),
            ("Domain", message.server_uri),
            ("Status", message.state.value),
        )
    )
    return make.event("Registry", SYSTEM, body)


def _security(name: str) -> Callable[[EventMaker, SecurityEvent], Event | None]:
    def encode(make: EventMaker, message: SecurityEvent) -> Event | None:
        return make.event(name, SECURITY, headers_text(message.fields()))

    return encode


TABLE.encoders += [Encoder(kind, (SECURITY,), (kind.name,), _security(kind.name)) for kind in SECURITY_EVENTS]

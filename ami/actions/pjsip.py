"""Actions on PJSIP's objects (res/res_pjsip): endpoints with all that hangs on them, AORs, auths, contacts.

An object's options are headers in CamelCase, as Asterisk's sorcery writes them. Secrets stay empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ami.context import Context
from ami.encoding import headers_text
from ami.replies import ActionError, AnyReply, Item, ListReply, Reply
from ami.table import action
from pbx.config.options import ConfigObject, schema_of
from pbx.pjsip.location import Location
from pbx.pjsip.objects import Aor, Auth, Contact, Endpoint, Identify, Transport
from pbx.pjsip.outbound_registration import RegistrationClient, RegistrationClients, RegistrationState
from pbx.pjsip.qualify import Qualifier

if TYPE_CHECKING:
    from pbx.server import Server


def camel_case(option: str) -> str:
    """``dtmf_mode`` as ``DtmfMode`` (ast_to_camel_case)."""
    return "".join(part[:1].upper() + part[1:] for part in option.split("_"))


def object_headers(each: ConfigObject) -> list[tuple[str, str]]:
    """``ObjectType``, ``ObjectName`` and every option."""
    schema = schema_of(type(each))
    headers = [("ObjectType", each.type_name), ("ObjectName", each.id)]
    for name, text in schema.fields(each):
        option = schema.options.get(name)
        headers.append((camel_case(name), "" if option is not None and option.secret else text))
    return headers


def _some(found: Iterable[Item], what: str, message: str, complete: str) -> AnyReply:
    items = list(found)
    if not items:
        raise ActionError(f"No {what} found")
    return ListReply(message, items, complete)


def _status(server: Server, contact: Contact) -> tuple[str, str]:
    """A contact's status word and round trip in microseconds."""
    status = server.require(Location).status(contact)
    seconds = status.roundtrip_seconds
    return status.state.value, "N/A" if seconds is None else str(round(seconds * 1e6))


def _contact_text(contact: Contact) -> str:
    """``uri`` of the AOR and its short status, as lists of contacts name it."""
    return f"{contact.aor}/{contact.uri}"


def _contacts(server: Server, endpoint: Endpoint) -> list[Contact]:
    location = server.require(Location)
    return [contact for name in endpoint.aors for contact in location.contacts(name)]


@action(
    "PJSIPShowEndpoints",
    "system",
    synopsis="Lists PJSIP endpoints.",
    module="res_pjsip",
    list_events=("EndpointList", "EndpointListComplete"),
)
def action_PJSIPShowEndpoints(ctx: Context) -> AnyReply:
    server = ctx.server

    def item(endpoint: Endpoint) -> Item:
        device = f"PJSIP/{endpoint.id}"
        headers = (
            ("ObjectType", "endpoint"),
            ("ObjectName", endpoint.id),
            ("Transport", endpoint.transport),
            ("Aor", ",".join(endpoint.aors)),
            ("Auths", ",".join(endpoint.auth)),
            ("OutboundAuths", ",".join(endpoint.outbound_auth)),
            ("Contacts", ",".join(f"{_contact_text(each)}," for each in _contacts(server, endpoint)).rstrip(",")),
            ("DeviceState", server.devices.state(device).text),
            ("ActiveChannels", str(len(list(server.channels.of_device(device))))),
        )
        return Item("EndpointList", headers_text(headers))

    return _some(
        map(item, server.sorcery.all(Endpoint)),
        "endpoints",
        "A listing of Endpoints follows, presented as EndpointList events",
        "EndpointListComplete",
    )


@action(
    "PJSIPShowEndpoint",
    "system",
    synopsis="Detail listing of an endpoint and its objects.",
    required={"Endpoint": "PJSIPShowEndpoint requires an endpoint name"},
    module="res_pjsip",
    list_events=(
        "EndpointDetail",
        "AorDetail",
        "AuthDetail",
        "TransportDetail",
        "IdentifyDetail",
        "ContactStatusDetail",
        "EndpointDetailComplete",
    ),
)
def action_PJSIPShowEndpoint(ctx: Context) -> AnyReply:
    server = ctx.server
    name = ctx.get("Endpoint")
    if name[:6].lower() == "pjsip/":
        name = name[6:]
    endpoint = server.sorcery.get(Endpoint, name)
    if endpoint is None:
        raise ActionError(f"Unable to retrieve endpoint {name}")
    device = f"PJSIP/{endpoint.id}"
    state = [
        ("DeviceState", server.devices.state(device).text),
        ("ActiveChannels", str(len(list(server.channels.of_device(device))))),
    ]
    items = [Item("EndpointDetail", headers_text([*object_headers(endpoint), *state]))]
    owner = ("EndpointName", endpoint.id)
    for aor_name in endpoint.aors:
        aor = server.sorcery.get(Aor, aor_name)
        if aor is not None:
            items.append(Item("AorDetail", headers_text([*_aor_headers(server, aor), owner])))
    for auth_name in (*endpoint.auth, *endpoint.outbound_auth):
        auth = server.sorcery.get(Auth, auth_name)
        if auth is not None:
            items.append(Item("AuthDetail", headers_text([*object_headers(auth), owner])))
    transport = server.sorcery.get(Transport, endpoint.transport) if endpoint.transport else None
    if transport is not None:
        items.append(Item("TransportDetail", headers_text([*object_headers(transport), owner])))
    if Identify in server.sorcery.types():
        items += [
            Item("IdentifyDetail", headers_text([*object_headers(each), owner]))
            for each in server.sorcery.find(Identify, lambda each: each.endpoint == endpoint.id)
        ]
    items += [_contact_status(server, each, endpoint) for each in _contacts(server, endpoint)]
    return ListReply(
        "Following are Events for each object associated with the Endpoint", items, "EndpointDetailComplete"
    )


def _contact_status(server: Server, contact: Contact, endpoint: Endpoint) -> Item:
    word, round_trip = _status(server, contact)
    headers = (
        ("AOR", contact.aor),
        ("URI", contact.uri),
        ("UserAgent", contact.user_agent),
        ("RegExpire", str(int(contact.expiration_time))),
        ("ViaAddress", f"{contact.via_addr}:{contact.via_port}" if contact.via_addr else ""),
        ("CallID", contact.call_id),
        ("Status", word),
        ("RoundtripUsec", round_trip),
        ("EndpointName", endpoint.id),
        ("ID", contact.id),
        ("AuthenticateQualify", "0"),
        ("OutboundProxy", ""),
        ("Path", contact.path),
        ("QualifyFrequency", str(contact.qualify_frequency)),
        ("QualifyTimeout", f"{contact.qualify_timeout:.3f}"),
    )
    return Item("ContactStatusDetail", headers_text(headers))


def _aor_headers(server: Server, aor: Aor) -> list[tuple[str, str]]:
    contacts = server.require(Location).contacts(aor.id)
    registered = [each for each in contacts if each.expiration_time]
    text = ",".join(map(_contact_text, contacts))
    return [
        *(("Contacts", text) if name == "Contact" else (name, given) for name, given in object_headers(aor)),
        ("TotalContacts", str(len(contacts))),
        ("ContactsRegistered", str(len(registered))),
    ]


@action(
    "PJSIPShowAors",
    "system",
    synopsis="Lists PJSIP AORs.",
    module="res_pjsip",
    list_events=("AorList", "AorListComplete"),
)
def action_PJSIPShowAors(ctx: Context) -> AnyReply:
    server = ctx.server

    def item(aor: Aor) -> Item:
        contacts = ",".join(_contact_text(each) for each in server.require(Location).contacts(aor.id))
        headers = [(name, contacts) if name == "Contact" else (name, text) for name, text in object_headers(aor)]
        return Item(
            "AorList", headers_text([("Contacts" if name == "Contact" else name, text) for name, text in headers])
        )

    return _some(
        map(item, server.sorcery.all(Aor)),
        "Aors",
        "A listing of Aors follows, presented as AorList events",
        "AorListComplete",
    )


@action(
    "PJSIPShowAuths",
    "system",
    synopsis="Lists PJSIP Auths.",
    module="res_pjsip",
    list_events=("AuthList", "AuthListComplete"),
)
def action_PJSIPShowAuths(ctx: Context) -> AnyReply:
    return _some(
        (Item("AuthList", headers_text(object_headers(each))) for each in ctx.server.sorcery.all(Auth)),
        "Auths",
        "A listing of Auths follows, presented as AuthList events",
        "AuthListComplete",
    )


@action(
    "PJSIPShowContacts",
    "system",
    synopsis="Lists PJSIP Contacts.",
    module="res_pjsip",
    list_events=("ContactList", "ContactListComplete"),
)
def action_PJSIPShowContacts(ctx: Context) -> AnyReply:
    server = ctx.server
    location = server.require(Location)

    def item(contact: Contact) -> Item:
        word, round_trip = _status(server, contact)
        return Item(
            "ContactList", headers_text([*object_headers(contact), ("Status", word), ("RoundtripUsec", round_trip)])
        )

    contacts = [contact for aor in server.sorcery.all(Aor) for contact in location.contacts(aor.id)]
    return _some(
        map(item, contacts),
        "Contacts",
        "A listing of Contacts follows, presented as ContactList events",
        "ContactListComplete",
    )


@action(
    "PJSIPShowRegistrationsInbound",
    "system",
    synopsis="Lists PJSIP inbound registrations.",
    module="res_pjsip_registrar",
    list_events=("InboundRegistrationDetail", "InboundRegistrationDetailComplete"),
)
def action_PJSIPShowRegistrationsInbound(ctx: Context) -> ListReply:
    server = ctx.server
    items = [
        Item("InboundRegistrationDetail", headers_text(_aor_headers(server, each))) for each in server.sorcery.all(Aor)
    ]
    return ListReply("Following are Events for each Inbound registration", items, "InboundRegistrationDetailComplete")


@action(
    "PJSIPShowRegistrationInboundContactStatuses",
    "system",
    synopsis="Lists ContactStatuses for PJSIP inbound registrations.",
    module="res_pjsip_registrar",
    list_events=("ContactStatusDetail", "ContactStatusDetailComplete"),
)
def action_PJSIPShowRegistrationInboundContactStatuses(ctx: Context) -> ListReply:
    server = ctx.server
    items = [
        _contact_status(server, contact, endpoint)
        for endpoint in server.sorcery.all(Endpoint)
        for contact in _contacts(server, endpoint)
        if contact.expiration_time
    ]
    return ListReply(
        "Following are ContactStatusEvents for each Inbound registration", items, "ContactStatusDetailComplete"
    )


@action(
    "PJSIPQualify",
    "system,reporting",
    synopsis="Qualify a chan_pjsip endpoint.",
    required={"Endpoint": "Endpoint parameter missing."},
    module="res_pjsip",
)
def action_PJSIPQualify(ctx: Context) -> Reply:
    endpoint = ctx.server.sorcery.get(Endpoint, ctx.get("Endpoint"))
    if endpoint is None:
        raise ActionError("Unable to retrieve endpoint")
    if not endpoint.aors:
        raise ActionError("No AoRs configured for endpoint")
    for contact in _contacts(ctx.server, endpoint):
        ctx.server.require(Qualifier).ask(contact)
    return Reply("Endpoint found, will qualify")


def _clients(ctx: Context) -> list[RegistrationClient]:
    """The registrations that the parameter names, ``*all`` for each. Raises ActionError."""
    clients = ctx.server.require(RegistrationClients)
    name = ctx.get("Registration")
    if name == "*all":
        return list(clients)
    client = clients.find(name)
    if client is None:
        raise ActionError("Unable to retrieve registration entry")
    return [client]


_REGISTRATION_MISSING = {"Registration": "Registration parameter missing."}


@action(
    "PJSIPRegister",
    "system,reporting",
    synopsis="Register an outbound registration.",
    required=_REGISTRATION_MISSING,
    module="res_pjsip_outbound_registration",
)
def action_PJSIPRegister(ctx: Context) -> Reply:
    for client in _clients(ctx):
        client.register()
    return Reply("Reregistrations queued." if ctx.get("Registration") == "*all" else "Reregistration sent")


@action(
    "PJSIPUnregister",
    "system,reporting",
    synopsis="Unregister an outbound registration.",
    required=_REGISTRATION_MISSING,
    module="res_pjsip_outbound_registration",
)
def action_PJSIPUnregister(ctx: Context) -> Reply:
    for client in _clients(ctx):
        client.unregister()
    return Reply("Unregistrations queued." if ctx.get("Registration") == "*all" else "Unregistration sent")


@action(
    "PJSIPShowRegistrationsOutbound",
    "system,reporting",
    synopsis="Lists PJSIP outbound registrations.",
    module="res_pjsip_outbound_registration",
    list_events=("OutboundRegistrationDetail", "AuthDetail", "OutboundRegistrationDetailComplete"),
)
def action_PJSIPShowRegistrationsOutbound(ctx: Context) -> ListReply:
    items: list[Item] = []
    registered = total = 0
    for client in ctx.server.require(RegistrationClients):
        total += 1
        registered += client.state is RegistrationState.REGISTERED
        state = [("Status", client.state.value), ("NextReg", str(client.next_in_seconds))]
        items.append(Item("OutboundRegistrationDetail", headers_text([*object_headers(client.registration), *state])))
        for name in client.registration.outbound_auth:
            auth = ctx.server.sorcery.get(Auth, name)
            if auth is not None:
                items.append(Item("AuthDetail", headers_text(object_headers(auth))))
    return ListReply(
        "Following are Events for each Outbound registration",
        items,
        "OutboundRegistrationDetailComplete",
        (("Registered", str(registered)), ("NotRegistered", str(total - registered))),
    )

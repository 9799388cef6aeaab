"""func_pjsip_endpoint, func_pjsip_aor, func_pjsip_contact, func_sorcery; PJSIP_DIAL_CONTACTS and PJSIP_PARSE_URI."""

from __future__ import annotations

from collections.abc import Callable

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, Reading, scan_int, then
from dialplan.registry import SYSTEM, DialplanModule, FunctionError, function
from pbx.config.options import ConfigObject
from pbx.core.channel import Channel
from pbx.pjsip.events import ContactState
from pbx.pjsip.location import Location
from pbx.pjsip.objects import Aor, Contact, Endpoint
from pbx.pjsip.session.outgoing import dial_contacts
from pbx.pjsip.session.services import Sessions
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri


def _named(args: Arguments, name: str, what: str) -> tuple[str, str]:
    """The object and the field that a call names. Raises ArgumentError."""
    if not args["name"]:
        raise ArgumentError(f"Cannot call {name} without {what} name to query")
    if not args["field"]:
        raise ArgumentError(f"Cannot call {name} with an empty field name to query")
    return args["name"], args["field"]


class _ObjectFunctions(DialplanModule):
    """A module that reads fields of stored objects."""

    def field(self, built: ConfigObject, field: str, what: str) -> str:
        """A field of an object as pjsip.conf writes it. Raises FunctionError for one that does not exist."""
        values = [value for name, value in self.server.sorcery.fields(built) if name == field]
        if not values:
            raise FunctionError(f"Unknown property '{field}' for PJSIP {what}")
        return ",".join(values)


class EndpointFunctionModule(_ObjectFunctions):
    """PJSIP_ENDPOINT."""

    name = "func_pjsip_endpoint"
    description = "Get information about a PJSIP endpoint"
    requires = ("res_pjsip",)

    @function(
        "PJSIP_ENDPOINT",
        "name,field",
        synopsis="Get information about a PJSIP endpoint.",
        description="The field is an option of the endpoint in pjsip.conf.",
    )
    async def func_pjsip_endpoint(self, channel: Channel | None, args: Arguments) -> str:
        name, field = _named(args, "PJSIP_ENDPOINT", "an endpoint")
        found = await self.server.sorcery.fetch(Endpoint, name)
        if found is None:
            raise FunctionError(f"Failed to retrieve information for endpoint '{name}'")
        return self.field(found, field, "endpoint")


class AorFunctionModule(_ObjectFunctions):
    """PJSIP_AOR."""

    name = "func_pjsip_aor"
    description = "Get information about a PJSIP AOR"
    requires = ("res_pjsip",)

    @function(
        "PJSIP_AOR",
        "name,field",
        synopsis="Get information about a PJSIP AOR.",
        description=(
            "The field is an option of the address of record in pjsip.conf; 'contact' gives the ids of its contacts, "
            "permanent ones and registered ones, for PJSIP_CONTACT."
        ),
        see_also=("PJSIP_CONTACT",),
    )
    async def func_pjsip_aor(self, channel: Channel | None, args: Arguments) -> str:
        name, field = _named(args, "PJSIP_AOR", "an AOR")
        found = await self.server.sorcery.fetch(Aor, name)
        if found is None:
            raise FunctionError(f"Failed to retrieve information for AOR '{name}'")
        if field == "contact":
            return ",".join(contact.id for contact in self.server.require(Location).contacts(name))
        return self.field(found, field, "AOR")


class ContactFunctionModule(_ObjectFunctions):
    """PJSIP_CONTACT."""

    name = "func_pjsip_contact"
    description = "Get information about a PJSIP contact"
    requires = ("res_pjsip",)

    @function(
        "PJSIP_CONTACT",
        "name,field",
        synopsis="Get information about a PJSIP contact.",
        description=(
            "The name is one that PJSIP_AOR gives. Fields: status, rtt (the last round trip in microseconds, or N/A), "
            "and what a contact stores: uri, expiration_time, path, user_agent, via_addr and others."
        ),
        see_also=("PJSIP_AOR",),
    )
    def func_pjsip_contact(self, channel: Channel | None, args: Arguments) -> str:
        name, field = _named(args, "PJSIP_CONTACT", "a contact")
        location = self.server.require(Location)
        contact: Contact | None = location.find(name)
        if contact is None and "@@" in name:
            # A permanent contact is known once its address of record was looked at.
            location.contacts(name.partition("@@")[0])
            contact = location.find(name)
        if contact is None:
            raise FunctionError(f"Failed to retrieve information for contact '{name}'")
        status = location.status(contact)
        if field == "status":
            return status.state.value
        if field == "rtt":
            seconds = status.roundtrip_seconds
            reachable = status.state is ContactState.REACHABLE
            return "N/A" if seconds is None or not reachable else str(round(seconds * 1e6))
        return self.field(contact, field, "contact")


#: The parts of a URI that PJSIP_PARSE_URI gives.
_PARTS: dict[str, Callable[[NameAddr], str]] = {
    "display": lambda address: address.display,
    "scheme": lambda address: address.uri.scheme,
    "user": lambda address: address.uri.user,
    "passwd": lambda address: address.uri.password or "",
    "host": lambda address: address.uri.host,
    "port": lambda address: str(address.uri.port),
    "user_param": lambda address: address.uri.param("user") or "",
    "method_param": lambda address: address.uri.param("method") or "",
    "transport_param": lambda address: address.uri.param("transport") or "",
    "ttl_param": lambda address: str(scan_int(address.uri.param("ttl") or "-1")),
    "lr_param": lambda address: str(int("lr" in address.uri.params)),
    "maddr_param": lambda address: address.uri.param("maddr") or "",
}


def uri_part(text: str, part: str) -> str:
    """A part of a URI or of a name with one. Raises FunctionError."""
    try:
        address = NameAddr.parse(text) if "<" in text else NameAddr(SipUri.parse(text))
    except SipSyntaxError:
        raise FunctionError(f"Failed to parse URI '{text}'") from None
    if not address.uri.is_sip:
        raise FunctionError(f"Failed to parse URI '{text}'")
    read = _PARTS.get(part)
    if read is None:
        raise FunctionError(f"Unknown type part '{part}' specified")
    return read(address)


class ChannelDriverFunctions(FunctionModule):
    """What chan_pjsip adds to the dialplan without a call of its own."""

    name = "chan_pjsip_functions"
    description = "PJSIP Channel Driver dialplan functions"
    requires = ("res_pjsip_session",)

    @function(
        "PJSIP_DIAL_CONTACTS",
        "endpoint[,aor[,request_user]]",
        synopsis="Return a dial string for dialing all contacts on an AOR.",
        description="All addresses of record of the endpoint, unless some are named, divided by commas.",
    )
    def func_pjsip_dial_contacts(self, channel: Channel | None, args: Arguments) -> str:
        return dial_contacts(self.server.require(Sessions), args["endpoint"], args["aor"], args["request_user"])

    @function(
        "PJSIP_PARSE_URI",
        "uri,type",
        synopsis="Parse an uri and return a type part of the URI.",
        description=f"Types: {', '.join(_PARTS)}.",
        see_also=("PJSIP_PARSE_URI_FROM",),
    )
    def func_pjsip_parse_uri(self, channel: Channel | None, args: Arguments) -> str:
        return self._part("PJSIP_PARSE_URI", args["uri"], args["type"])

    @function(
        "PJSIP_PARSE_URI_FROM",
        "uri,type",
        synopsis="Parse the contents of a variable as a URI and return a type part of the URI.",
        description="The first argument names a variable; the types are those of PJSIP_PARSE_URI.",
        see_also=("PJSIP_PARSE_URI",),
    )
    def func_pjsip_parse_uri_from(self, channel: Channel | None, args: Arguments) -> Reading:
        if not args["uri"]:
            raise ArgumentError("the name of a variable containing a URI must be specified for PJSIP_PARSE_URI_FROM")
        name = args["uri"]
        if channel is not None and channel.get_variable(name) is None and "(" not in name:
            # As in Asterisk what is no variable is taken for the URI itself.
            return self._part("PJSIP_PARSE_URI_FROM", name, args["type"])
        value = self.value_of(channel, name)
        return then(value, lambda uri: self._part("PJSIP_PARSE_URI_FROM", uri, args["type"]))

    @staticmethod
    def _part(name: str, uri: str, part: str) -> str:
        if not uri:
            raise ArgumentError(f"a URI must be specified when using the '{name}' dialplan function")
        if not part:
            raise ArgumentError(f"a type part of the URI must be specified when using the '{name}' dialplan function")
        return uri_part(uri, part)


#: Options that Asterisk gives one by one where there are several.
_SEVERAL = frozenset(("contact", "match"))


class SorceryFunctionModule(DialplanModule):
    """AST_SORCERY."""

    name = "func_sorcery"
    description = "Get a field from a sorcery object"

    @function(
        "AST_SORCERY",
        "module_name,object_type,object_id,field_name[,retrieval_method[,retrieval_details]]",
        synopsis="Get a field from a sorcery object.",
        description=(
            "Of a field that is there several times, concat joins all by the separator given as details (a comma "
            "without one), single gives the one of that number, the first without one."
        ),
        capability=SYSTEM,
    )
    async def func_sorcery(self, channel: Channel | None, args: Arguments) -> str:
        for name in ("module_name", "object_type", "object_id", "field_name"):
            if not args[name]:
                raise ArgumentError(f"Cannot call AST_SORCERY without {name.replace('_', ' ')}")
        sorcery = self.server.sorcery
        kind = sorcery.class_of(args["object_type"])
        if kind is None or sorcery.module_of(kind) != args["module_name"].removesuffix(".so"):
            raise FunctionError(f"Failed to retrieve sorcery instance for module {args['module_name']}")
        found = await sorcery.fetch(kind, args["object_id"])
        if found is None:
            raise FunctionError(f"Object type '{args['object_type']}' with id '{args['object_id']}' was not found")
        field = args["field_name"]
        values = [value for name, value in sorcery.fields(found) if name == field]
        if field in _SEVERAL:
            values = [part for value in values for part in value.split(",") if part]
        if not values:
            raise FunctionError(f"Field '{field}' of object type '{args['object_type']}' was not found")
        method, details = args["retrieval_method"] or "concat", args["retrieval_details"]
        if method == "concat":
            return (details or ",").join(values)
        if method != "single":
            raise ArgumentError(f"Retrieval method '{method}' is not 'concat' or 'single'")
        number = scan_int(details) if details else 1
        if number is None or number < 1:
            raise ArgumentError(f"the number of an occurrence is positive, not '{details}'")
        if number > len(values):
            raise FunctionError(f"Field '{field}' is there {len(values)} times")
        return values[number - 1]

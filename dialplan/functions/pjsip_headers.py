"""res_pjsip_header_funcs: PJSIP_RESPONSE_HEADER(S) and PJSIP_HEADER_PARAM, beside the headers of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, FunctionError, NothingThere, function
from pbx.core.channel import Channel
from pbx.pjsip.headers import header_store
from pbx.pjsip.message import SipMessage
from pbx.pjsip.uri import NameAddr, SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip.headers import HeaderStore


def header_arguments(args: Arguments, *actions: str) -> tuple[str, str, int]:
    """Action, name and number (1 where none is given, or none that counts). Raises ArgumentError."""
    action, name = args["action"].strip().lower(), args["name"].strip()
    if not action:
        raise ArgumentError("this function requires an action")
    if not name:
        raise ArgumentError("this function requires a header name")
    if action not in actions:
        raise ArgumentError(f"unknown action '{args['action']}' is not valid, must be {' or '.join(actions)}")
    return action, name, max(1, scan_int(args["number"]) or 1)


#: Parameters that PJSIP keeps as parts of a URI or of From, where Asterisk does not look for others.
_PARTS_OF_URIS = frozenset(("user", "method", "transport", "ttl", "lr", "maddr"))
_PARTS_OF_FROM = frozenset(("tag",))


class ResponseHeaderFunctions(DialplanModule):
    """What the answer of a called party says, and the parameters of From."""

    @staticmethod
    def store_of(channel: Channel | None) -> HeaderStore:
        """The headers of a PJSIP channel. Raises FunctionError for every other."""
        found = None if channel is None else header_store(channel)
        if found is None:
            raise FunctionError("this function works on PJSIP channels only")
        return found

    @function(
        "PJSIP_RESPONSE_HEADER",
        "action,name[,number]",
        synopsis="Gets headers of 200 response from an outbound PJSIP channel.",
        description=(
            "The action is read. A name may end in * to go through all that begin so. Of use on the called channel, as "
            "in a subroutine of Dial's option U."
        ),
        see_also=("PJSIP_RESPONSE_HEADERS", "PJSIP_HEADER"),
    )
    def func_pjsip_response_header(self, channel: Channel | None, args: Arguments) -> str:
        store = self.store_of(channel)
        _, name, number = header_arguments(args, "read")
        value = store.read_answer(name, number)
        if value is None:
            raise NothingThere(f"the answer has no header '{name}' number {number}")
        return value

    @function(
        "PJSIP_RESPONSE_HEADERS",
        "prefix",
        synopsis="Gets the list of SIP header names from the 200 response of INVITE.",
        description="Those that begin with the prefix, divided by commas.",
        see_also=("PJSIP_RESPONSE_HEADER", "PJSIP_HEADERS"),
    )
    def func_pjsip_response_headers(self, channel: Channel | None, args: Arguments) -> str:
        store = self.store_of(channel)
        prefix = args.raw.strip()
        if not prefix:
            raise ArgumentError("PJSIP_RESPONSE_HEADERS requires a pattern")
        return ",".join(store.answer_names(prefix))

    @function(
        "PJSIP_HEADER_PARAM",
        "header_name,parameter_type,parameter_name",
        synopsis="Get or set header/URI parameters on a PJSIP channel.",
        description=(
            "The header is From; the type is header for its own parameters, uri for those of its URI. Reading gives "
            "what the far end sent; writing, before the call is made, adds to the INVITE."
        ),
        see_also=("PJSIP_HEADER",),
    )
    def func_pjsip_header_param(self, channel: Channel | None, args: Arguments) -> str:
        store, kind, name = self._parameter(channel, args)
        message: SipMessage | None = store.received or store.answer
        text = None if message is None else message.headers.get("From" if message.is_request else "To")
        try:
            address = None if text is None else NameAddr.parse(text)
        except SipSyntaxError as error:
            raise FunctionError(str(error)) from error
        params = {} if address is None else address.uri.params if kind == "uri" else address.params
        found = name.lower()
        if found not in params or found in (_PARTS_OF_URIS if kind == "uri" else _PARTS_OF_FROM):
            raise NothingThere(f"there is no {kind} parameter '{name}'")
        return params[found] or ""

    @func_pjsip_header_param.writer
    def set_pjsip_header_param(self, channel: Channel | None, args: Arguments, value: str) -> None:
        store, kind, name = self._parameter(channel, args)
        if store.received is not None or store.answer is not None:
            raise FunctionError("parameters are set before the call is made, on the channel that is called")
        store.add_from_param(name, value, uri=kind == "uri")

    def _parameter(self, channel: Channel | None, args: Arguments) -> tuple[HeaderStore, str, str]:
        store = self.store_of(channel)
        header, kind, name = args["header_name"], args["parameter_type"].strip().lower(), args["parameter_name"].strip()
        if kind not in ("header", "uri"):
            raise ArgumentError(f"Parameter type '{kind}' is invalid: must be 'header' or 'uri'")
        if not name:
            raise ArgumentError("PJSIP_HEADER_PARAM requires a parameter name")
        if header.strip().lower() != "from":
            raise ArgumentError("Only the From header is currently supported")
        return store, kind, name

"""One pjsip_module per priority, with a table of Python callbacks each.

PJSIP reads a module's callback pointers at every message, so a table that is empty costs a message nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native.incoming import IncomingRequest, IncomingResponse
from pbx.pjsip._native.receiver import Receiver

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore

log = Logger()
CData = Any

RequestHook = Callable[[IncomingRequest], bool]
ResponseHook = Callable[[IncomingResponse], bool]

#: Methods PJSIP's layers or common extensions define: unhandled, they are 405, all others 501 (RFC 3261 8.2.1).
KNOWN_METHODS = frozenset({
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
})  # fmt: skip


class Priority(IntEnum):
    """pjsip_module_priority: lower ones see incoming messages first, outgoing ones last."""

    TRANSPORT = 8
    TRANSACTION = 16
    UA = 32
    DIALOG = 48
    APPLICATION = 64


class HookModule:
    """The module of one priority."""

    def __init__(self, core: PjCore, receiver: Receiver, priority: Priority) -> None:
        self._core = core
        self._receiver = receiver
        self._requests: tuple[tuple[RequestHook, frozenset[str]], ...] = ()
        #: The methods that some hook wants to see; None: all.
        self._methods: frozenset[bytes] | None = None
        self._responses: tuple[ResponseHook, ...] = ()
        self._on_request = core.callback(
            "int(pjsip_rx_data *)",
            self._request,
            result=1,
            on_error=self._broken_request,
            call_id=lambda rdata: receiver.request_of(rdata).call_id,
        )
        self._on_response = core.callback(
            "int(pjsip_rx_data *)",
            self._response,
            result=0,
            call_id=lambda rdata: receiver.response_of(rdata).call_id,
        )
        self._module = core.register_module(b"mod-obelisk-%d" % priority, priority)

    def add_request_hook(self, hook: RequestHook, methods: Sequence[str] = ()) -> Callable[[], None]:
        """``methods``: those whose requests ``hook`` is to see, all if none are given."""
        self._requests = (*self._requests, (hook, frozenset(methods)))
        self._update()
        return lambda: self._drop_request_hook(hook)

    def add_response_hook(self, hook: ResponseHook) -> Callable[[], None]:
        self._responses = (*self._responses, hook)
        self._update()
        return lambda: self._drop_response_hook(hook)

    def _drop_request_hook(self, hook: RequestHook) -> None:
        self._requests = tuple(each for each in self._requests if each[0] is not hook)
        self._update()

    def _drop_response_hook(self, hook: ResponseHook) -> None:
        self._responses = tuple(each for each in self._responses if each is not hook)
        self._update()

    def _update(self) -> None:
        wanted = [methods for _, methods in self._requests]
        self._methods = frozenset(each.encode("ascii") for each in frozenset().union(*wanted)) if all(wanted) else None
        self._module.on_rx_request = ffi.cast("void *", self._on_request) if self._requests else ffi.NULL
        self._module.on_rx_response = ffi.cast("void *", self._on_response) if self._responses else ffi.NULL

    def _request(self, rdata: CData) -> int:
        # By PJSIP's own reading: most requests are of no interest to hooks that name methods.
        if self._methods is not None and strings.raw(rdata.msg_info.msg.line.req.method.name) not in self._methods:
            return 0
        request = self._receiver.request_of(rdata)
        for hook, methods in self._requests:
            if (not methods or request.method in methods) and hook(request):
                return 1
        return 0

    def _response(self, rdata: CData) -> int:
        response = self._receiver.response_of(rdata)
        for hook in self._responses:
            if hook(response):
                return 1
        return 0

    def _broken_request(self, rdata: CData) -> None:
        request = self._receiver.request_of(rdata)
        if request.method != "ACK" and not request.answered:
            request.try_respond(500)


class LastResort:
    """The last module: answers what nobody took (ACK: nothing; within no dialog we know, or CANCEL: 481)."""

    PRIORITY = 100

    def __init__(self, core: PjCore, receiver: Receiver, allow: Callable[[], str]) -> None:
        """``allow()``: the value of Allow for a 405, "" for none."""
        self._receiver = receiver
        self._allow = allow
        on_request = core.callback(
            "int(pjsip_rx_data *)",
            self._request,
            result=1,
            call_id=lambda rdata: receiver.request_of(rdata).call_id,
        )
        core.register_module(b"mod-obelisk-last", self.PRIORITY, on_rx_request=on_request)

    def _request(self, rdata: CData) -> int:
        request = self._receiver.request_of(rdata)
        method = request.method
        if method == "ACK" or request.answered:
            return 1
        if method == "CANCEL" or "tag=" in (request.headers.get("To") or "").lower():
            request.try_respond(481, stateless=method == "CANCEL")
        elif method in KNOWN_METHODS:
            allow = self._allow()
            request.respond(405, headers=[("Allow", allow)] if allow else [])
        else:
            request.respond(501)
        return 1

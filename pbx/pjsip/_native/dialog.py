"""What a pjsip_dialog is given beside its invite session: the way out, From's parameters, credentials, an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pbx.errors import ObeliskError
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings, tdata
from pbx.pjsip._native.errors import check

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.invite import InviteLayer
    from pbx.pjsip._native.invite_call import Credential

CData = Any

# pjsip_cred_data_type
_PLAIN, _DIGEST = 0, 1


def bind_transport(core: PjCore, dialog: CData, transport: CData) -> None:
    """Send the dialog's requests by the socket the first one used; a connection may be replaced by another."""
    if transport.flag & 1:  # PJSIP_TRANSPORT_RELIABLE
        return
    selector = ffi.new("pjsip_tpselector *")
    selector.type = 1  # PJSIP_TPSELECTOR_TRANSPORT
    selector.ptr = transport
    check(core.lib.pjsip_dlg_set_transport(dialog, selector), "pjsip_dlg_set_transport")


def set_route(core: PjCore, dialog: CData, route: Sequence[str]) -> None:
    """Send the dialog's requests by these proxies, in order. Raises ObeliskError for what is no route, PjError."""
    lib = core.lib
    head = core.zalloc(dialog.pool, "pjsip_routing_hdr")
    head.prev = head.next = head
    for proxy in route:
        line = strings.dup(dialog.pool, proxy)
        name = strings.const(b"Route")
        node = lib.pjsip_parse_hdr(dialog.pool, name, line.ptr, line.slen, ffi.NULL)
        if node == ffi.NULL:
            raise ObeliskError(f"not a route: {proxy}")
        header = ffi.cast("pjsip_routing_hdr *", node)
        last = head.prev
        header.prev, header.next = last, head
        last.next = header
        head.prev = header
    check(lib.pjsip_dlg_set_route_set(dialog, head), "pjsip_dlg_set_route_set")


def add_from_param(core: PjCore, dialog: CData, name: str, value: str) -> None:
    """A parameter of From in every request of the dialog; the URI that makes a dialog cannot bring any."""
    param = core.zalloc(dialog.pool, "pjsip_param")
    param.name = strings.dup(dialog.pool, name)[0]
    if value:
        param.value = strings.dup(dialog.pool, value)[0]
    head = ffi.addressof(dialog.local.info, "other_param")
    last = head.prev
    param.prev, param.next = last, head
    last.next = param
    head.prev = param


def set_credentials(core: PjCore, dialog: CData, credentials: Sequence[Credential]) -> None:
    """What answers the challenges to the dialog's requests. Raises PjError."""
    count = len(credentials)
    array = ffi.new("pjsip_cred_info[]", count)
    for info, credential in zip(array, credentials, strict=True):
        info.realm = strings.dup(dialog.pool, credential.realm or "*")[0]
        info.scheme = strings.const(b"digest")[0]
        info.username = strings.dup(dialog.pool, credential.username)[0]
        info.data = strings.dup(dialog.pool, credential.secret)[0]
        info.data_type = _DIGEST if credential.digest else _PLAIN
    session = ffi.addressof(dialog, "auth_sess")
    status = core.lib.pjsip_auth_clt_set_credentials(session, count, array)
    check(status, "pjsip_auth_clt_set_credentials")


def answer_in_dialog(
    core: PjCore, dialog: CData, rdata: CData, code: int, headers: Sequence[tuple[str, str]] = ()
) -> None:
    """Answer a request of a dialog without the invite session's help."""
    lib = core.lib
    made = ffi.new("pjsip_tx_data **")
    if lib.pjsip_dlg_create_response(dialog, rdata, code, ffi.NULL, made):
        return
    for name, value in headers:
        tdata.add_header(core, made[0], name, value)
    lib.pjsip_dlg_send_response(dialog, lib.pjsip_rdata_get_tsx(rdata), made[0])


class HeldDialog:
    """A dialog kept for requests beside its call, and beyond the call's end (RFC 5057: another usage). Made by
    `InviteSession.hold_dialog`; whoever has it must `let_go`."""

    def __init__(self, layer: InviteLayer, dialog: CData) -> None:
        self._layer = layer
        self._dialog = dialog
        layer.held.add(self)
        with layer.core.entered():
            check(layer.lib.pjsip_dlg_inc_session(dialog, layer.gate.module), "pjsip_dlg_inc_session")

    def send(self, method: str, headers: Sequence[tuple[str, str]], content_type: str, body: bytes) -> None:
        """Send a request. Raises PjError, and ObeliskError once it was let go of."""
        layer, dialog = self._layer, self._dialog
        if dialog is None:
            raise ObeliskError(f"no {method}: the dialog is gone")
        with layer.core.entered():
            made = ffi.new("pjsip_tx_data **")
            status = layer.lib.pjsip_dlg_create_request(dialog, layer.method(method), -1, made)
            check(status, "pjsip_dlg_create_request")
            tdata.set_body(layer.core, made[0], content_type, body)
            for name, value in headers:
                tdata.add_header(layer.core, made[0], name, value)
            check(layer.lib.pjsip_dlg_send_request(dialog, made[0], -1, ffi.NULL), "pjsip_dlg_send_request")

    def let_go(self) -> None:
        """The dialog may end, when its call and its last transaction have. Idempotent."""
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            self._layer.held.discard(self)
            with self._layer.core.entered():
                self._layer.lib.pjsip_dlg_dec_session(dialog, self._layer.gate.module)

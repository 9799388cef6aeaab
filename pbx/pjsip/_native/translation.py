"""External addresses of transports behind NAT (Asterisk: res_pjsip_nat): written when the destination is known.

A message that leaves its transport's ``local_net`` shows ``external_signaling_address`` in its Contact and, a request,
in its Via. Answers to REGISTER and redirections keep their Contacts, which are not ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.transport import TransportTable
    from pbx.pjsip.transports.settings import TransportSettings

CData = Any

# pjsip_hdr_e
_H_CONTACT, _H_CSEQ, _H_VIA = 9, 15, 41
_REQUEST = 0


class Translation:
    """Called with each pjsip_tx_data before it is printed. ``settings``: the translated transports by name."""

    def __init__(self, core: PjCore, table: TransportTable, settings: Mapping[str, TransportSettings]) -> None:
        self._lib = core.lib
        self._table = table
        self._settings = settings

    def __call__(self, tdata: CData) -> None:
        transport = self._table.by_pointer(tdata.tp_info.transport)
        settings = None if transport is None else self._settings.get(transport.info.id)
        if settings is None or settings.is_local(ffi.string(tdata.tp_info.dst_name).decode("ascii", "replace")):
            return
        message, external, port = tdata.msg, settings.external_address or "", settings.external_port
        host = strings.dup(tdata.pool, external)[0]
        if message.type == _REQUEST:
            via = self._find(tdata, _H_VIA, "pjsip_via_hdr *")
            if via is not None:
                via.sent_by.host = host
                if port:
                    via.sent_by.port = port
        elif 300 <= message.line.status.code < 400 or self._answers_register(tdata):
            return
        contact = self._find(tdata, _H_CONTACT, "pjsip_contact_hdr *")
        if contact is None or contact.star or not contact.uri:
            return
        get_uri = ffi.cast("void *(*)(void *)", contact.uri.vptr.p_get_uri)
        uri = ffi.cast("pjsip_sip_uri *", get_uri(contact.uri))
        scheme = ffi.cast("const pj_str_t *(*)(const void *)", uri.vptr.p_get_scheme)(uri)
        if strings.raw(scheme[0]).lower() in (b"sip", b"sips"):
            uri.host = host
            if port:
                uri.port = port

    def _find(self, tdata: CData, kind: int, pointer: str) -> CData:
        node = self._lib.pjsip_msg_find_hdr(tdata.msg, kind, ffi.NULL)
        return ffi.cast(pointer, node) if node != ffi.NULL else None

    def _answers_register(self, tdata: CData) -> bool:
        cseq = self._find(tdata, _H_CSEQ, "pjsip_cseq_hdr *")
        return cseq is not None and strings.raw(cseq.method.name) == b"REGISTER"

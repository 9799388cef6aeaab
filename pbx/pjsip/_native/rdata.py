"""The pjsip_rx_data that messages are given to PJSIP in: lent, filled, read by PJSIP's parser."""

from __future__ import annotations

import socket
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore

CData = Any

#: PJSIP_MAX_PKT_LEN: what rdata.pkt_info.packet holds; one byte is for the NUL PJSIP writes behind the message.
PACKET_SIZE = 4000
MSG_INFO_SIZE = ffi.sizeof("pjsip_rx_msg_info")
ENDPT_INFO_SIZE = ffi.sizeof("pjsip_rx_endpt_info")
#: Where `packed_source` belongs: pkt_info from src_addr to src_port.
SOURCE_OFFSET = ffi.offsetof("pjsip_rx_data", "pkt_info") + ffi.offsetof("pjsip_rx_pkt_info", "src_addr")
SOURCE_SIZE = 84


@lru_cache(maxsize=4096)
def packed_source(host: str, port: int) -> bytes:
    """pkt_info's members from src_addr to src_port as one piece of memory: one copy instead of five assignments."""
    name = host.encode("ascii")
    if ":" in host:
        address, _, scope = host.partition("%")
        scope_id = int(scope) if scope.isdigit() else 0
        packed = socket.inet_pton(socket.AF_INET6, address)
        sockaddr = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, packed, scope_id)
        name, length = address.encode("ascii"), 28
    else:
        sockaddr = struct.pack("=HH4s", socket.AF_INET, socket.htons(port), socket.inet_aton(host))
        length = 16
    return struct.pack("=28si46sxxi", sockaddr, length, name, port)


class ReceiveBuffers:
    """Each has a pool of its own and is used again: making one takes longer than most messages."""

    def __init__(self, core: PjCore) -> None:
        self._core = core
        self._free: list[CData] = []

    def close(self) -> None:
        """Before PJSIP is destroyed."""
        for rdata in self._free:
            self._core.release(rdata.tp_info.pool)
        self._free.clear()

    def take(self) -> CData:
        """An rdata with a pool, zeroed where PJSIP expects it."""
        if self._free:
            return self._free.pop()
        rdata = ffi.new("pjsip_rx_data *")
        rdata.tp_info.pool = self._core.pool(b"rtd%p", 4000, 4000)
        rdata.tp_info.op_key.rdata = rdata
        return rdata

    def give_back(self, rdata: CData) -> None:
        """Nobody looks at it any more."""
        self._core.lib.pj_pool_reset(rdata.tp_info.pool)
        if len(self._free) < 16:
            self._free.append(rdata)
        else:
            self._core.release(rdata.tp_info.pool)

    def parse(self, raw: bytes, rdata: CData) -> bool:
        """Fill rdata.msg_info as pjsip_tpmgr_receive_packet does; False for what it would drop."""
        core = self._core
        size = len(raw)
        buffer = ffi.cast("char *", core.lib.pj_pool_alloc(rdata.tp_info.pool, size + 1))
        ffi.memmove(buffer, raw, size)
        buffer[size] = b"\0"
        info = rdata.msg_info
        ffi.memmove(ffi.addressof(rdata, "msg_info"), bytes(MSG_INFO_SIZE), MSG_INFO_SIZE)
        errors = ffi.addressof(info, "parse_err")
        errors.prev = errors.next = errors
        info.msg_buf = buffer
        info.len = size
        # the other members read by whoever looks at the packet: its beginning, never more than fits
        rdata.pkt_info.len = min(size, PACKET_SIZE - 1)
        ffi.memmove(rdata.pkt_info.packet, raw, rdata.pkt_info.len)
        message = core.lib.pjsip_parse_rdata(buffer, size, rdata)
        if message == ffi.NULL or errors.next != errors:
            return False
        needed = (info.cid, getattr(info, "from"), info.to, info.via, info.cseq)
        if any(header == ffi.NULL for header in needed):
            return False
        if message.type == 0:
            via = info.via
            via.recvd_param = strings.dup(rdata.tp_info.pool, ffi.string(rdata.pkt_info.src_name))[0]
            if via.rport_param == 0:
                via.rport_param = rdata.pkt_info.src_port
        return True

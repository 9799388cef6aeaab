"""pjsip_transport objects over wires that Python owns.

A wire (a Twisted socket above this floor) moves bytes; a `PjTransport` is what PJSIP sees of it. `TransportTable` owns
the three C callbacks all of them share, the outbound factories, and the map from C pointers to Python objects.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from twisted.logger import Logger

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native.errors import PJ_EPENDING, check
from pbx.pjsip._native.incoming import TransportInfo
from pbx.pjsip._native.receiver import Receiver

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore

log = Logger()
CData = Any

#: errno.h of PJLIB: a system error as a status
PJ_ERRNO_START_SYS = 120_000
PJSIP_TRANSPORT_RELIABLE, PJSIP_TRANSPORT_SECURE, PJSIP_TRANSPORT_DATAGRAM = 1, 2, 4
PJSIP_TRANSPORT_IPV6 = 128
DISCONNECTED = 1  # PJSIP_TP_STATE_DISCONNECTED
CONNECTED = 0  # PJSIP_TP_STATE_CONNECTED

#: (PJSIP type, flags) by protocol; "ws" and "wss" get their type when one is first registered
TYPES = {
    "udp": (1, PJSIP_TRANSPORT_DATAGRAM),
    "tcp": (2, PJSIP_TRANSPORT_RELIABLE),
    "tls": (3, PJSIP_TRANSPORT_RELIABLE | PJSIP_TRANSPORT_SECURE),
}

#: called when a kept message was sent (its length) or failed (a negative status)
Completion = Callable[[int], None]


class Wire(Protocol):
    """What a PjTransport needs of the socket below it."""

    def send(self, raw: bytes, destination: tuple[str, int], completion: Completion) -> bool:
        """Send: True when the bytes are with the kernel or queued, False when kept until connected (``completion``
        is then called once). Raises OSError with an errno when they cannot be sent."""

    def shut(self) -> None:
        """PJSIP needs the wire no more: close it. May be called twice."""


@lru_cache(maxsize=4096)
def _unpacked(sockaddr: bytes) -> tuple[str, int]:
    family, port = struct.unpack_from("=HH", sockaddr)
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24]), socket.ntohs(port)
    return socket.inet_ntoa(sockaddr[4:8]), socket.ntohs(port)


def address_of(sockaddr: CData, length: int) -> tuple[str, int]:
    """(host, port) of a pj_sockaddr of ``length`` bytes."""
    return _unpacked(bytes(ffi.buffer(ffi.cast("char *", sockaddr), length)))


def fill_sockaddr(target: CData, host: str, port: int) -> int:
    """Write (host, port) into a pj_sockaddr; gives its length."""
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        data = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, packed, 0)
    else:
        data = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(host))
    ffi.memmove(ffi.cast("char *", target), data, len(data))
    return len(data)


class PjTransport:
    """One wire as PJSIP sees it. Made by `TransportTable.add`."""

    def __init__(self, table: TransportTable, pointer: CData, info: TransportInfo, wire: Wire) -> None:
        self.table = table
        self.pointer = pointer
        self.info = info
        self.wire = wire
        self._shut = False
        self._owned = False

    def receive(self, raw: bytes, source: tuple[str, int], reading: bytes | None = None) -> bool:
        """A complete, screened message from the wire; False when PJSIP's parser refused it. See `Receiver.receive`."""
        if self.pointer is None:
            return True
        return self.table.receiver.receive(raw, self.info, self.pointer, source, None, reading)

    @property
    def users(self) -> int:
        """How many of PJSIP's objects use the transport now."""
        if self.pointer is None:
            return 0
        return int(self.table.core.lib.pj_atomic_get(self.pointer.ref_cnt)) - self._owned

    def hold(self) -> None:
        """Keep the transport although nothing uses it (listening UDP sockets); `close` gives it up."""
        self._owned = True
        self.table.core.lib.pjsip_transport_add_ref(self.pointer)

    def send_raw(self, raw: bytes, destination: tuple[str, int]) -> None:
        """Send bytes that PJSIP knows nothing of. Raises OSError."""
        if self._shut:
            raise OSError(errno.ENOTCONN, "the transport is closed")
        if self.table.on_sent is not None:
            self.table.on_sent(raw, self.info, destination)
        self.wire.send(raw, destination, lambda sent: None)

    def close(self, status: int = 0) -> None:
        """The wire is gone or to be given up: tell transactions (``status``, if not 0, as a disconnection) and destroy
        the transport once nothing uses it."""
        if self.pointer is None or self._shut:
            return
        self._shut = True
        core, lib, pointer = self.table.core, self.table.core.lib, self.pointer
        with core.entered():
            lib.pjsip_transport_add_ref(pointer)
            if status:
                self.table.report_state(pointer, DISCONNECTED, status)
            lib.pjsip_transport_shutdown(pointer)
            if self._owned:
                self._owned = False
                lib.pjsip_transport_dec_ref(pointer)
            lib.pjsip_transport_dec_ref(pointer)

    def connected(self) -> None:
        """An outbound wire is up."""
        if self.pointer is not None:
            self.table.report_state(self.pointer, CONNECTED, 0)

    def set_local_name(self, host: str, port: int) -> None:
        """What Via's sent-by shows of this transport."""
        if self.pointer is None:
            return
        name = strings.dup(self.pointer.pool, host)
        self.pointer.local_name.host = name[0]
        self.pointer.local_name.port = port


class TransportTable:
    """All transports and factories of one PjCore."""

    def __init__(self, core: PjCore, receiver: Receiver) -> None:
        self.core = core
        self.receiver = receiver
        #: called with (raw, transport, destination) for each message sent; None costs nothing
        self.on_sent: Callable[[bytes, TransportInfo, tuple[str, int]], object] | None = None
        #: each called with the TransportInfo of a connection that is gone
        self.connection_watchers: list[Callable[[TransportInfo], object]] = []
        #: By PJSIP's pointers, which compare and hash by their addresses.
        self._transports: dict[CData, PjTransport] = {}
        self._by_info: dict[TransportInfo, PjTransport] = {}
        self._factories: dict[CData, Callable[[tuple[str, int], str], PjTransport]] = {}
        self._types: dict[str, tuple[int, int]] = dict(TYPES)
        self._send: CData = None
        self._shutdown: CData = None
        self._destroy: CData = None
        self._create: CData = None
        self._factory_destroy: CData = None

    def open(self) -> None:
        """Once PJSIP is up."""
        core = self.core
        failed = PJ_ERRNO_START_SYS + errno.EIO
        self._send = core.callback(
            "int(pjsip_transport *, pjsip_tx_data *, const void *, int, void *, pjsip_transport_callback)",
            self._on_send,
            result=failed,
        )
        self._shutdown = core.callback("int(pjsip_transport *)", self._on_shutdown, result=0)
        self._destroy = core.callback("int(pjsip_transport *)", self._on_destroy, result=0)
        self._create = core.callback(
            "int(pjsip_tpfactory *, pjsip_tpmgr *, pjsip_endpoint *, const void *, int, pjsip_tx_data *,"
            " pjsip_transport **)",
            self._on_create,
            result=failed,
        )
        self._factory_destroy = core.callback("int(pjsip_tpfactory *)", lambda factory: 0, result=0)

    @property
    def count(self) -> int:
        return len(self._transports)

    def find(self, pointer: CData) -> PjTransport | None:
        return self._transports.get(pointer)

    def type_of(self, protocol: str, host: str) -> tuple[int, int]:
        """(PJSIP's type, flags) of a protocol on an address; "ws" and "wss" share one type, registered when first
        asked for."""
        known = self._types.get("ws" if protocol == "wss" else protocol)
        if known is None:
            made = ffi.new("int *")
            check(
                self.core.lib.pjsip_transport_register_type(PJSIP_TRANSPORT_RELIABLE, b"WS", 80, made),
                "pjsip_transport_register_type",
            )
            known = self._types["ws"] = (made[0], PJSIP_TRANSPORT_RELIABLE)
        kind, flag = known
        return (kind | PJSIP_TRANSPORT_IPV6, flag) if ":" in host else (kind, flag)

    def protocol_of(self, kind: int) -> str:
        """The protocol of one of PJSIP's types without its IPv6 flag; "" for PJSIP_TRANSPORT_UNSPECIFIED."""
        for protocol, (known, _) in self._types.items():
            if known == kind:
                return protocol
        return ""

    def add(
        self,
        wire: Wire,
        info: TransportInfo,
        *,
        sent_by: tuple[str, int],
        remote: tuple[str, int] | None = None,
        remote_name: str = "",
        outgoing: bool = False,
        factory: CData = None,
    ) -> PjTransport:
        """Register a wire. ``remote``: its peer, None for a datagram socket; ``remote_name``: the name it was reached
        by, which TLS connections are found again by; ``factory``: the listener's, so that messages bound to it find
        this connection. Raises PjError."""
        core, lib = self.core, self.core.lib
        with core.entered():
            pool = core.pool(info.protocol.encode("ascii") + b"%p", 1024, 512)
            tp = core.zalloc(pool, "pjsip_transport")
            name = f"{info.protocol}:{info.id}"[:31].encode("ascii", "replace")
            ffi.memmove(tp.obj_name, name, len(name))
            tp.pool = pool
            check(lib.pj_atomic_create(pool, 0, ffi.addressof(tp, "ref_cnt")), "pj_atomic_create")
            check(
                lib.pj_lock_create_recursive_mutex(pool, tp.obj_name, ffi.addressof(tp, "lock")),
                "pj_lock_create_recursive_mutex",
            )
            tp.key.type, tp.flag = self.type_of(info.protocol, info.host)
            tp.type_name = strings.dup(pool, info.protocol.upper()).ptr
            tp.info = strings.dup(pool, f"{info.protocol} {info.host}:{info.port}").ptr
            tp.addr_len = fill_sockaddr(ffi.addressof(tp, "local_addr"), info.host, info.port)
            if remote is None:
                tp.key.rem_addr.addr.sa_family = tp.local_addr.addr.sa_family
                far_name, far_port = ("::0" if ":" in info.host else "0.0.0.0"), 0
            else:
                tp.addr_len = fill_sockaddr(ffi.addressof(tp.key, "rem_addr"), *remote)
                far_name, far_port = remote_name or remote[0], remote[1]
            tp.remote_name.host = strings.dup(pool, far_name)[0]
            tp.remote_name.port = far_port
            tp.local_name.host = strings.dup(pool, sent_by[0])[0]
            tp.local_name.port = sent_by[1]
            tp.dir = 0 if remote is None else (1 if outgoing else 2)
            if factory is not None:
                tp.factory = factory
            tp.endpt = core.endpt
            tp.tpmgr = core.tpmgr
            tp.send_msg = ffi.cast("void *", self._send)
            tp.do_shutdown = ffi.cast("void *", self._shutdown)
            tp.destroy = ffi.cast("void *", self._destroy)
            try:
                check(lib.pjsip_transport_register(core.tpmgr, tp), "pjsip_transport_register")
            except BaseException:
                core.release(pool)
                raise
            transport = PjTransport(self, tp, info, wire)
            self._transports[tp] = transport
            self._by_info[info] = transport
        return transport

    def by_info(self, info: TransportInfo) -> PjTransport | None:
        """The transport a message came by, None when it is gone."""
        return self._by_info.get(info)

    def by_pointer(self, pointer: CData) -> PjTransport | None:
        """The transport behind a pjsip_transport *."""
        return self._transports.get(pointer)

    @staticmethod
    def transport_selector(transport: PjTransport) -> CData:
        """A pjsip_tpselector * for this very transport."""
        selector = ffi.new("pjsip_tpselector *")
        selector.type = 1  # PJSIP_TPSELECTOR_TRANSPORT
        selector.ptr = ffi.cast("void *", transport.pointer)
        return selector

    @staticmethod
    def listener_selector(factory: CData) -> CData:
        """A pjsip_tpselector * for connections of one factory."""
        selector = ffi.new("pjsip_tpselector *")
        selector.type = 2  # PJSIP_TPSELECTOR_LISTENER
        selector.ptr = ffi.cast("void *", factory)
        return selector

    def report_state(self, pointer: CData, state: int, status: int) -> None:
        """Tell PJSIP's listeners (transactions, foremost) of a change of a transport."""
        core = self.core
        notify = core.lib.pjsip_tpmgr_get_state_cb(core.tpmgr)
        if notify != ffi.NULL:
            state_info = ffi.new("pjsip_transport_state_info *")
            state_info.status = status
            with core.entered():
                notify(pointer, state, state_info)

    # -- what PJSIP calls --------------------------------------------------------------------------------------------

    def _on_send(self, pointer: CData, tx: CData, address: CData, length: int, token: CData, callback: CData) -> int:
        transport = self._transports.get(pointer)
        if transport is None or transport._shut:
            return PJ_ERRNO_START_SYS + errno.ENOTCONN
        start = tx.buf.start
        raw = ffi.buffer(start, tx.buf.cur - start)[:]
        destination = address_of(address, length)
        if self.on_sent is not None:
            self.on_sent(raw, transport.info, destination)

        def complete(sent: int) -> None:
            if transport.pointer is not None and callback != ffi.NULL:
                with self.core.entered():
                    callback(pointer, token, sent)

        try:
            return 0 if transport.wire.send(raw, destination, complete) else PJ_EPENDING
        except OSError as error:
            return PJ_ERRNO_START_SYS + (error.errno or errno.EIO)

    def _on_shutdown(self, pointer: CData) -> int:
        return 0

    def _on_destroy(self, pointer: CData) -> int:
        transport = self._transports.pop(pointer, None)
        if transport is None:
            return 0
        transport.pointer = None
        if self._by_info.get(transport.info) is transport:
            del self._by_info[transport.info]
        lib = self.core.lib
        lib.pj_lock_destroy(pointer.lock)
        lib.pj_atomic_destroy(pointer.ref_cnt)
        self.core.release(pointer.pool)
        transport.wire.shut()
        return 0

    # -- outbound connections ----------------------------------------------------------------------------------------

    def add_factory(
        self, info: TransportInfo, sent_by: tuple[str, int], create: Callable[[tuple[str, int], str], PjTransport]
    ) -> CData:
        """Let PJSIP open connections of ``info.protocol``: ``create((host, port), name)`` gives a registered transport
        at once and may raise OSError. Gives the pjsip_tpfactory *, for `remove_factory` and selectors."""
        core = self.core
        pool = core.pool(info.protocol.encode("ascii") + b"lis%p", 1024, 512)
        factory = core.zalloc(pool, "pjsip_tpfactory")
        name = f"{info.protocol}lis:{info.id}"[:31].encode("ascii", "replace")
        ffi.memmove(factory.obj_name, name, len(name))
        factory.pool = pool
        check(
            core.lib.pj_lock_create_recursive_mutex(pool, factory.obj_name, ffi.addressof(factory, "lock")),
            "pj_lock_create_recursive_mutex",
        )
        factory.type, factory.flag = self.type_of(info.protocol, info.host)
        factory.type_name = strings.dup(pool, info.protocol.upper()).ptr
        factory.info = factory.type_name
        fill_sockaddr(ffi.addressof(factory, "local_addr"), info.host, info.port)
        factory.addr_name.host = strings.dup(pool, sent_by[0])[0]
        factory.addr_name.port = sent_by[1]
        factory.create_transport2 = ffi.cast("void *", self._create)
        factory.destroy = ffi.cast("void *", self._factory_destroy)
        check(core.lib.pjsip_tpmgr_register_tpfactory(core.tpmgr, factory), "pjsip_tpmgr_register_tpfactory")
        self._factories[factory] = create
        return factory

    def remove_factory(self, factory: CData) -> None:
        """The listener is gone: no more connections by it."""
        core = self.core
        if self._factories.pop(factory, None) is None:
            return
        check(core.lib.pjsip_tpmgr_unregister_tpfactory(core.tpmgr, factory), "pjsip_tpmgr_unregister_tpfactory")
        core.lib.pj_lock_destroy(factory.lock)
        core.release(factory.pool)

    def _on_create(
        self, factory: CData, manager: CData, endpt: CData, address: CData, length: int, tx: CData, out: CData
    ) -> int:
        create = self._factories.get(factory)
        if create is None:
            return PJ_ERRNO_START_SYS + errno.ENOTCONN
        name = strings.text(tx.dest_info.name) if tx != ffi.NULL else ""
        try:
            transport = create(address_of(address, length), name)
        except OSError as error:
            return PJ_ERRNO_START_SYS + (error.errno or errno.EIO)
        out[0] = transport.pointer
        return 0

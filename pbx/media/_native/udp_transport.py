"""One RTP/RTCP socket pair as a pjmedia transport: opened once, lent to one call after the other."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Sequence

from pbx.media._native import packet_filter
from pbx.media._native.endpoint import MediaEndpoint
from pbx.media._native.library import CData, PjLibrary, check, fill_address, read_address
from pbx.media._native.packet_filter import MAX_STRANGERS, Source, Stranger
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: PJLIB's ioqueue is select(): a descriptor beyond FD_SETSIZE would be written outside the set.
MAX_DESCRIPTOR = 1024
#: pjmedia_transport_udp_attach: do not send to where packets come from.
NO_SOURCE_SWITCH = 1
#: Packets read away at most when a pair is lent again; the kernel's buffer holds fewer.
MAX_DRAINED = 1024
_SSRC_OFFSET = 8

_MEDIA_START = "pj_status_t(*)(void *, void *, void *, void *, unsigned)"
_DESTROY = "pj_status_t(*)(void *)"
_GET_INFO = "pj_status_t(*)(void *, void *)"


def open_pair(address: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """UDP sockets on ``port`` (RTP, even) and ``port + 1`` (RTCP), or None when either is taken.

    Raises MediaError when the process holds too many descriptors for another pair, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        for number in (port, port + 1):
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            opened.append(sock)
            if sock.fileno() >= MAX_DESCRIPTOR:
                raise MediaError(f"no descriptor below {MAX_DESCRIPTOR} is left for an RTP socket")
            sock.bind((address, number))
    except OSError as error:
        for sock in opened:
            sock.close()
        if error.errno in {98, 13}:  # EADDRINUSE, EACCES (a privileged port)
            return None
        raise MediaError(f"RTP socket on {address}:{port}: {error}") from error
    except MediaError:
        for sock in opened:
            sock.close()
        raise
    return opened[0], opened[1]


class UdpTransport:
    """The pjmedia transport of a socket pair. PJMEDIA owns the descriptors; `destroy` closes them."""

    def __init__(
        self,
        library: PjLibrary,
        endpoint: MediaEndpoint,
        pair: tuple[socket.socket, socket.socket],
        *,
        symmetric: bool,
    ) -> None:
        """``pair`` is taken over. With ``symmetric`` packets go to where packets come from."""
        self._lib = library.lib
        self.endpoint = endpoint
        self.rtp, self.rtcp = pair
        self.family = int(self.rtp.family)
        info = ffi.new("pjmedia_sock_info *")
        for sock, name, field in (
            (self.rtp, info.rtp_addr_name, "rtp_sock"),
            (self.rtcp, info.rtcp_addr_name, "rtcp_sock"),
        ):
            address, port = sock.getsockname()[:2]
            # Only a name: the sockets are bound. For the unspecified address PJMEDIA would ask the resolver for ours.
            fill_address(name, {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port)
            setattr(info, field, sock.fileno())
        made = ffi.new("pjmedia_transport **")
        endpoint.take()
        try:
            status = self._lib.pjmedia_transport_udp_attach(
                endpoint.handle, b"rtp%p", info, 0 if symmetric else NO_SOURCE_SWITCH, made
            )
            check(self._lib, status, "pjmedia_transport_udp_attach")
        except MediaError:
            endpoint.pairs -= 1
            self.rtp.detach()  # PJMEDIA closed them
            self.rtcp.detach()
            raise
        self.handle: CData = made[0]
        self._media_start = ffi.cast(_MEDIA_START, self.handle.op.media_start)
        self._get_info = ffi.cast(_GET_INFO, self.handle.op.get_info)
        self._info = ffi.new("pjmedia_transport_info *")
        self._waiting = select.poll()
        for sock in pair:
            self._waiting.register(sock, select.POLLIN)
        self._filtered = False
        self._admitted: tuple[tuple[Source, ...] | None, tuple[int, ...]] | None = None

    def start(self) -> None:
        """Begin to receive and send. After every attachment of a stream, since detaching one stops the sockets."""
        status = self._media_start(self.handle, ffi.NULL, ffi.NULL, ffi.NULL, 0)
        check(self._lib, status, "pjmedia_transport.media_start")

    def source(self) -> tuple[str, int] | None:
        """Where the last RTP packet came from since a stream was attached."""
        self._info.specific_info_cnt = 0
        self._get_info(self.handle, self._info)
        return read_address(self._info.src_rtp_name)

    def drain(self) -> set[Stranger]:
        """Throw away what the kernel keeps for a pair no stream is attached to; returns who had sent RTP."""
        strangers: set[Stranger] = set()
        if not self._waiting.poll(0):  # as nearly always: two attempts to read would make two exceptions
            return strangers
        for sock in (self.rtp, self.rtcp):
            for _ in range(MAX_DRAINED):
                try:
                    data, source = sock.recvfrom(_SSRC_OFFSET + 4)
                except (BlockingIOError, InterruptedError):
                    break
                except OSError:
                    continue  # an ICMP error of an earlier packet: told once, then cleared
                if sock is self.rtp and len(data) >= _SSRC_OFFSET + 4 and len(strangers) < MAX_STRANGERS:
                    strangers.add((source[1], struct.unpack_from("!I", data, _SSRC_OFFSET)[0]))
        return strangers

    def refuse(self, strangers: set[Stranger]) -> None:
        """Let the kernel drop RTP of these senders (source port and SSRC together); an empty set lets all in again."""
        if strangers:
            packet_filter.refuse(self.rtp, strangers)
        elif self._filtered:
            packet_filter.refuse_none(self.rtp)
        self._filtered = bool(strangers)

    def share(self) -> socket.socket:
        """Open the side socket that gets what is not admitted; the caller closes it. Raises MediaError."""
        return packet_filter.open_side(self.rtp)

    def admit(self, sources: Sequence[Source] | None, payload_types: Sequence[int] = ()) -> None:
        """Once the port is shared: whose RTP PJMEDIA receives, and of which payload types (none given: all).

        For a far end that was here before, as a gateway's, the kernel need not compile the same program again.
        """
        wanted = (None if sources is None else tuple(sources), tuple(payload_types))
        if wanted != self._admitted:
            self._admitted = None
            packet_filter.admit(self.rtp, sources, payload_types)
            self._admitted = wanted

    def destroy(self) -> None:
        """Close both sockets. The ioqueue keeps their places for 500 ms more: the caller counts them until then."""
        self.rtp.detach()
        self.rtcp.detach()
        ffi.cast(_DESTROY, self.handle.op.destroy)(self.handle)

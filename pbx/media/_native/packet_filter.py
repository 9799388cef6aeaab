"""Which RTP packets the kernel lets through to PJMEDIA: classic BPF programs attached to a pair's RTP socket.

Two attachments serve two questions. A socket filter drops packets of known senders (`refuse`). A selection program
(SO_ATTACH_REUSEPORT_CBPF) shares the port between PJMEDIA's socket and a side socket of ours: packets of admitted
sources go to the first, all others to the second, where Python looks at them (`admit`). Both act before PJMEDIA's
worker thread sees a packet, so no packet passes through Python on a call whose source is known.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pbx.media._native.library import parse_address
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: Foreign senders a socket can be made deaf to.
MAX_STRANGERS = 16
#: Receive buffer of a side socket, in bytes: what is not read in time is lost, which is all strangers deserve.
SIDE_BUFFER = 16_384

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_SO_ATTACH_REUSEPORT_CBPF = 51
_LOAD_HALF, _LOAD_WORD, _LOAD_HALF_AT_X, _LOAD_X_IP_LENGTH = 0x28, 0x20, 0x48, 0xB1
_LOAD_BYTE, _AND, _JUMP_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
_KEEP = 0xFFFFFFFF
#: Offsets from here count from the IP header (SKF_NET_OFF); a socket filter's own count from the UDP header.
_NET = 0x1_0000_0000 - 0x10_0000
_IPV4_SOURCE, _IPV6_SOURCE, _IPV6_HEADER = 12, 8, 40
_UDP_HEADER = 8
_SSRC_OFFSET = 8
_PJMEDIA, _SIDE = 0, 1

#: Who sent a packet: UDP source port and RTP SSRC.
Stranger = tuple[int, int]
#: IP address and UDP port.
Source = tuple[str, int]


@lru_cache(maxsize=4096)
def _line(code: int, value: int, *, when: int = 0, unless: int = 0) -> bytes:
    """One instruction; ``when``, ``unless``: lines a comparison skips when it holds, or does not."""
    return struct.pack("HBBI", code, when, unless, value)


def _attach(sock: socket.socket, option: int, lines: list[bytes]) -> None:
    program = b"".join(lines)
    code = ffi.from_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("HL", len(lines), int(ffi.cast("uintptr_t", code))))


def open_side(rtp: socket.socket) -> socket.socket:
    """A second socket on the port of ``rtp``. Raises MediaError where the kernel does not share ports so.

    ``rtp`` was bound alone, so the port was nobody else's; only sockets that ask for it may share it, and PJMEDIA's is
    the first of them.
    """
    side = socket.socket(rtp.family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        side.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        side.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIDE_BUFFER)
        side.bind(rtp.getsockname()[:2])
        admit(rtp, ())
    except OSError as error:
        side.close()
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        raise MediaError(f"the kernel does not select RTP by its source: {error}") from error
    return side


def admit(rtp: socket.socket, sources: Iterable[Source] | None, payload_types: Sequence[int] = ()) -> None:
    """Let PJMEDIA have what ``sources`` send (None: anybody); all else goes to the side socket.

    With ``payload_types`` it gets those only, and other RTP of a source goes to the side socket too. Raises ValueError,
    OSError.
    """
    six = rtp.family == socket.AF_INET6
    taken = _of_types(payload_types)
    if sources is None:
        _attach(rtp, _SO_ATTACH_REUSEPORT_CBPF, taken)
        return
    lines = [] if six else [_line(_LOAD_X_IP_LENGTH, _NET)]
    for address, port in sources:
        family, packed = parse_address(address)
        if family != rtp.family:
            continue
        words = struct.unpack(f"!{len(packed) // 4}I", packed)
        rest = 2 * len(words) + 1 + len(taken)  # lines from the first comparison to the end of this source's
        for number, word in enumerate(words):
            lines.append(_line(_LOAD_WORD, _NET + (_IPV6_SOURCE if six else _IPV4_SOURCE) + 4 * number))
            lines.append(_line(_JUMP_EQUAL, word, unless=rest - 2 * number - 1))
        lines.append(_line(_LOAD_HALF, _NET + _IPV6_HEADER) if six else _line(_LOAD_HALF_AT_X, _NET))
        lines.append(_line(_JUMP_EQUAL, port, unless=len(taken)))
        lines += taken
    lines.append(_line(_RETURN, _SIDE))
    _attach(rtp, _SO_ATTACH_REUSEPORT_CBPF, lines)


def _of_types(payload_types: Sequence[int]) -> list[bytes]:
    """The end of a program: PJMEDIA's socket for these RTP payload types, or for all when none are given."""
    if not payload_types:
        return [_line(_RETURN, _PJMEDIA)]
    count = len(payload_types)
    return [
        _line(_LOAD_BYTE, 1),
        _line(_AND, 0x7F),
        *(_line(_JUMP_EQUAL, kind, when=count - number) for number, kind in enumerate(payload_types)),
        _line(_RETURN, _SIDE),
        _line(_RETURN, _PJMEDIA),
    ]


def refuse(sock: socket.socket, strangers: Iterable[Stranger]) -> None:
    """Let the kernel drop RTP of these senders (source port and SSRC together).

    A packet too short for the SSRC is dropped by the load itself, which is right: it is no RTP packet.
    """
    lines: list[bytes] = []
    for port, ssrc in sorted(strangers)[:MAX_STRANGERS]:
        lines += [
            _line(_LOAD_HALF, 0),
            _line(_JUMP_EQUAL, port, unless=3),
            _line(_LOAD_WORD, _UDP_HEADER + _SSRC_OFFSET),
            _line(_JUMP_EQUAL, ssrc, unless=1),
            _line(_RETURN, 0),
        ]
    _attach(sock, _SO_ATTACH_FILTER, [*lines, _line(_RETURN, _KEEP)])


def refuse_all(sock: socket.socket) -> None:
    """Let the kernel drop whatever comes."""
    _attach(sock, _SO_ATTACH_FILTER, [_line(_RETURN, 0)])


def refuse_none(sock: socket.socket) -> None:
    """Undo `refuse` and `refuse_all`."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

"""What all wrappers share: the open library, the pool factory, and statuses turned into exceptions."""

from __future__ import annotations

import ipaddress
import socket
import struct
from functools import lru_cache
from typing import Any, Protocol

from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: A cffi value; its type is the declaration's, which Python's type checker cannot see.
CData = Any
SOCKADDR_SIZE = ffi.sizeof("pj_sockaddr")


class PjLibrary(Protocol):
    """The part of the PJSIP host that media needs: PJLIB initialised on this thread."""

    @property
    def lib(self) -> Any:
        """The open library."""

    @property
    def pool_factory(self) -> Any:
        """A ``pj_pool_factory *`` that outlives the media engine."""


def check(lib: Any, status: int, what: str) -> None:
    """Raise MediaError with PJ's text unless ``status`` is 0."""
    if status:
        buffer = ffi.new("char[128]")
        text = lib.pj_strerror(status, buffer, 128)
        reason = bytes(ffi.buffer(text.ptr, text.slen)).decode("utf-8", "replace")
        raise MediaError(f"{what}: {reason} ({status})")


def pool(library: PjLibrary, name: bytes, size: int = 4000, increment: int = 4000) -> CData:
    """A new ``pj_pool_t *``; whoever made it releases it."""
    made = library.lib.pj_pool_create(library.pool_factory, name, size, increment, ffi.NULL)
    if made == ffi.NULL:
        raise MediaError("pj_pool_create: no memory")
    return made


def parse_address(address: str) -> tuple[socket.AddressFamily, bytes]:
    """Family and bytes of a literal address. Raises ValueError for anything else."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return family, socket.inet_pton(family, address)
    except (OSError, UnicodeError):
        raise ValueError(f"{address!r} is no IP address") from None


def fill_address(target: CData, address: str, port: int) -> None:
    """Write a literal IPv4 or IPv6 address and a port into a ``pj_sockaddr``.

    Raises ValueError for anything else: a name would have to be resolved, and PJLIB's resolver blocks.
    """
    ffi.memmove(ffi.addressof(target), _sockaddr(address, port), SOCKADDR_SIZE)


@lru_cache(maxsize=4096)
def _sockaddr(address: str, port: int) -> bytes:
    """A ``pj_sockaddr`` as it lies in memory: one copy instead of several assignments."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port} is not between 0 and 65535")
    family, packed = parse_address(address)
    if family == socket.AF_INET:
        return struct.pack("=HH4s20x", family, socket.htons(port), packed)
    return struct.pack("=HHI16sI", family, socket.htons(port), 0, packed, 0)


def read_address(source: CData) -> tuple[str, int] | None:
    """Address and port of a ``pj_sockaddr``, or None where none is set."""
    if source.addr.sa_family == socket.AF_INET:
        packed = bytes(ffi.buffer(ffi.addressof(source.ipv4.sin_addr), 4))
        port = socket.ntohs(source.ipv4.sin_port)
    elif source.addr.sa_family == socket.AF_INET6:
        packed = bytes(ffi.buffer(source.ipv6.sin6_addr, 16))
        port = socket.ntohs(source.ipv6.sin6_port)
    else:
        return None
    return str(ipaddress.ip_address(packed)), port

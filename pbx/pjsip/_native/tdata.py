"""Messages going out: headers, bodies and room to print them in a pjsip_tx_data."""

from __future__ import annotations

import re
from functools import lru_cache
from secrets import token_hex
from typing import Any

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native.core import PjCore
from pbx.pjsip._native.errors import check

CData = Any

#: A message that may be longer than this gets a buffer of its own; PJSIP's holds 4,000 bytes (PJSIP_MAX_PKT_LEN).
ROOMY = 3000
#: Length of an ordinary message's head, for deciding whether a body needs room.
TYPICAL_HEAD = 1000
#: What a dialog's own headers (Via, Route set, From, To, Contact...) may add to what is counted here.
HEADROOM = 4096
#: Longest message sent, as for those received.
MAX_MESSAGE = 65_000

_HEADER_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")


def checked_header(name: str, value: str) -> tuple[str, str]:
    """(name, value), or ValueError where either would break out of its line."""
    if not _HEADER_NAME.match(name):
        raise ValueError(f"not a header name: {name!r}")
    if "\r" in value or "\n" in value or "\0" in value:
        raise ValueError(f"the value of header {name} holds a line break: {value!r}")
    return name, value


def add_header(core: PjCore, tdata: CData, name: str, value: str) -> None:
    """Append a header; raises ValueError for a name or value that is no header."""
    name_str, value_str, _kept = _borrowed_header(name, value)
    insert_last(tdata.msg, core.lib.pjsip_generic_string_hdr_create(tdata.pool, name_str, value_str))


@lru_cache(maxsize=256)
def _borrowed_header(name: str, value: str) -> tuple[CData, CData, tuple[CData, CData]]:
    """The strings of a header, and what they borrow from. Many headers are the same in each message: Server, Reason."""
    name, value = checked_header(name, value)
    name_str, name_kept = strings.borrowed(name)
    value_str, value_kept = strings.borrowed(value)
    return name_str, value_str, (name_kept, value_kept)


def add_parsed_header(core: PjCore, tdata: CData, name: str, value: str) -> None:
    """Append a header in PJSIP's own type for it, which Route, Contact, Require... need to be understood.

    Raises ValueError when PJSIP cannot parse it.
    """
    name, value = checked_header(name, value)
    pool = tdata.pool
    name_str, name_kept = strings.borrowed(name)
    line = strings.dup(pool, value)
    parsed = ffi.new("int *")
    header = core.lib.pjsip_parse_hdr(pool, name_str, line.ptr, line.slen, parsed)
    del name_kept
    if header == ffi.NULL:
        raise ValueError(f"not a value for header {name}: {value!r}")
    insert_last(tdata.msg, header)


def set_max_forwards(core: PjCore, tdata: CData, value: int) -> None:
    """Change the request's Max-Forwards. Raises ValueError outside 0 to 255 (RFC 3261 20.22)."""
    if not 0 <= value <= 255:
        raise ValueError(f"not a number of forwards: {value}")
    header = core.lib.pjsip_msg_find_hdr(tdata.msg, core.lib.PJSIP_H_MAX_FORWARDS, ffi.NULL)
    if header != ffi.NULL:
        ffi.cast("pjsip_generic_int_hdr *", header).ivalue = value


def set_to_tag(core: PjCore, tdata: CData, tag: str) -> None:
    """Give To a tag; one that it has stays."""
    header = core.lib.pjsip_msg_find_hdr(tdata.msg, core.lib.PJSIP_H_TO, ffi.NULL)
    if header != ffi.NULL:
        to = ffi.cast("pjsip_fromto_hdr *", header)
        to.tag = strings.dup(tdata.pool, tag)[0]


def insert_last(message: CData, header: CData) -> None:
    """Append one header node to a message's list."""
    node = ffi.cast("pjsip_hdr *", header)
    head = ffi.addressof(message, "hdr")
    last = head.prev
    node.prev, node.next = last, head
    last.next = node
    head.prev = node


def remove_headers(message: CData, names: set[str]) -> None:
    """Take the headers of these names (in lower case) out of a message's list; PJSIP's pools keep their memory."""
    if not names:
        return
    head = ffi.addressof(message, "hdr")
    node = head.next
    while node != head:
        after = node.next
        if strings.text(node.name).lower() in names:
            node.prev.next, after.prev = after, node.prev
        node = after


def set_body(core: PjCore, tdata: CData, content_type: str, body: bytes) -> None:
    """Give the message a body (copied) and room for it; raises ValueError for a content type without a slash."""
    kind, slash, subtype = content_type.partition("/")
    if not slash or "\r" in content_type or "\n" in content_type:
        raise ValueError(f"not a content type: {content_type!r}")
    type_str, type_kept = strings.borrowed(kind.strip())
    subtype_str, subtype_kept = strings.borrowed(subtype.strip())
    body_str, body_kept = strings.borrowed(body)
    tdata.msg.body = core.lib.pjsip_msg_body_create(tdata.pool, type_str, subtype_str, body_str)
    del type_kept, subtype_kept, body_kept
    reserve(core, tdata, len(body) + TYPICAL_HEAD)


def add_part(core: PjCore, tdata: CData, content_type: str, content: bytes) -> None:
    """Make the message's body multipart, with one more part. The body must be one of `set_body`'s, or none."""
    parts = [(content_type.encode("ascii"), content)]
    body = tdata.msg.body
    if body:
        kind = strings.raw(body.content_type.type) + b"/" + strings.raw(body.content_type.subtype)
        parts.insert(0, (kind, bytes(ffi.buffer(ffi.cast("char *", body.data), body.len))))
    boundary = token_hex(16)
    mark = b"--" + boundary.encode("ascii")
    text = b"".join(mark + b"\r\nContent-Type: " + kind + b"\r\n\r\n" + each + b"\r\n" for kind, each in parts)
    set_body(core, tdata, f"multipart/mixed;boundary={boundary}", text + mark + b"--\r\n")


def reserve(core: PjCore, tdata: CData, size: int) -> None:
    """Make room to print ``size`` bytes, before the message is first sent; no effect when it fits anyway."""
    if size <= ROOMY or tdata.buf.start != ffi.NULL:
        return
    size = min(size + HEADROOM, MAX_MESSAGE)
    start = ffi.cast("char *", core.lib.pj_pool_alloc(tdata.pool, size + 1))
    tdata.buf.start = tdata.buf.cur = start
    tdata.buf.end = start + size


def try_next_address(core: PjCore, tdata: CData) -> bool:
    """Turn a request that nobody answered (408, 503) to its target's next address (RFC 3263 4.3); False without one.

    A new transaction has to send it then, so its Via gets another branch.
    """
    destination = tdata.dest_info
    if tdata.is_pending or destination.cur_addr + 1 >= destination.addr.count:
        return False
    destination.cur_addr += 1
    via = core.lib.pjsip_msg_find_hdr(tdata.msg, core.lib.PJSIP_H_VIA, ffi.NULL)
    if via != ffi.NULL:
        ffi.cast("pjsip_via_hdr *", via).branch_param.slen = 0
    core.lib.pjsip_tx_data_invalidate_msg(tdata)
    return True


def set_transport(core: PjCore, tdata: CData, selector: CData) -> None:
    """Bind the message to a transport or listener; ``selector``: pjsip_tpselector *."""
    check(core.lib.pjsip_tx_data_set_transport(tdata, selector), "pjsip_tx_data_set_transport")

"""Phones behind address translation (res_pjsip_nat): ``rewrite_contact`` and ``force_rport``.

With ``rewrite_contact`` a contact becomes the address its request came from, and back in answers. The host that the
phone wrote is kept in the URI's ``x-ast-orig-host`` parameter, so that the phone sees its own URI. With ``force_rport``
a request is read as if its sender had asked for answers at its source port (RFC 3581).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.pjsip.uri import SipSyntaxError, SipUri, split_host_port

if TYPE_CHECKING:
    from pbx.pjsip.host import TransportInfo

ORIGINAL_HOST = "x-ast-orig-host"

_TOP_VIA = re.compile(rb"\n(?:via|v)[ \t]*:[^\r\n,]*", re.IGNORECASE)
_RPORT = re.compile(rb";[ \t]*rport(?![a-z0-9\-.!%*_+`'~])", re.IGNORECASE)


def with_rport(raw: bytes) -> bytes | None:
    """A request with ``;rport`` added to its top Via; None when it is there, or ``raw`` is no request with a Via."""
    if raw.startswith(b"SIP/"):
        return None
    top = _TOP_VIA.search(raw)
    if top is None or _RPORT.search(top[0]):
        return None
    end = top.start() + len(top[0].rstrip())
    return b"%s;rport%s" % (raw[:end], raw[end:])


def rewritten(uri: SipUri, source: tuple[str, int], protocol: str) -> SipUri:
    """``uri`` with the host, port and transport that reach the sender."""
    host, port = source
    if uri.host == host and uri.port == port:
        return uri
    params = {name: value for name, value in uri.params.items() if name not in (ORIGINAL_HOST, "transport")}
    original = f"[{uri.host}]" if ":" in uri.host else uri.host
    params[ORIGINAL_HOST] = f"{original}:{uri.port}" if uri.port else original
    if protocol in ("ws", "wss"):
        params["transport"] = "ws"
    elif protocol != "udp":
        params["transport"] = protocol
    return replace(uri, host=host, port=port, params=params)


def restored(uri: SipUri) -> SipUri:
    """``uri`` as the phone wrote it."""
    original = uri.param(ORIGINAL_HOST)
    if original is None:
        return uri
    try:
        host, port = split_host_port(original)
    except SipSyntaxError:
        return uri
    params = {name: value for name, value in uri.params.items() if name != ORIGINAL_HOST}
    return replace(uri, host=host, port=port, params=params)


def ends_with_connection(uri: SipUri, source: tuple[str, int], transport: TransportInfo, *, rewrite: bool) -> bool:
    """Whether ``uri`` can be reached by the connection it registered on alone, and so is gone with it."""
    if not transport.is_reliable or (uri.host, uri.port) != source:
        return False
    named = (uri.param("transport") or "").lower()
    expected = "ws" if transport.protocol == "wss" else transport.protocol
    return named == expected and (rewrite or named == "ws")

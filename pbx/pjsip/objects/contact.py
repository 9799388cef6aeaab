"""``contact``: one place where an address of record was registered, or a permanent one of its ``contact=`` option."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option

ID_SEPARATOR = ";@"
"""Between the address of record and the URI's hash in a registered contact's id."""
STATIC_SEPARATOR = "@@"


def uri_hash(uri: str) -> str:
    """The hash that ids and listings show for a URI."""
    return hashlib.md5(uri.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def contact_id(aor: str, uri: str) -> str:
    """The id of a registered contact."""
    return f"{aor}{ID_SEPARATOR}{uri_hash(uri)}"


def static_contact_id(aor: str, uri: str) -> str:
    """The id of a permanent contact."""
    return f"{aor}{STATIC_SEPARATOR}{uri_hash(uri)}"


@dataclass(frozen=True, slots=True)
class Contact(ConfigObject):
    """A contact. ``expiration_time`` is Unix seconds, 0.0 for permanent ones; times of qualify are in seconds."""

    type_name: ClassVar[str] = "contact"

    aor: str = option(types.STRING, "", help="address of record")
    uri: str = option(types.STRING, "", help="where requests are sent")
    path: str = option(types.STRING, "", help="Path through which they go (RFC 3327), comma separated")
    expiration_time: float = option(types.number(0.0), 0.0, help="when the registration ends")
    endpoint: str = option(types.STRING, "", help="endpoint that registered")
    user_agent: str = option(types.STRING, "", help="User-Agent of the REGISTER")
    reg_server: str = option(types.STRING, "", help="system that took the registration")
    via_addr: str = option(types.STRING, "", help="address in the last Via of the REGISTER")
    via_port: int = option(types.integer(0, 65_535), 0, help="port in the last Via of the REGISTER")
    call_id: str = option(types.STRING, "", help="Call-ID of the REGISTER")
    cseq: int = option(types.integer(0, 2**32 - 1), 0, help="CSeq of the REGISTER", hidden=True)
    q: float = option(types.number(0.0, 1.0), 1.0, help="preference among contacts", hidden=True)
    prune_on_boot: bool = option(types.YESNO, False, help="ends with its connection, so with the process too")
    qualify_frequency: int = option(types.integer(0, 86_400), 0, help="as in the address of record")
    qualify_timeout: float = option(types.number(0.0), 3.0, help="as in the address of record")
    qualify_2xx_only: bool = option(types.BOOL, False, help="as in the address of record")
    authenticate_qualify: bool = option(types.YESNO, False, help="as in the address of record")
    outbound_proxy: str = option(types.STRING, "", help="as in the address of record")

    @property
    def is_static(self) -> bool:
        """Whether it is written in the configuration and never expires."""
        return self.expiration_time == 0.0

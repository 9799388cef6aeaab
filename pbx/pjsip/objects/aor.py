"""``type=aor``: an address of record, the name under which contacts are registered (RFC 3261 section 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option
from pbx.pjsip.objects.types import CONTACTS

MAX_SECONDS = 2**31 - 1
MAX_QUALIFY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Aor(ConfigObject):
    """Where an endpoint can be reached; all times are in seconds."""

    type_name: ClassVar[str] = "aor"

    contact: tuple[str, ...] = option(CONTACTS, (), help="permanent contacts, SIP URIs; may be repeated")
    max_contacts: int = option(types.integer(0, 100_000), 0, help="contacts that may be registered; 0 refuses REGISTER")
    remove_existing: bool = option(types.BOOL, False, help="a new contact replaces the oldest instead of being refused")
    remove_unavailable: bool = option(types.BOOL, False, help="a new contact replaces unreachable ones first")
    minimum_expiration: int = option(types.integer(0, MAX_SECONDS), 60, help="shortest registration")
    default_expiration: int = option(types.integer(0, MAX_SECONDS), 3600, help="registration when none is asked for")
    maximum_expiration: int = option(types.integer(0, MAX_SECONDS), 7200, help="longest registration")
    qualify_frequency: int = option(types.integer(0, MAX_QUALIFY_SECONDS), 0, help="seconds between OPTIONS; 0 none")
    qualify_timeout: float = option(
        types.number(0.0), 3.0, help="seconds to wait for the answer to OPTIONS; 0 the longest"
    )
    qualify_2xx_only: bool = option(types.BOOL, False, help="only 2xx counts as reachable")
    authenticate_qualify: bool = option(types.BOOL, False, help="answer a challenge to OPTIONS")
    support_path: bool = option(types.BOOL, False, help="keep Path headers (RFC 3327)")
    outbound_proxy: str = option(types.STRING, "", help="SIP URI through which OPTIONS are sent")
    mailboxes: str = option(types.STRING, "", help="mailboxes offered to subscribers")
    voicemail_extension: str = option(types.STRING, "", help="extension sent as Message-Account")

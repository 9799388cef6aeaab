"""``type=acl``: access lists that hold for every SIP request, whoever sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option
from pbx.config.types import AccessList


@dataclass(frozen=True, slots=True)
class Acl(ConfigObject):
    """Networks that may, or may not, reach us; and that Contact headers may, or may not, name."""

    type_name: ClassVar[str] = "acl"

    acl: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), help="named access lists of acl.conf")
    permit_deny: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="allowed and refused source networks"
    )
    contact_acl: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), help="the same for Contact addresses")
    contact_permit_deny: AccessList = option(
        types.ACCESS_LIST,
        AccessList(),
        names=("contact_permit", "contact_deny"),
        help="allowed and refused Contact networks",
    )

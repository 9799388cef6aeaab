"""``type=domain_alias``: another name for a domain; the section's name is the alias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option


@dataclass(frozen=True, slots=True)
class DomainAlias(ConfigObject):
    """``id`` stands for ``domain`` when endpoints and addresses of record are looked up."""

    type_name: ClassVar[str] = "domain_alias"

    domain: str = option(types.STRING, "", help="the domain that is meant")

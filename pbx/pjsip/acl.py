"""Access lists of endpoints and of ``type=acl``, with the named lists of acl.conf (res_pjsip_acl)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from twisted.logger import Logger

from pbx.config import types
from pbx.config.options import ConfigObject, option, schema_of
from pbx.config.types import AccessList
from pbx.errors import ConfigError
from pbx.pjsip.uri import SipSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.config import ConfigLoader
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.objects import Acl, Endpoint

log = Logger()

ACL_FILE = "acl.conf"
DENY_ALL = AccessList().updated("0.0.0.0/0,::/0", permit=False)
"""Stands for a named list that does not exist: a typing error must not open a door."""
MAX_CONTACTS_CHECKED = 64


@dataclass(frozen=True, slots=True)
class NamedAccessList(ConfigObject):
    """A section of acl.conf."""

    type_name: ClassVar[str] = "acl"

    rules: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="allowed and refused networks"
    )


def read_named_lists(loader: ConfigLoader) -> dict[str, AccessList]:
    """The lists of acl.conf by name; none without the file. Raises ConfigErrors."""
    config = loader.load_optional(ACL_FILE)
    if config is None:
        return {}
    schema = schema_of(NamedAccessList)
    return {section.name: schema.build(section.name, section).rules for section in config.sections}


class AccessControl:
    """Answers whether a request may come from where it comes, and name the Contacts that it names."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._named: dict[str, AccessList] = {}
        self._lists: dict[tuple[tuple[str, ...], AccessList], tuple[AccessList, ...]] = {}
        self.reload()

    def reload(self) -> None:
        """Read acl.conf again; on error the lists stay as they were and the error is logged."""
        try:
            self._named = read_named_lists(self._loader)
        except ConfigError as error:
            log.error("{error}", error=str(error))
        self._lists.clear()

    def _lists_of(self, names: tuple[str, ...], own: AccessList) -> tuple[AccessList, ...]:
        key = (names, own)
        lists = self._lists.get(key)
        if lists is None:
            for name in names:
                if name not in self._named:
                    log.error("there is no access list '{name}' in acl.conf: all that use it are refused", name=name)
            lists = (*(self._named.get(name, DENY_ALL) for name in names), *([own] if own else []))
            self._lists[key] = lists
        return lists

    def permits_source(self, holder: Endpoint | Acl, request: IncomingRequest) -> bool:
        """Whether the sender's address passes every list of ``holder``."""
        if not holder.acl and not holder.permit_deny:
            return True
        address = request.source[0]
        return all(rules.permits(address) for rules in self._lists_of(holder.acl, holder.permit_deny))

    def permits_contacts(self, holder: Endpoint | Acl, request: IncomingRequest) -> bool:
        """Whether every Contact passes. A host name does not where lists apply: its address can change later."""
        if not holder.contact_acl and not holder.contact_permit_deny:
            return True
        lists = self._lists_of(holder.contact_acl, holder.contact_permit_deny)
        return all(_permitted(lists, host) for host in contact_hosts(request))


def _permitted(lists: Iterable[AccessList], host: str) -> bool:
    try:
        return all(rules.permits(host) for rules in lists)
    except ValueError:
        return False


def contact_hosts(request: IncomingRequest) -> list[str]:
    """Hosts of the request's Contacts; none when they cannot be read, which is for others to refuse."""
    try:
        contacts = request.contacts[:MAX_CONTACTS_CHECKED]
    except SipSyntaxError:
        return []
    return [contact.uri.host for contact in contacts if contact.uri.is_sip]

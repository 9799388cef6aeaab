"""``type=resource_list``: a name under which several resources are subscribed to at once (RFC 4662)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.config.types import ValueType

_ITEMS: ValueType[tuple[str, ...]] = types.accumulate(types.COMMA_LIST)


@dataclass(frozen=True, slots=True)
class ResourceList(ConfigObject):
    """A list of resources, or of other lists, for one event package."""

    type_name: ClassVar[str] = "resource_list"

    event: str = option(types.STRING, "", help="event package, such as presence, dialog or message-summary")
    list_item: tuple[str, ...] = option(_ITEMS, (), help="resources and lists; may be repeated")
    full_state: bool = option(types.BOOL, False, help="tell of all resources at each change")
    notification_batch_interval: int = option(
        types.integer(0, 2**32 - 1), 0, help="milliseconds in which changes are collected; 0 none"
    )
    resource_display_name: bool = option(types.BOOL, False, help="show the names of hints instead of extensions")

    def applied(self) -> ResourceList:
        if not self.event:
            raise OptionError("event", f"resource list '{self.id}' has no event")
        if not self.list_item:
            raise OptionError("list_item", f"resource list '{self.id}' has no list items")
        return self

"""cel.conf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.cel.event import CelType
from pbx.config.errors import raise_if_any
from pbx.config.types import is_true
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config, ConfigLoader

FILE = "cel.conf"
_ALL = "ALL"
_WORDS = {kind.value: kind for kind in CelType}
_OPTIONS = frozenset(("enable", "apps", "events", "dateformat"))


@dataclass(frozen=True, slots=True)
class CelSettings:
    """``[general]`` of cel.conf."""

    enable: bool = True
    tracked: frozenset[CelType] = frozenset()
    #: Applications, in lower case, whose beginning and end are events.
    tracked_apps: frozenset[str] = frozenset()
    #: A strftime format for times; empty for seconds and microseconds.
    dateformat: str = ""


def read_cel_conf(loader: ConfigLoader) -> tuple[CelSettings, Config] | None:
    """The settings and the file; None without it: no events then. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    if config is None:
        return None
    section = config.section("general")
    errors: list[ConfigError] = []
    tracked: set[CelType] = set()
    apps: set[str] = set()
    for item in () if section is None else section.items:
        key = item.key.lower()
        words = [word.strip() for word in item.value.split(",") if word.strip()]
        if key not in _OPTIONS:
            errors.append(item.error(f"unknown option '{item.key}'"))
        elif key == "apps":
            apps.update(word.lower() for word in words)
        elif key == "events":
            for word in words:
                if word.upper() == _ALL:
                    tracked.update(CelType)
                elif word.upper() in _WORDS:
                    tracked.add(_WORDS[word.upper()])
                else:
                    errors.append(item.error(f"there is no event '{word}'"))
    raise_if_any(errors)
    enabled = section is not None and is_true(section.get("enable", "no") or "")
    form = "" if section is None else section.get("dateformat", "") or ""
    return CelSettings(enabled, frozenset(tracked), frozenset(apps), form), config

"""lua.conf: how scripts are run and how far they are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pbx.config import options as _options
from pbx.config import types
from pbx.config.options import ConfigObject, option
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "lua.conf"


class StateMode(Enum):
    """Whose globals a script's globals are."""

    #: The file's body runs once for each channel, as in Asterisk.
    CHANNEL = "channel"
    #: The body runs once at load and every channel shares its globals.
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class LuaSettings(ConfigObject):
    """The section [general] of lua.conf."""

    id: str
    type_name: ClassVar[str] = "general"
    state: StateMode = option(
        types.enum(StateMode), StateMode.CHANNEL, help="run the body once per channel, or once for all (shared)"
    )
    instructions: int = option(
        types.integer(10_000, 10_000_000_000), 10_000_000, help="VM instructions between two applications"
    )
    memory_slice: int = option(
        types.integer(256, 1 << 20), 16 * 1024, help="KiB a script may allocate between two applications"
    )
    memory_total: int = option(types.integer(1024, 1 << 24), 1 << 20, help="KiB that all scripts together may hold")
    modules: tuple[str, ...] = option(
        types.COMMA_LIST, ("lua", "."), help="directories, below the configuration's, that require and dofile may read"
    )
    live_dangerously: bool = option(
        types.BOOL,
        False,
        help="give scripts io, package.loadlib and os.execute, exit, remove, rename, tmpname",
    )

    #: Databases that scripts may ask, by the names they use: ``[databases]``.
    databases: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True)

    def directories(self, etc: Path) -> tuple[Path, ...]:
        """The module directories as absolute paths."""
        return tuple((etc / name).resolve() for name in self.modules)


def read_settings(config: ConfigLoader) -> LuaSettings:
    """lua.conf, or the defaults when there is none. Raises ConfigErrors."""
    found = config.load_optional(FILE)
    settings = _options.parse_section(LuaSettings, None if found is None else found.section("general"))
    named = None if found is None else found.section("databases")
    if named is None:
        return settings
    for item in named.items:
        if "://" not in item.value:
            raise ConfigError(
                f"database {item.key}: a URL such as postgresql://host/name is needed", item.path, item.line
            )
    return replace(settings, databases={item.key: item.value for item in named.items})

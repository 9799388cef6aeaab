"""cel_custom and cel_manager: what writes the events, and what tells clients of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.cdr.writer import LineWriter
from pbx.cel.engine import CelEngine
from pbx.cel.event import CelEvent
from pbx.cel.layout import Layout, legacy_layout, section_layout
from pbx.cel.settings import FILE
from pbx.config.errors import raise_if_any
from pbx.config.types import is_true
from pbx.errors import ConfigError
from pbx.modules import Module, ModuleDeclined

if TYPE_CHECKING:
    from collections.abc import Callable

_CUSTOM_FILE = "cel_custom.conf"


@dataclass(frozen=True, slots=True)
class CelLogged:
    """Something happened to a channel, and cel_manager is to tell; ``show_user_defined`` as in cel.conf."""

    event: CelEvent
    show_user_defined: bool


class CustomModule(Module):
    """The files of cel_custom.conf, in the log directory's ``cel-custom``."""

    name = "cel_custom"
    description = "Customizable Comma Separated Values CEL Backend"
    requires = ("cel",)

    def check(self) -> None:
        if self.server.config.load_optional(_CUSTOM_FILE) is not None:
            self._read()

    async def load(self) -> None:
        self._writer = LineWriter(self.server.reactor)
        self._layouts = self._read()
        self._withdraw: Callable[[], None] = self.server.require(CelEngine).add_backend(
            "CEL Custom CSV Logging", self._log
        )

    async def unload(self) -> None:
        self._withdraw()
        self._writer.flush()

    async def reload(self) -> None:
        self._layouts = self._read()

    def _read(self) -> list[tuple[Path, Layout]]:
        config = self.server.config.load_optional(_CUSTOM_FILE)
        if config is None:
            raise ModuleDeclined(f"there is no {_CUSTOM_FILE}")
        general = self.server.config.load_optional(FILE)
        form = "" if general is None else general.get("general", "dateformat", "") or ""
        errors: list[ConfigError] = []
        found: list[tuple[Path, Layout]] = []
        for section in config.sections:
            if section.name.lower() != "mappings":
                try:
                    found.append((self._path(section.name), section_layout(section, form)))
                except ValueError as error:
                    errors.append(section.error(str(error)))
                continue
            for item in section.items:
                try:
                    found.append((self._path(item.key), legacy_layout(item.value, form)))
                except ValueError as error:
                    errors.append(item.error(str(error)))
        raise_if_any(errors)
        return found

    def _path(self, name: str) -> Path:
        """Raises ValueError for a relative name that leads elsewhere."""
        if name.startswith("/"):
            return Path(name)
        if "/" in name or name.startswith("."):
            raise ValueError(f"'{name}' is neither a file name nor an absolute path")
        return self.server.directories.log / "cel-custom" / name

    def _log(self, event: CelEvent) -> None:
        for path, layout in self._layouts:
            self._writer.write(path, layout(event))


class ManagerModule(Module):
    """The manager's event CEL."""

    name = "cel_manager"
    description = "Asterisk Manager Interface CEL Backend"
    requires = ("cel",)

    async def load(self) -> None:
        self._withdraw: Callable[[], None] | None = None
        await self.reload()

    async def unload(self) -> None:
        self._use(enabled=False)

    async def reload(self) -> None:
        config = self.server.config.load_optional(FILE)
        section = None if config is None else config.section("manager")
        self._shows = section is not None and is_true(section.get("show_user_defined", "no") or "")
        self._use(enabled=section is not None and is_true(section.get("enabled", "no") or ""))

    def _use(self, *, enabled: bool) -> None:
        if enabled and self._withdraw is None:
            self._withdraw = self.server.require(CelEngine).add_backend("Manager Event Logging", self._tell)
        elif not enabled and self._withdraw is not None:
            self._withdraw()
            self._withdraw = None

    def _tell(self, event: CelEvent) -> None:
        if self.server.bus.wanted(CelLogged):
            self.server.bus.publish(CelLogged(event, self._shows))

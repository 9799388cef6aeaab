"""The exchange's SIP settings as they are now: the ``type=global`` and ``type=system`` sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.pjsip.objects import GlobalSettings, SystemSettings

if TYPE_CHECKING:
    from pbx.sorcery import Sorcery


class PjsipSettings:
    """Current global and system settings; defaults where the sections are missing. `close` ends the updates."""

    def __init__(self, sorcery: Sorcery) -> None:
        self._sorcery = sorcery
        self.global_ = GlobalSettings("global")
        self.system = SystemSettings("system")
        self._withdraw = sorcery.observe(GlobalSettings, loaded=self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Read the sections again."""
        self.global_ = next(iter(self._sorcery.all(GlobalSettings)), GlobalSettings("global"))
        self.system = next(iter(self._sorcery.all(SystemSettings)), SystemSettings("system"))

    def close(self) -> None:
        self._withdraw()

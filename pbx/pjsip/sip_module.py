"""What the loadable SIP modules have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pbx.modules import Module
from pbx.pjsip.res_pjsip import config_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.config.options import ConfigObject


class SipModule(Module):
    """A module whose `load` collects in ``withdrawals`` what `unload` takes back."""

    requires: ClassVar[tuple[str, ...]] = ("res_pjsip",)

    async def load(self) -> None:
        self.withdrawals: list[Callable[[], None]] = []
        try:
            self.offer()
        except BaseException:
            self.take_back()
            raise

    def offer(self) -> None:
        """Register what the module offers."""
        raise TypeError(f"{type(self).__name__} offers nothing")

    def take_back(self) -> None:
        for withdraw in reversed(self.withdrawals):
            withdraw()
        self.withdrawals.clear()

    async def unload(self) -> None:
        self.take_back()

    def own_type(self, kind: type[ConfigObject]) -> None:
        """Register and read an object type of pjsip.conf that comes with this module."""
        self.withdrawals.append(self.server.sorcery.register_type(kind, module=self.name, default=config_mapping(kind)))
        self.server.sorcery.start(kind)

    def check_type(self, kind: type[ConfigObject]) -> None:
        """Read the type's sections for `check`."""
        withdraw = self.server.sorcery.register_type(kind, module=self.name, default=config_mapping(kind))
        try:
            self.server.sorcery.load(kind)
        finally:
            withdraw()

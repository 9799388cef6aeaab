"""The module ``res_stasis``: offers `StasisApplications` and `Stasis` to the interfaces and the dialplan."""

from __future__ import annotations

from pbx.media.tones import Tones
from pbx.modules import Module, ModuleBusy
from pbx.stasis.applications import StasisApplications
from pbx.stasis.service import Stasis


class StasisModule(Module):
    """Applications outside the exchange."""

    name = "res_stasis"
    description = "Stasis application support"

    async def load(self) -> None:
        server = self.server
        self.stasis = Stasis(
            bus=server.bus,
            clock=server.clock,
            channels=server.channels,
            bridges=server.bridges,
            technologies=server.technologies,
            switchboard=server.switchboard,
            originator=server.originator,
            recordings=server.directories.spool / "recording",
            tones=server.require(Tones),
        )
        server.provide(StasisApplications, self.stasis.applications)
        server.provide(Stasis, self.stasis)

    async def unload(self) -> None:
        if len(self.stasis) or len(self.stasis.applications):
            raise ModuleBusy(f"module {self.name} is in use by applications and {len(self.stasis)} channels")
        for own in self.stasis.bridges:
            await self.stasis.bridges.destroy(own)
        self.server.withdraw(Stasis)
        self.server.withdraw(StasisApplications)

    @property
    def use_count(self) -> int:
        return len(self.stasis)


MODULES: tuple[type[Module], ...] = (StasisModule,)

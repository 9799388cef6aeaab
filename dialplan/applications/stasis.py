"""app_stasis: Stasis, and a context ``stasis-<app>`` for each application that is registered."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.extensions import Fragment, Priority
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.stasis.applications import StasisApplications
from pbx.stasis.service import Stasis

log = Logger()

REGISTRAR = "res_stasis"
#: The application and what is given to it; the last takes the rest (AST_MAX_ARGS in app_stasis.c).
MAX_ARGUMENTS = 129


class StasisModule(DialplanModule):
    """Stasis."""

    name = "app_stasis"
    description = "Stasis dialplan application"
    requires = ("res_stasis",)

    async def load(self) -> None:
        await super().load()
        self._applications_known = self.server.require(StasisApplications)
        self._names = dict.fromkeys(self._applications_known.names)
        self._applications_known.observers.append(self._changed)
        self._merge()

    async def unload(self) -> None:
        await super().unload()
        self._applications_known.observers.remove(self._changed)
        self._names.clear()
        self._merge()

    def _changed(self, name: str, present: bool) -> None:
        if present:
            self._names[name] = None
        else:
            self._names.pop(name, None)
        self._merge()

    def _merge(self) -> None:
        self.server.require(Engine).contexts.merge(
            REGISTRAR, {f"stasis-{name}": _context(name) for name in self._names}
        )

    @application(
        "Stasis",
        "app_name[,args]",
        synopsis="Invoke an external Stasis application.",
        description=(
            "The channel stays until the application sends it on, hangs it up or it ends. What follows the name is "
            "given to the application as a list."
        ),
        sets=("STASISSTATUS",),
    )
    async def app_stasis(self, channel: Channel, args: Arguments) -> int:
        name, *rest = split_arguments(args.raw, MAX_ARGUMENTS) or [""]
        if not name:
            log.warn("{channel}: Stasis app_name argument missing", channel=channel.name)
            channel.set_variable("STASISSTATUS", "")
            channel.set_variable("STASISSTATUS", "FAILED")
            return RESULT_OK
        await self.server.require(Stasis).enter(channel, name, rest)
        return RESULT_OK


def _context(name: str) -> Fragment:
    """Every extension goes into the application; ``h`` does nothing."""
    made = Fragment(f"stasis-{name}")
    made.add("_.", Priority(1, "Stasis", name))
    made.add("h", Priority(1, "NoOp"))
    return made

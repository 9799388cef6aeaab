"""app_celgenuserevent: CELGenUserEvent."""

from __future__ import annotations

from dialplan.arguments import Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.cel import CelEngine, CelType
from pbx.core.channel import Channel


class CelUserEventModule(DialplanModule):
    """CELGenUserEvent."""

    name = "app_celgenuserevent"
    description = "Generate an User-Defined CEL event"
    requires = ("cel",)

    @application(
        "CELGenUserEvent",
        "event-name[,extra]",
        synopsis="Generates a CEL User Defined Event.",
        description="A CEL event of the type USER_DEFINED, with a name and details of its own.",
    )
    def app_cel_gen_user_event(self, channel: Channel, args: Arguments) -> int:
        if args.raw:
            self.server.require(CelEngine).report(
                CelType.USER_DEFINED, channel.snapshot(), name=args["event-name"], extra={"extra": args["extra"]}
            )
        return RESULT_OK

"""app_system: System and TrySystem."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.functions.base import decoded
from dialplan.functions.encoding import to_bytes
from dialplan.processes import CommandFailed, Commands
from dialplan.registry import SYSTEM, DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.core.channel import Channel

log = Logger()

#: Seconds a command may run.
COMMAND_SECONDS = 600.0
#: The exit status of a shell that has not found the command.
_NOT_FOUND = 127
_DESCRIPTION = (
    "The command runs beside the exchange; the call goes on when it has ended, and after ten minutes it is ended. A "
    "hangup does not end it, so that it can be used in h. SYSTEMSTATUS is SUCCESS, APPERROR where its status is not 0, "
    "or FAILURE where it could not be run{more}. Never put into the command what a caller can choose, such as "
    "CALLERID(name), unless FILTER has taken out what the shell understands."
)


class SystemModule(DialplanModule):
    """System and TrySystem."""

    name = "app_system"
    description = "Generic System() application"

    _commands: Commands | None = None

    @property
    def commands(self) -> Commands:
        if self._commands is None:
            self._commands = Commands(self.server, "System")
        return self._commands

    async def unload(self) -> None:
        await super().unload()
        self.commands.end()

    @application(
        "System",
        "command",
        synopsis="Execute a system command.",
        description=_DESCRIPTION.format(more=", which ends the call"),
        sets=("SYSTEMSTATUS",),
        see_also=("TrySystem", "SHELL"),
        capability=SYSTEM,
    )
    async def app_system(self, channel: Channel, args: Arguments) -> int:
        return await self._run(channel, args.raw, RESULT_HANGUP)

    @application(
        "TrySystem",
        "command",
        synopsis="Try executing a system command.",
        description=_DESCRIPTION.format(more=""),
        sets=("SYSTEMSTATUS",),
        see_also=("System", "SHELL"),
        capability=SYSTEM,
    )
    async def app_try_system(self, channel: Channel, args: Arguments) -> int:
        return await self._run(channel, args.raw, RESULT_OK)

    async def _run(self, channel: Channel, text: str, failed: int) -> int:
        if not text:
            log.warn("{channel}: System requires an argument(command)", channel=channel.name)
            channel.set_variable("SYSTEMSTATUS", "FAILURE")
            return failed
        command = decoded(text)
        if len(command) > 1 and command[0] in "\"'" and command[-1] == command[0]:
            command = command[1:-1]
            log.info("It is not necessary to quote the argument to the System application.")
        try:
            outcome = await self.commands.run(to_bytes(command), COMMAND_SECONDS, keeps_output=False)
            reason = "" if outcome.status not in (None, _NOT_FOUND) else f"status {outcome.status}"
        except CommandFailed as error:
            outcome, reason = None, str(error)
        if outcome is None or reason:
            log.warn("{channel}: Unable to execute '{text}': {why}", channel=channel.name, text=text, why=reason)
            channel.set_variable("SYSTEMSTATUS", "FAILURE")
            return failed
        channel.set_variable("SYSTEMSTATUS", "APPERROR" if outcome.status else "SUCCESS")
        return RESULT_OK

"""res_agi: AGI, EAGI, DeadAGI."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from dialplan.agi import console
from dialplan.agi.asynchronous import AsyncAgi
from dialplan.agi.commands import COMMANDS
from dialplan.agi.conversation import Conversation, Debug, Status
from dialplan.agi.link import Link
from dialplan.agi.network import CannotConnect, FastAgi
from dialplan.agi.script import ScriptLink, Scripts, script_environment, script_path
from dialplan.agi.table import AgiCommandTable
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.verbosity import verbose
from pbx.core.channel import Channel
from pbx.core.media import LISTENING_FORMATS
from pbx.errors import ObeliskError

log = Logger()

#: Arguments of one AGI(), its program included.
MAX_ARGUMENTS = 127
ASYNC = "agi:async"
DEFAULT_FORMAT = "slin"

_DESCRIPTION = (
    "The program is a file, below astagidir unless its name is absolute; agi://host[:port][/script] for a FastAGI "
    "server; hagi://domain[/script] for one of the servers that the SRV records of _agi._tcp.domain name; or agi:async "
    "for managers, who send commands by the action AGI. Once the call is hung up a file gets SIGHUP and a server the "
    "line HANGUP, unless AGISIGHUP is no; both may go on with the commands that need no call, unless AGIEXITONHANGUP "
    "is yes."
)


class AgiModule(DialplanModule):
    """AGI, EAGI, DeadAGI."""

    name = "res_agi"
    description = "Asterisk Gateway Interface (AGI)"

    async def load(self) -> None:
        self._table = AgiCommandTable(COMMANDS)
        self._debug = Debug()
        self._scripts = Scripts()
        self._network = FastAgi(self.server.reactor, self.server.clock)
        self._withdraw_console: Callable[[], None] = console.register(self.server, self._table, self._debug)
        self.register()

    async def unload(self) -> None:
        await super().unload()
        self._withdraw_console()
        self._scripts.kill()

    @application(
        "AGI",
        "command,args",
        synopsis="Executes an AGI compliant application.",
        description=_DESCRIPTION,
        sets=("AGISTATUS",),
        see_also=("EAGI", "DeadAGI"),
        capability="system",
    )
    async def app_agi(self, channel: Channel, args: Arguments) -> int:
        return await self._run(channel, args)

    @application(
        "EAGI",
        "command,args",
        synopsis="Executes an EAGI compliant application.",
        description="As AGI of a file, which also reads what the caller says from descriptor 3: 16-bit samples, 8 kHz, "
        "or as EAGI_AUDIO_FORMAT says (slin, slin16, ulaw, alaw).",
        sets=("AGISTATUS",),
        see_also=("AGI", "DeadAGI"),
        capability="system",
    )
    async def app_eagi(self, channel: Channel, args: Arguments) -> int:
        if channel.interrupted:
            log.error(
                "{channel}: EAGI cannot be run on a dead/hungup channel, please use AGI.",
                channel=channel.name,
                call_id=channel.callid,
            )
            return RESULT_OK
        return await self._run(channel, args, enhanced=True)

    @application(
        "DeadAGI",
        "command,args",
        synopsis="Executes AGI on a hungup channel.",
        description="Deprecated: AGI does the same.",
        sets=("AGISTATUS",),
        see_also=("AGI", "EAGI"),
        capability="system",
    )
    async def app_deadagi(self, channel: Channel, args: Arguments) -> int:
        log.warn("DeadAGI has been deprecated, please use AGI in all cases!")
        return await self._run(channel, args)

    async def _run(self, channel: Channel, args: Arguments, *, enhanced: bool = False) -> int:
        words = split_arguments(args.raw, MAX_ARGUMENTS)
        if not words:
            raise ArgumentError("AGI requires an argument (script)")
        status = await self._talk(channel, words, enhanced=enhanced)
        if channel.alive:
            channel.set_variable("AGISTATUS", status.value)
        return RESULT_HANGUP if status is Status.HANGUP else RESULT_OK

    async def _talk(self, channel: Channel, words: Sequence[str], *, enhanced: bool) -> Status:
        request = words[0]
        lower = request.lower()
        if lower.startswith(("agi://", "hagi://")):
            return Status.FAILURE if enhanced else await self._talk_to_server(channel, words)
        if lower.startswith(ASYNC):
            if enhanced:
                log.warn("{channel}: Async AGI does not support Enhanced AGI yet", channel=channel.name)
                return Status.FAILURE
            agi = AsyncAgi(self.server, self.server.require(Engine), self._table, self._debug, channel)
            return await agi.run(words[1:])
        return await self._talk_to_script(channel, words, enhanced=enhanced)

    async def _talk_to_server(self, channel: Channel, words: Sequence[str]) -> Status:
        dead = channel.interrupted
        try:
            link, target = await self._network.connect(words[0])
        except CannotConnect as error:
            log.warn(
                "{channel}: FastAGI connection to '{url}' failed: {reason}",
                channel=channel.name,
                url=words[0],
                reason=str(error),
                call_id=channel.callid,
            )
            return Status.FAILURE
        link.send("agi_network: yes\n")
        if target.script:
            link.send(f"agi_network_script: {target.script}\n")
        return await self._conversation(channel, link, dead=dead).run(words[0], words[1:])

    async def _talk_to_script(self, channel: Channel, words: Sequence[str], *, enhanced: bool) -> Status:
        server = self.server
        path = script_path(server.directories, words[0])
        if not path.exists():
            log.warn("Failed to execute '{path}': File does not exist.", path=str(path), call_id=channel.callid)
            return Status.NOTFOUND
        dead = channel.interrupted
        link = ScriptLink(server.clock, self._scripts, words[0])
        environment = script_environment(server.directories, server.conf.path)
        try:
            link.start(server.reactor, str(path), words, environment, audio=enhanced)
        except (OSError, ValueError) as error:
            log.warn("Failed to execute '{path}': {reason}", path=str(path), reason=str(error))
            return Status.FAILURE
        verbose(log, 3, "Launched AGI Script {path}", path=str(path))
        conversation = self._conversation(channel, link, dead=dead)
        if not enhanced:
            return await conversation.run(words[0], words[1:])
        try:
            tap = server.switchboard.listen(channel.audio, link.hear, self._audio_format(channel))
        except ObeliskError as error:
            log.warn("{channel}: EAGI: {reason}", channel=channel.name, reason=str(error), call_id=channel.callid)
            link.close()
            return Status.FAILURE
        try:
            return await conversation.run(words[0], words[1:], enhanced=True)
        finally:
            tap.stop()

    def _conversation(self, channel: Channel, link: Link, *, dead: bool) -> Conversation:
        engine = self.server.require(Engine)
        return Conversation(self.server, engine, self._table, self._debug, channel, link, dead=dead)

    @staticmethod
    def _audio_format(channel: Channel) -> str:
        name = channel.get_variable("EAGI_AUDIO_FORMAT")
        if not name:
            return DEFAULT_FORMAT
        if name.lower() not in LISTENING_FORMATS:
            log.error("Could not find requested format: {name}", name=name)
            return DEFAULT_FORMAT
        return name.lower()

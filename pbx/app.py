"""The composition root: builds a `Server` from a configuration directory. No other module wires parts together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

import dialplan
from ami.modules import MODULES as AMI_MODULES
from ari.modules import MODULES as ARI_MODULES
from pbx.astdb import AstDb
from pbx.bus import Bus
from pbx.cdr import MODULES as CDR_MODULES
from pbx.cel import MODULES as CEL_MODULES
from pbx.cli.registry import CommandRegistry
from pbx.clock import Clock
from pbx.config import ConfigLoader
from pbx.config.errors import flatten
from pbx.core import messages
from pbx.core.bridge import Bridges
from pbx.core.channels import Channels
from pbx.core.devices import DeviceStates
from pbx.core.hints import Hints
from pbx.core.local import LocalTechnology
from pbx.core.originate import Originator
from pbx.core.presence import Presences
from pbx.core.technology import Technologies
from pbx.core.text_messages import DialplanMessages, TextMessages
from pbx.errors import ConfigError, ObeliskError
from pbx.http.client import HttpClient
from pbx.http.modules import MODULES as HTTP_MODULES
from pbx.http.websocket_client import MODULES as WEBSOCKET_CLIENT_MODULES
from pbx.media import MediaEngine
from pbx.media.chan_rtp import MODULES as RTP_MODULES
from pbx.media.config import read_settings
from pbx.media.tones import Tones, read_indications_conf
from pbx.modules import Module, ModuleError, ModulePolicy, ModuleRegistry, read_policy
from pbx.mwi import MODULES as MWI_MODULES
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.modules import MODULES as PJSIP_MODULES
from pbx.pjsip.pubsub.modules import MODULES as PUBSUB_MODULES
from pbx.pjsip.session.modules import MODULES as SESSION_MODULES
from pbx.pjsip.test_events import MODULES as PJSIP_TEST_MODULES
from pbx.server import Server
from pbx.sorcery import Sorcery
from pbx.sql import Databases, ThreadRunner
from pbx.stasis.module import MODULES as STASIS_MODULES
from pbx.statsd import MODULES as STATSD_MODULES
from pbx.test_events import MODULES as TEST_MODULES
from pbx.version import PRODUCT_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from dialplan.lint import Report
    from pbx.asterisk_conf import AsteriskConf

log = Logger()

#: Every module of the program, in the order they load where nothing else decides.
MODULES: tuple[type[Module], ...] = (
    *PJSIP_MODULES,
    *SESSION_MODULES,
    *PUBSUB_MODULES,
    *RTP_MODULES,
    *MWI_MODULES,
    *STATSD_MODULES,
    *STASIS_MODULES,
    *TEST_MODULES,
    *PJSIP_TEST_MODULES,
    *CDR_MODULES,
    *CEL_MODULES,
    *dialplan.MODULES,
    *HTTP_MODULES,
    *WEBSOCKET_CLIENT_MODULES,
    *AMI_MODULES,
    *ARI_MODULES,
)


def build(reactor: Any, conf: AsteriskConf) -> Server:
    """The parts of an exchange, wired and not started. Raises ConfigError for files that parts need to exist."""
    server = Server(reactor)
    server.conf, server.directories, server.options = conf, conf.directories, conf.options
    server.clock = Clock(reactor)
    server.bus = Bus()
    server.config = ConfigLoader(conf.directories.etc, exec_allowed=conf.options.execincludes)
    server.astdb = AstDb(conf.directories.astdb)
    server.sorcery = Sorcery(server.config, server.astdb)
    server.cli = CommandRegistry()
    host = PjsipHost(reactor, server=PRODUCT_TOKEN)
    server.provide(PjsipHost, host)
    engine = MediaEngine(
        host.core, read_settings(server.config, conf.directories, conf.options.defaultlanguage), reactor
    )
    server.provide(MediaEngine, engine)
    server.switchboard = engine
    server.provide(HttpClient, HttpClient(reactor, server.clock))
    server.provide(Databases, Databases(server.clock, ThreadRunner(reactor)))
    server.provide(Tones, Tones(read_indications_conf(server.config), engine))
    server.channels = Channels(server.bus, server.clock, engine, system_name=conf.options.system_name)
    server.channels.system_variables |= conf.directories.variables() | {"ENTITYID": conf.options.entity_id}
    server.bridges = Bridges(server.bus, server.clock, engine)
    server.bridges.music = lambda: server.channels.music
    server.technologies = Technologies()
    server.technologies.register(LocalTechnology(server.channels))
    server.devices = DeviceStates(server.bus, server.clock, server.channels, server.technologies)
    server.presences = Presences(server.bus)
    server.hints = Hints(server.bus, server.devices, server.presences)
    server.originator = Originator(server.channels, server.technologies, lambda: server.dialplan)
    server.channels.dialplan = dialplan.install(server, live_dangerously=conf.options.live_dangerously)
    texts = TextMessages()
    texts.register_handler(DialplanMessages(server.channels))
    server.provide(TextMessages, texts)
    server.modules = ModuleRegistry(server, MODULES)
    server.gauges |= {
        "channels": lambda: len(server.channels),
        "bridges": lambda: len(server.bridges),
        "SIP invite sessions": lambda: len(host.invite),
        "RTP port pairs": lambda: engine.transports_lent,
        "media legs": lambda: engine.legs,
        "media streams": lambda: engine.streams,
        "conference ports": lambda: engine.mixer.ports,
        "conference connections": lambda: engine.mixer.connections,
    }
    return server


def _policy(server: Server) -> ModulePolicy:
    config = server.config.load_optional("modules.conf")
    return ModulePolicy() if config is None else read_policy(config)


async def start(server: Server) -> None:
    """Open what is kept, start SIP and media, load the modules. Raises ObeliskError; `stop` undoes what was done."""
    server.started_at = server.reloaded_at = server.clock.now()
    server.astdb.open()
    server.astdb.start(server.clock, server.reactor)
    await server.require(PjsipHost).start()
    server.require(MediaEngine).start()
    await server.modules.start(_policy(server))
    for unclaimed in server.sorcery.unclaimed():
        log.warn("{error}", error=str(unclaimed))
    server.config.forget()
    server.set_booted()
    server.bus.publish(messages.FullyBooted(server.clock.now() - server.started_at))


async def stop(server: Server) -> None:
    """End every call, unload every module, close what was opened. Safe after a start that failed half way."""
    server.bus.publish(messages.ShuttingDown(server.restart_wanted))
    for channel in server.channels:
        channel.request_hangup()
    for channel in server.channels:
        channel.hangup()
    await server.modules.stop()
    await server.require(HttpClient).stop()
    server.require(Databases).stop()
    server.require(MediaEngine).stop()
    await server.require(PjsipHost).stop()
    server.astdb.close()


async def reload(server: Server, name: str | None = None) -> list[str]:
    """Reload one module or all; gives the names. Raises ModuleError with every failure, each part staying as it was."""
    server.config.forget()
    error, status = "", 0
    try:
        names = await server.modules.reload(name)
    except ObeliskError as failure:
        error = str(failure)
        status = failure.reload_status if isinstance(failure, ModuleError) else ModuleError.reload_status
        raise
    finally:
        server.config.forget()
        server.bus.publish(messages.Reloaded(name or "All", error, status))
    server.reloaded_at = server.clock.now()
    return names


def check_dialplan(directory: Path) -> Report:
    """What ``obelisk dialplan check`` finds in a configuration directory. Raises ConfigError without a dialplan."""
    from dialplan.lint import check_directory

    return check_directory(directory)


def check(server: Server) -> list[ConfigError]:
    """Every error in the configuration that the modules to be loaded would find; opens no socket, changes nothing."""
    errors: list[ConfigError] = []
    try:
        policy = _policy(server)
    except ConfigError as error:
        return list(flatten(error))
    for kind in server.modules.kinds():
        if kind.name in policy.noload:
            continue
        try:
            kind(server).check()
        except ConfigError as error:
            errors += flatten(error)
    return errors

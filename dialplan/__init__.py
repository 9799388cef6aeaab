"""The dialplan: one engine, its front ends, applications and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialplan.agi.module import AgiModule
from dialplan.applications.amd import AmdModule
from dialplan.applications.authenticate import AuthenticateModule
from dialplan.applications.branches import Branches
from dialplan.applications.bridge import BridgeModule
from dialplan.applications.builtins import Builtins
from dialplan.applications.cel import CelUserEventModule
from dialplan.applications.channels import ChanIsAvailModule, ChannelRedirectModule, ReloadModule, SoftHangupModule
from dialplan.applications.database import DatabaseApplications
from dialplan.applications.dial import DialModule
from dialplan.applications.disa import DisaModule
from dialplan.applications.dtmfstore import DtmfStoreModule
from dialplan.applications.dumpchan import DumpChanModule
from dialplan.applications.echo import EchoModule
from dialplan.applications.execute import ExecModule
from dialplan.applications.ifs import IfModule
from dialplan.applications.loops import WhileModule
from dialplan.applications.messages import SendDTMFModule, UserEventModule, VerboseModule
from dialplan.applications.music_on_hold import MusicOnHoldModule
from dialplan.applications.originate import OriginateModule
from dialplan.applications.pjsip_notify import PjsipNotifyModule
from dialplan.applications.playback import PlaybackModule
from dialplan.applications.privacy import PrivacyModule
from dialplan.applications.read import ReadModule
from dialplan.applications.readexten import ReadExtenModule, WaitDigit
from dialplan.applications.record import RecordModule
from dialplan.applications.stack import StackModule
from dialplan.applications.stasis import StasisModule
from dialplan.applications.stasis_broadcast import StasisBroadcastModule
from dialplan.applications.statsd import StatsdModule
from dialplan.applications.system import SystemModule
from dialplan.applications.waits import WaitForConditionModule, WaitUntilModule
from dialplan.cdr import MODULES as CDR_MODULES
from dialplan.commands import DialplanCommands
from dialplan.engine import Engine
from dialplan.extensions_conf.module import ExtensionsConfModule
from dialplan.functions import MODULES as FUNCTION_MODULES
from dialplan.functions import CoreFunctions, CoreLookups
from dialplan.lua.module import LuaModule
from dialplan.messaging import MessageModule
from dialplan.registry import DialplanModule, declared

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from dialplan.registry import Declaration
    from pbx.modules import Module
    from pbx.server import Server

#: What is always there, whatever modules.conf says.
CORE_MODULES: tuple[type[DialplanModule], ...] = (
    Builtins,
    Branches,
    CoreFunctions,
    CoreLookups,
    WaitDigit,
    BridgeModule,
    MessageModule,
)

#: The modules of the dialplan; applications and functions come before the plans that use them.
MODULES: tuple[type[Module], ...] = (
    AgiModule,
    AmdModule,
    AuthenticateModule,
    CelUserEventModule,
    ChanIsAvailModule,
    ChannelRedirectModule,
    DatabaseApplications,
    DialModule,
    DisaModule,
    DtmfStoreModule,
    DumpChanModule,
    EchoModule,
    ExecModule,
    IfModule,
    OriginateModule,
    PrivacyModule,
    ReadExtenModule,
    ReloadModule,
    SoftHangupModule,
    PjsipNotifyModule,
    MusicOnHoldModule,
    PlaybackModule,
    ReadModule,
    RecordModule,
    SendDTMFModule,
    StackModule,
    StasisModule,
    StasisBroadcastModule,
    StatsdModule,
    SystemModule,
    UserEventModule,
    VerboseModule,
    WaitForConditionModule,
    WaitUntilModule,
    WhileModule,
    *CDR_MODULES,
    *FUNCTION_MODULES,
    LuaModule,
    ExtensionsConfModule,
)


def install(server: Server, *, live_dangerously: bool = False, kind: type[Engine] = Engine) -> Engine:
    """Build the engine of ``server``, with the core's own applications and the console's commands. Does no I/O.

    ``kind`` is a class of engine that watches what runs, for tests.
    """
    engine = kind(server.channels)
    engine.live_dangerously = live_dangerously
    engine.use_hints(server.hints)
    server.provide(Engine, engine)
    server.gauges["dialplan runs"] = lambda: engine.running
    for module in CORE_MODULES:
        module(server).register()
    DialplanCommands(server, engine).register()
    return engine


def declarations(without: Container[str] = ()) -> Iterator[Declaration]:
    """Every application and function there is, but for those of the modules named in ``without``."""
    for kind in CORE_MODULES:
        yield from declared(kind)
    for module in MODULES:
        if module.name not in without:
            yield from declared(module)


__all__ = ["CORE_MODULES", "MODULES", "Engine", "declarations", "install"]

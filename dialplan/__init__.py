"""The dialplan: one engine, its front ends, applications and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialplan.applications.bridge import BridgeModule
from dialplan.applications.builtins import Builtins
from dialplan.applications.dial import DialModule
from dialplan.applications.echo import EchoModule
from dialplan.applications.messages import SendDTMFModule, UserEventModule, VerboseModule
from dialplan.applications.music_on_hold import MusicOnHoldModule
from dialplan.applications.pjsip_notify import PjsipNotifyModule
from dialplan.applications.playback import PlaybackModule
from dialplan.applications.read import ReadModule
from dialplan.applications.record import RecordModule
from dialplan.applications.stasis import StasisModule
from dialplan.commands import DialplanCommands
from dialplan.engine import Engine
from dialplan.extensions_conf.module import ExtensionsConfModule
from dialplan.functions.channel import ChannelModule
from dialplan.functions.cut import CutModule, SprintfModule
from dialplan.functions.database import DatabaseModule
from dialplan.functions.devstate import DeviceStateModule, ExtensionStateModule
from dialplan.functions.encoding import Base64Module, Md5Module, Sha1Module, UriModule, UuidModule
from dialplan.functions.math import MathModule, RandomModule
from dialplan.functions.misc import GlobalModule, HeaderModule, TimeoutModule
from dialplan.functions.party import CallerIdModule
from dialplan.functions.presencestate import PresenceStateModule
from dialplan.functions.strings import StringsModule
from dialplan.lua.module import LuaModule
from dialplan.messaging import MessageModule

if TYPE_CHECKING:
    from pbx.modules import Module
    from pbx.server import Server

#: The modules of the dialplan; applications and functions come before the plans that use them.
MODULES: tuple[type[Module], ...] = (
    DialModule,
    EchoModule,
    PjsipNotifyModule,
    MusicOnHoldModule,
    PlaybackModule,
    ReadModule,
    RecordModule,
    SendDTMFModule,
    StasisModule,
    UserEventModule,
    VerboseModule,
    Base64Module,
    CallerIdModule,
    ChannelModule,
    CutModule,
    DatabaseModule,
    DeviceStateModule,
    ExtensionStateModule,
    GlobalModule,
    HeaderModule,
    MathModule,
    Md5Module,
    PresenceStateModule,
    RandomModule,
    Sha1Module,
    SprintfModule,
    StringsModule,
    TimeoutModule,
    UriModule,
    UuidModule,
    LuaModule,
    ExtensionsConfModule,
)


def install(server: Server, *, live_dangerously: bool = False) -> Engine:
    """Build the engine of ``server``, with the core's own applications and the console's commands. Does no I/O."""
    engine = Engine(server.channels)
    engine.use_hints(server.hints)
    server.provide(Engine, engine)
    Builtins(server).register()
    BridgeModule(server).register()
    MessageModule(server).register()
    DialplanCommands(server, engine).register()
    return engine


__all__ = ["MODULES", "Engine", "install"]

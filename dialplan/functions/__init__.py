"""The dialplan functions, a module of the exchange for each of Asterisk's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialplan.functions.channel import ChannelModule
from dialplan.functions.curl import CurlModule
from dialplan.functions.cut import CutModule, SprintfModule
from dialplan.functions.database import DatabaseModule
from dialplan.functions.devstate import DeviceStateModule, ExtensionStateModule
from dialplan.functions.dialgroup import ConfigModule, DialgroupModule, ServiceModule
from dialplan.functions.encoding import Base64Module, Md5Module, Sha1Module, UriModule, UuidModule
from dialplan.functions.evalexten import EvalExtenModule, ExportModule
from dialplan.functions.files import EnvironmentModule
from dialplan.functions.groups import GroupModule
from dialplan.functions.hangupcause import HangupCauseModule
from dialplan.functions.hold_intercept import HoldInterceptModule
from dialplan.functions.json import JsonModule
from dialplan.functions.locks import LockModule
from dialplan.functions.logic import CoreFunctions, DialplanFunctionsModule, LogicModule, ModuleModule
from dialplan.functions.lookups import BlacklistModule, CoreLookups, VmcountModule
from dialplan.functions.math import MathModule, RandomModule
from dialplan.functions.misc import HeaderModule, TimeoutModule
from dialplan.functions.odbc import OdbcModule
from dialplan.functions.party import CallerIdModule
from dialplan.functions.pjsip import (
    AorFunctionModule,
    ChannelDriverFunctions,
    ContactFunctionModule,
    EndpointFunctionModule,
    SorceryFunctionModule,
)
from dialplan.functions.pjsip_channel import PjsipChannelModule
from dialplan.functions.presencestate import PresenceStateModule
from dialplan.functions.realtime import RealtimeModule
from dialplan.functions.sayfiles import SayFilesModule
from dialplan.functions.shell import ShellModule
from dialplan.functions.strings import StringsModule
from dialplan.functions.system import SystemModule, VersionModule
from dialplan.functions.variables import GlobalModule

if TYPE_CHECKING:
    from pbx.modules import Module

#: The modules of functions.
MODULES: tuple[type[Module], ...] = (
    AorFunctionModule,
    Base64Module,
    BlacklistModule,
    CallerIdModule,
    ChannelDriverFunctions,
    ChannelModule,
    ConfigModule,
    ContactFunctionModule,
    CurlModule,
    CutModule,
    DatabaseModule,
    DeviceStateModule,
    DialgroupModule,
    DialplanFunctionsModule,
    EndpointFunctionModule,
    EnvironmentModule,
    EvalExtenModule,
    ExportModule,
    ExtensionStateModule,
    GlobalModule,
    GroupModule,
    HangupCauseModule,
    HeaderModule,
    HoldInterceptModule,
    JsonModule,
    LockModule,
    LogicModule,
    MathModule,
    Md5Module,
    ModuleModule,
    OdbcModule,
    PjsipChannelModule,
    PresenceStateModule,
    RandomModule,
    RealtimeModule,
    ServiceModule,
    SorceryFunctionModule,
    Sha1Module,
    SayFilesModule,
    ShellModule,
    SprintfModule,
    StringsModule,
    SystemModule,
    TimeoutModule,
    UriModule,
    UuidModule,
    VersionModule,
    VmcountModule,
)

__all__ = ["MODULES", "CoreFunctions", "CoreLookups"]

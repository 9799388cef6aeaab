"""``/asterisk``: the exchange itself, its variables, modules and log (res/ari/resource_asterisk.c)."""

from __future__ import annotations

import getpass
import platform
import resource as limits
from collections.abc import Awaitable

from ari.models import Moment
from ari.replies import AriError
from ari.request import Request
from ari.resources._configuration import RESOURCE
from ari.table import path, query
from pbx.core import messages
from pbx.errors import ObeliskError
from pbx.logs import LogManager
from pbx.logs.settings import Level, parse_channel
from pbx.modules import Module, ModuleBusy, ModuleDeclined, ModuleEntry, ModuleError, ModuleState, plain_name
from pbx.version import ASTERISK_VERSION

VARIABLE = query("variable", "The name of the variable", required="Variable name is required")
MODULE = path("moduleName", "Module's name")
LOG = path("logChannelName", "Log channel's name")
PARTS = ("build", "system", "config", "status")


@RESOURCE.operation(
    "GET",
    "/asterisk/info",
    "getInfo",
    summary="Gets Asterisk system information.",
    response="AsteriskInfo",
    parameters=(query("only", "Filter information returned", multiple=True, allowed=PARTS),),
)
def get_info(request: Request) -> object:
    server, options = request.server, request.server.options
    only = request["only"] or PARTS
    info: dict[str, object] = {}
    if "build" in only:
        uname = platform.uname()
        info["build"] = {
            "os": uname.system,
            "kernel": uname.release,
            "machine": uname.machine,
            "options": "",
            "date": "",
            "user": "",
        }
    if "system" in only:
        info["system"] = {"version": ASTERISK_VERSION, "entity_id": request.ari.asterisk_id}
    if "config" in only:
        info["config"] = {
            "name": server.channels.system_name,
            "default_language": options.defaultlanguage,
            "max_channels": options.maxcalls or None,
            "max_open_files": limits.getrlimit(limits.RLIMIT_NOFILE)[0],
            "max_load": options.maxload or None,
            "setid": {"user": options.runuser or getpass.getuser(), "group": options.rungroup},
        }
    if "status" in only:
        info["status"] = {
            "startup_time": Moment(server.started_at),
            "last_reload_time": Moment(server.reloaded_at),
        }
    return info


@RESOURCE.operation(
    "GET",
    "/asterisk/ping",
    "ping",
    summary="Response pong message.",
    response="AsteriskPing",
    since=("13.25.0",),
)
def ping(request: Request) -> object:
    return {"asterisk_id": request.ari.asterisk_id, "ping": "pong", "timestamp": Moment(request.clock.now())}


def _is_function(name: str) -> bool:
    return name.endswith(")") and "(" in name


@RESOURCE.operation(
    "GET",
    "/asterisk/variable",
    "getGlobalVar",
    summary="Get the value of a global variable.",
    response="Variable",
    parameters=(query("variable", "The variable to get", required="Variable name is required"),),
    errors={400: "Missing variable parameter."},
)
def get_global(request: Request) -> object:
    server, name = request.server, request["variable"]
    if _is_function(name):
        return _read(request, name)
    return {"value": server.channels.get_global(name) or ""}


async def _read(request: Request, expression: str) -> object:
    _check_function(request, expression)
    try:
        value = request.server.dialplan.read_function(None, expression)
        return {"value": value if isinstance(value, str) else await value}
    except (LookupError, ValueError, ObeliskError):
        return {"value": ""}


def _check_function(request: Request, expression: str) -> None:
    """Functions that need a right of their own are none of ARI's, unless asterisk.conf lives dangerously."""
    name = expression.partition("(")[0]
    if not request.server.options.live_dangerously and request.server.dialplan.function_capability(name):
        raise AriError(403, f"The function {name} may not be used here")


@RESOURCE.operation(
    "POST",
    "/asterisk/variable",
    "setGlobalVar",
    summary="Set the value of a global variable.",
    parameters=(
        query("variable", "The variable to set", required="Variable name is required"),
        query("value", "The value to set the variable to"),
    ),
    errors={400: "Missing variable parameter."},
)
def set_global(request: Request) -> Awaitable[None] | None:
    server, name, value = request.server, request["variable"], request["value"] or ""
    if _is_function(name):
        return _write(request, name, value)
    server.channels.globals.set(name, value)
    if server.bus.wanted(messages.VariableSet):
        server.bus.publish(messages.VariableSet(None, name, value))
    return None


async def _write(request: Request, expression: str, value: str) -> None:
    _check_function(request, expression)
    try:
        waiting = request.server.dialplan.write_function(None, expression, value)
        if waiting is not None:
            await waiting
    except (LookupError, ValueError, ObeliskError) as error:
        raise AriError(400, str(error)) from None


# Modules


def _module(name: str, entry: ModuleEntry) -> dict[str, object]:
    return {
        "name": name if entry.kind.builtin else f"{name}.so",
        "description": entry.kind.description,
        "use_count": 0 if entry.instance is None else entry.instance.use_count,
        "status": entry.state.value,
        "support_level": entry.kind.support_level,
    }


@RESOURCE.operation(
    "GET",
    "/asterisk/modules",
    "listModules",
    summary="List Asterisk modules.",
    response="List[Module]",
    since=("13.5.0",),
)
def list_modules(request: Request) -> object:
    return [
        _module(name, entry)
        for name, entry in request.server.modules.entries()
        if entry.state is not ModuleState.NOT_RUNNING
    ]


@RESOURCE.operation(
    "GET",
    "/asterisk/modules/{moduleName}",
    "getModule",
    summary="Get Asterisk module information.",
    response="Module",
    parameters=(MODULE,),
    errors={
        404: "Module could not be found in running modules.",
        409: "Module information could not be retrieved.",
    },
    since=("13.5.0",),
)
def get_module(request: Request) -> object:
    entry = request.server.modules.find(request["moduleName"])
    if entry is None or entry.state is ModuleState.NOT_RUNNING:
        raise AriError(404)
    return _module(plain_name(request["moduleName"]), entry)


@RESOURCE.operation(
    "POST",
    "/asterisk/modules/{moduleName}",
    "loadModule",
    summary="Load an Asterisk module.",
    parameters=(MODULE,),
    errors={409: "Module could not be loaded."},
    since=("13.5.0",),
)
async def load_module(request: Request) -> None:
    try:
        await request.server.modules.load(request["moduleName"])
    except (ModuleError, ModuleDeclined):
        raise AriError(409) from None


@RESOURCE.operation(
    "DELETE",
    "/asterisk/modules/{moduleName}",
    "unloadModule",
    summary="Unload an Asterisk module.",
    parameters=(MODULE,),
    errors={404: "Module not found in running modules.", 409: "Module could not be unloaded."},
    since=("13.5.0",),
)
async def unload_module(request: Request) -> None:
    _running(request)
    try:
        await request.server.modules.unload(request["moduleName"])
    except (ModuleBusy, ModuleError):
        raise AriError(409) from None


@RESOURCE.operation(
    "PUT",
    "/asterisk/modules/{moduleName}",
    "reloadModule",
    summary="Reload an Asterisk module.",
    parameters=(MODULE,),
    errors={404: "Module not found in running modules.", 409: "Module could not be reloaded."},
    since=("13.5.0",),
)
async def reload_module(request: Request) -> None:
    entry = _running(request)
    if entry.kind.reload is Module.reload:
        # It has nothing to take anew.
        raise AriError(409)
    try:
        await request.server.reload(request["moduleName"])
    except ObeliskError:
        raise AriError(409) from None


def _running(request: Request) -> ModuleEntry:
    modules = request.server.modules
    entry = modules.find(request["moduleName"])
    if entry is None or not modules.is_running(request["moduleName"]):
        raise AriError(404)
    return entry


# The log


@RESOURCE.operation(
    "GET",
    "/asterisk/logging",
    "listLogChannels",
    summary="Gets Asterisk log channel information.",
    response="List[LogChannel]",
    since=("13.6.0",),
)
def list_log_channels(request: Request) -> object:
    directory = request.server.directories.log
    return [
        {
            "channel": str(directory / each.name) if each.kind == "File" else each.name,
            "type": each.kind,
            "status": "Enabled",
            # A space after each, as Asterisk has it.
            "configuration": "".join(f"{level.name} " for level in Level if level in each.levels),
        }
        # The newest first, as Asterisk lists them.
        for each in reversed(request.require(LogManager).channels())
    ]


def _log_name(request: Request) -> str:
    """A log file's name: it stays in the log directory."""
    name: str = request["logChannelName"]
    if "/" in name or name.startswith((".", "syslog.")) or name == "console" or not name.isprintable():
        raise AriError(400, "The name of a log channel is that of a file in the log directory")
    return name


@RESOURCE.operation(
    "POST",
    "/asterisk/logging/{logChannelName}",
    "addLog",
    summary="Adds a log channel.",
    parameters=(
        path("logChannelName", "The log channel to add"),
        query("configuration", "levels of the log channel", required=True),
    ),
    errors={400: "Bad request body", 409: "Log channel could not be created."},
    since=("13.6.0",),
)
def add_log(request: Request) -> None:
    try:
        channel = parse_channel(_log_name(request), request["configuration"])
    except ValueError as error:
        raise AriError(400, str(error)) from None
    try:
        request.require(LogManager).add_file(channel)
    except (ValueError, OSError) as error:
        raise AriError(409, str(error)) from None


@RESOURCE.operation(
    "DELETE",
    "/asterisk/logging/{logChannelName}",
    "deleteLog",
    summary="Deletes a log channel.",
    parameters=(LOG,),
    errors={404: "Log channel does not exist."},
    since=("13.6.0",),
)
def delete_log(request: Request) -> None:
    try:
        request.require(LogManager).remove_file(request["logChannelName"])
    except ValueError:
        raise AriError(404) from None


@RESOURCE.operation(
    "PUT",
    "/asterisk/logging/{logChannelName}/rotate",
    "rotateLog",
    summary="Rotates a log channel.",
    notes="Every log file is rotated together with the one named.",
    parameters=(LOG,),
    errors={404: "Log channel does not exist."},
    since=("13.6.0",),
)
def rotate_log(request: Request) -> None:
    logs = request.require(LogManager)
    if all(each.name != request["logChannelName"] for each in logs.channels()):
        raise AriError(404)
    logs.rotate()


__all__ = ("RESOURCE",)

"""Actions about the exchange: console commands, settings, modules, logs (main/manager.c)."""

from __future__ import annotations

import re
import resource
import shlex
import time

from ami.context import Context
from ami.replies import ERROR, SUCCESS, ActionError, Reply
from ami.session import AMI_VERSION
from ami.table import action
from pbx.cdr import CdrEngine
from pbx.cli.registry import yes_no
from pbx.errors import ObeliskError
from pbx.http.server import HttpServer
from pbx.logs import LogManager
from pbx.modules import ModuleMissing, ModuleNotRunning, NothingToReload, plain_name
from pbx.version import ASTERISK_VERSION

#: Commands that no manager client may give, as Asterisk's command_blacklist: by their first words.
REFUSED_COMMANDS = ("module load", "module unload", "restart gracefully", "core restart gracefully")

#: Terminal colours and the like (ECMA-48 control sequences).
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.")


@action("Command", "command", synopsis="Execute Asterisk CLI Command.", required={"Command": "No command provided"})
async def action_Command(ctx: Context) -> Reply:
    command = ctx.get("Command")
    if _refused(ctx, command):
        raise ActionError("Command blacklisted")
    done = await ctx.server.cli.run(command)
    output = _CONTROL_SEQUENCE.sub("", done.output).removesuffix("\n")
    return Reply(
        "Command output follows",
        headers=[("Output", line.rstrip("\r")) for line in output.split("\n")],
        response=SUCCESS if done.ok else ERROR,
    )


def _refused(ctx: Context, command: str) -> bool:
    """Whether a command is refused, also when its words are cut short or quoted."""
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    found = ctx.server.cli.find(words)
    plain = " ".join(words).lower()
    names = [plain] if found is None else [plain, found[0].words.lower()]
    return any(name == refused or name.startswith(f"{refused} ") for name in names for refused in REFUSED_COMMANDS)


@action("CoreSettings", "system,reporting", synopsis="Show PBX core settings (version etc).")
def action_CoreSettings(ctx: Context) -> Reply:
    options = ctx.server.options
    records, web = ctx.server.find(CdrEngine), ctx.server.find(HttpServer)
    files = options.maxfiles or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Reply(
        headers=(
            ("AMIversion", AMI_VERSION),
            ("AsteriskVersion", ASTERISK_VERSION),
            ("SystemName", options.system_name),
            ("CoreMaxCalls", str(options.maxcalls)),
            ("CoreMaxLoadAvg", f"{options.maxload:f}"),
            ("CoreRunUser", options.runuser),
            ("CoreRunGroup", options.rungroup),
            ("CoreMaxFilehandles", str(files)),
            ("CoreRealTimeEnabled", "No"),
            ("CoreCDRenabled", yes_no(records is not None and records.settings.enable)),
            ("CoreHTTPenabled", yes_no(web is not None and web.settings.enabled)),
            ("SoundsSearchCustomDir", yes_no(options.sounds_search_custom_dir)),
        )
    )


@action("CoreStatus", "system,reporting", synopsis="Show PBX core status variables.")
def action_CoreStatus(ctx: Context) -> Reply:
    server = ctx.server
    started, reloaded = time.localtime(server.started_at), time.localtime(server.reloaded_at)
    return Reply(
        headers=(
            ("CoreStartupDate", time.strftime("%Y-%m-%d", started)),
            ("CoreStartupTime", time.strftime("%H:%M:%S", started)),
            ("CoreReloadDate", time.strftime("%Y-%m-%d", reloaded)),
            ("CoreReloadTime", time.strftime("%H:%M:%S", reloaded)),
            ("CoreCurrentCalls", str(len(server.channels))),
            ("CoreProcessedCalls", str(server.channels.calls_processed)),
        )
    )


@action("ModuleCheck", "system", synopsis="Check if module is loaded.", required={"Module": "Module not loaded"})
def action_ModuleCheck(ctx: Context) -> Reply:
    if not ctx.server.modules.is_running(ctx.get("Module")):
        raise ActionError("Module not loaded")
    return Reply(headers=(("Version", ""),))


@action(
    "ModuleLoad",
    "system",
    synopsis="Module management.",
    required={"LoadType": "Incomplete ModuleLoad action."},
    optional=("Module", "Recursive"),
)
async def action_ModuleLoad(ctx: Context) -> Reply:
    name, kind = ctx.get("Module"), ctx.get("LoadType").lower()
    if kind not in ("load", "unload", "reload", "refresh"):
        raise ActionError("Incomplete ModuleLoad action.")
    if kind == "reload":
        texts = ("All modules reloaded", "Module reloaded.", "Module does not support reload action.")
        return await _reload(ctx, name, texts)
    if not name:
        raise ActionError("Need module name")
    modules = ctx.server.modules
    if "/" in name:
        raise ActionError("Module must be in the configured modules directory.")
    if modules.find(name) is None:
        raise ActionError("Module not found.")
    # The module this action runs in stays: its end would cut off the reply.
    if kind != "load" and plain_name(name) == "manager":
        raise ActionError("Could not unload module.")
    failed = {"load": "Could not load module.", "unload": "Could not unload module."}
    try:
        if kind != "load":
            await modules.unload(name)
        if kind != "unload":
            await modules.load(name)
    except ObeliskError as error:
        raise ActionError(failed.get(kind, "Could not refresh module.")) from error
    done = {"load": "Module loaded.", "unload": "Module unloaded."}
    return Reply(done.get(kind, "Module unloaded and loaded."))


@action("Reload", "system,config", synopsis="Send a reload event.", optional=("Module",))
async def action_Reload(ctx: Context) -> Reply:
    texts = ("Module Reloaded", "Module Reloaded", "Module does not support reload")
    return await _reload(ctx, ctx.get("Module"), texts)


async def _reload(ctx: Context, name: str, texts: tuple[str, str, str]) -> Reply:
    """``texts``: for all modules, for one, and for one that has nothing to take anew."""
    try:
        await ctx.server.reload(name or None)
    except ModuleMissing as error:
        raise ActionError("No such module") from error
    except ModuleNotRunning as error:
        raise ActionError("Module not initialized") from error
    except NothingToReload as error:
        raise ActionError(texts[2]) from error
    except ObeliskError as error:
        raise ActionError(f"Reload failed: {error}") from error
    report = ctx.server.modules.report(name) if name else ""
    return Reply(texts[1] if name else texts[0], (("Report", report),) if report else ())


@action("LoggerRotate", "system,reporting", synopsis="Reload and rotate the Asterisk logger.")
def action_LoggerRotate(ctx: Context) -> Reply:
    try:
        ctx.server.require(LogManager).rotate()
    except (OSError, ObeliskError) as error:
        raise ActionError("Failed to reload the logger and rotate log files") from error
    return Reply("Reloaded the logger and rotated log files")

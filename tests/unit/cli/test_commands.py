from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from pbx.astdb import AstDb
from pbx.asterisk_conf import read_asterisk_conf
from pbx.cli import commands
from pbx.cli.commands.core import uptime_text
from pbx.cli.registry import CommandRegistry, CommandResult
from pbx.core.channel import Channel
from pbx.core.originate import Originator
from pbx.core.states import ChannelState
from pbx.errors import ConfigError
from pbx.logs import LogManager, Verbosity
from pbx.modules import Module, ModuleError, ModulePolicy, ModuleRegistry
from pbx.server import Server
from pbx.testing.core import FakeCore
from pbx.testing.deferreds import result_of, start


class First(Module):
    name: ClassVar[str] = "res_first"
    description: ClassVar[str] = "The first module of all, with a long description that is cut"
    uses = 0

    @property
    def use_count(self) -> int:
        return type(self).uses


class Second(Module):
    name: ClassVar[str] = "res_second"
    requires: ClassVar[tuple[str, ...]] = ("res_first",)


class Broken(Module):
    name: ClassVar[str] = "res_broken"

    async def load(self) -> None:
        raise ModuleError("it is broken")


class Console:
    """The console commands over a server without SIP."""

    def __init__(self, tmp_path: Path) -> None:
        path = tmp_path / "asterisk.conf"
        path.write_text(f"[directories]\nastlogdir => {tmp_path}/log\n[options]\nmaxcalls = 4\n")
        self.core = FakeCore()
        self.server = server = Server(self.core.clock.task_clock)  # type: ignore[arg-type]
        server.conf = read_asterisk_conf(path)
        server.directories, server.options = server.conf.directories, server.conf.options
        server.clock, server.bus = self.core.clock, self.core.bus
        server.channels, server.technologies = self.core.channels, self.core.technologies
        server.cli = CommandRegistry()
        server.astdb = AstDb(tmp_path / "astdb.sqlite3")
        server.originator = Originator(server.channels, server.technologies, lambda: server.dialplan)
        server.modules = ModuleRegistry(server, (First, Second, Broken))
        server.started_at = server.reloaded_at = self.core.clock.now()
        self.logs = LogManager(server.directories.log, verbosity=Verbosity())
        server.provide(LogManager, self.logs)
        self.reloaded: list[str | None] = []
        self.reload_error: ConfigError | None = None
        self.withdraw = commands.register(server, self.reload)

    async def reload(self, name: str | None) -> list[str]:
        if self.reload_error is not None:
            raise self.reload_error
        self.reloaded.append(name)
        return []

    def run(self, line: str) -> str:
        return self.result(line).output

    def result(self, line: str) -> CommandResult:
        return result_of(start(self.server.cli.run(line)))

    def channel(self, name: str, **fields: Any) -> Channel:
        channel = self.core.channels.create("PJSIP", name, state=ChannelState.UP)
        for field, value in fields.items():
            setattr(channel, field, value)
        channel.changed()
        return channel


@pytest.fixture
def console(tmp_path: Path) -> Console:
    console = Console(tmp_path)
    result_of(start(console.server.modules.start(ModulePolicy(noload={"res_broken"}))))
    return console


def test_version_names_both(console: Console) -> None:
    text = console.run("core show version")
    assert text.startswith("Asterisk 22.10.1 (Obelisk ")
    assert text.count("\n") == 1


def test_wrong_arguments_show_the_usage(console: Console) -> None:
    result = console.result("core show version please")
    assert not result.ok
    assert result.output.startswith("Usage: core show version\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "60 seconds"),
        (61, "1 minute, 1 second"),
        (90061, "1 day, 1 hour, 1 minute, 1 second"),
        (2 * 31536000 + 5, "2 years, 5 seconds"),
    ],
)
def test_uptime_in_asterisks_words(seconds: int, text: str) -> None:
    assert uptime_text(seconds) == text


def test_uptime(console: Console) -> None:
    console.core.clock.advance(65.0)
    assert console.run("core show uptime") == "System uptime: 1 minute, 5 seconds\nLast reload: 1 minute, 5 seconds\n"
    assert console.run("core show uptime seconds") == "System uptime: 65\nLast reload: 65\n"


def test_channels_when_idle(console: Console) -> None:
    lines = console.run("core show channels").splitlines()
    assert lines[0].split() == ["Channel", "Location", "State", "Application(Data)"]
    assert lines[1:] == ["0 active channels", "0 of 4 max active calls ( 0.00% of capacity)", "0 calls processed"]
    assert console.run("core show channels concise") == ""


def test_channels_in_every_form(console: Console) -> None:
    channel = console.channel("PJSIP/alice-00000001", owner="pbx", accountcode="acc")
    channel.set_position("default", "100", 2)
    channel.set_application("Dial", "PJSIP/bob,30")
    console.core.clock.advance(3.0)
    row = console.run("core show channels").splitlines()[1]
    assert row == f"{'PJSIP/alice-00000001':64} {'100@default:2':32} {'Up':7} {'Dial(PJSIP/bob,30)':30}"
    concise = console.run("core show channels concise").strip().split("!")
    assert concise[:7] == ["PJSIP/alice-00000001", "default", "100", "2", "Up", "Dial", "PJSIP/bob,30"]
    assert concise[8:] == ["acc", "", "3", "3", "", channel.uniqueid]
    verbose = console.run("core show channels verbose").splitlines()
    assert "00:00:03" in verbose[1]
    assert verbose[0].index("Duration") == verbose[1].index("00:00:03")
    counts = ["1 active channel", "1 of 4 max active call (25.00% of capacity)", "0 calls processed"]
    assert console.run("core show channels count").splitlines() == counts


def test_one_channel_with_its_variables(console: Console) -> None:
    channel = console.channel("PJSIP/alice-00000001")
    channel.set_variable("COLOUR", "blue")
    lines = console.run("core show channel PJSIP/alice-00000001").splitlines()
    assert "           Name: PJSIP/alice-00000001" in lines
    assert "          State: Up (6)" in lines
    assert lines[lines.index("      Variables:") + 1] == "COLOUR=blue"
    assert console.run("core show channel nobody") == "nobody is not a known channel\n"


def test_hangup_by_name_pattern_and_expression(console: Console) -> None:
    names = ["PJSIP/alice-00000001", "PJSIP/bob-00000002", "Fake/carol-1"]
    channels = {name: console.channel(name) for name in names}

    def asked(text: str) -> list[str]:
        return [name for name in names if f"Requested Hangup on channel '{name}'" in text]

    assert asked(console.run("channel request hangup PJSIP/alice-00000001")) == names[:1]
    assert channels[names[0]].hangup_requested
    assert not channels[names[1]].hangup_requested
    assert asked(console.run("channel request hangup pjsip/b*")) == names[1:2]
    assert asked(console.run("channel request hangup /^fake/")) == names[2:]
    assert console.run("channel request hangup nobody") == "nobody is not a known channel\n"
    assert console.run("channel request hangup x*") == "x* did not match a known channel\n"
    assert "is not a valid regular expression" in console.run("channel request hangup '/(/'")


def test_hangup_of_all(console: Console) -> None:
    channels = [console.channel(f"PJSIP/alice-{number}") for number in range(3)]
    assert console.run("channel request hangup all").count("Requested Hangup on channel 'PJSIP/alice-") == 3
    assert all(channel.hangup_requested for channel in channels)


def test_originate_says_what_is_wrong(console: Console) -> None:
    assert console.run("channel originate PJSIP application Echo").startswith(
        "*** No data provided after channel type! ***"
    )
    assert "Usage: channel originate" in console.run("channel originate PJSIP/alice nothing Echo")
    assert "Nowhere" in console.run("channel originate Nowhere/alice extension 100@default")


def test_modules(console: Console) -> None:
    lines = console.run("module show").splitlines()
    assert lines[0].split() == ["Module", "Description", "Use", "Count", "Status", "Support", "Level"]
    expected = "The first module of all, with a long desc"[:40]
    assert lines[1] == f"{'res_first.so':30} {expected} {'0':10} {'Running':11} {'core':>13}"
    assert lines[-1] == "2 modules loaded"
    assert console.run("module show like SECOND").splitlines()[-1] == "1 modules loaded"


def test_module_load_unload_reload(console: Console) -> None:
    assert "res_first is needed by res_second" in console.run("module unload res_first.so")
    assert console.run("module unload res_second.so res_first") == "Unloaded res_second.so\nUnloaded res_first\n"
    assert console.run("module reload res_second") == "No such module 'res_second'\n"
    assert console.run("module load res_second.so") == "Loaded res_second.so\n"
    assert "2 modules loaded" in console.run("module show")
    assert console.run("module reload res_second.so") == "Module 'res_second.so' reloaded successfully.\n"
    assert console.reloaded == ["res_second.so"]
    result = console.result("module load res_broken")
    assert not result.ok
    assert result.output == (
        "Unable to load module res_broken\nit is broken\nCommand 'module load res_broken' failed.\n"
    )


def test_a_module_in_use_is_unloaded_by_force_only(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    console.run("module unload res_second")
    monkeypatch.setattr(First, "uses", 1)
    assert "is in use" in console.run("module unload res_first")
    assert console.run("module unload -f res_first") == "Unloaded res_first\n"


def test_reload_tells_the_place_of_an_error(console: Console) -> None:
    assert console.run("core reload") == ""
    console.reload_error = ConfigError("no such option", "pjsip.conf", 7)
    assert console.run("core reload") == "pjsip.conf:7: no such option\nCommand 'core reload' failed.\n"
    assert console.run("module reload res_first").endswith("pjsip.conf:7: no such option\n")


def test_levels(console: Console) -> None:
    assert console.run("core set verbose 3") == "Console verbose was OFF and is now 3.\n"
    assert console.run("core set verbose atleast 2") == "Console verbose is still 3.\n"
    assert console.run("core set verbose off") == "Console verbose was 3 and is now OFF.\n"
    assert console.run("core set verbose 4 silent") == ""
    assert console.logs.verbose == 4
    assert console.run("core set debug 1") == "Core debug was OFF and is now 1.\n"
    assert "Usage:" in console.run("core set debug much")
    assert "Usage:" in console.run("core set verbose")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("nonsense", "nonsense"),
        ("core show", "core show"),
        ("core fly away", "core fly"),
        ("core show x y", "core show x"),
    ],
)
def test_an_unknown_command_is_told_how_far_it_is_known(console: Console, line: str, hint: str) -> None:
    result = console.result(line)
    assert not result.ok
    assert result.output == f"No such command '{line}' (type 'core show help {hint}' for other possible commands)\n"


def test_what_is_not_found_is_no_failure(console: Console) -> None:
    assert console.result("core show help fly") == CommandResult("No such command 'fly'.\n", ok=True)


def test_boot_is_waited_for(console: Console) -> None:
    waiting = start(console.server.cli.run("core waitfullybooted"))
    assert not waiting.called
    console.server.set_booted()
    assert result_of(waiting).output == "Asterisk has fully booted.\n"
    assert console.run("core waitfullybooted") == "Asterisk has fully booted.\n"


@pytest.mark.parametrize(
    ("line", "how", "restart"),
    [
        ("core stop now", "now", False),
        ("core stop gracefully", "gracefully", False),
        ("core stop when convenient", "convenient", False),
        ("core restart now", "now", True),
    ],
)
def test_stop_comes_after_the_answer(console: Console, line: str, how: str, restart: bool) -> None:
    stopped = console.server.wait_stop()
    console.run(line)
    assert console.server.stopping == ""
    console.core.clock.advance(0)
    assert (console.server.stopping, console.server.restart_wanted) == (how, restart)
    assert stopped.called


def test_a_graceful_stop_is_answered_when_the_last_call_has_ended(console: Console) -> None:
    channel = console.channel("PJSIP/alice-00000001")
    stopped = console.server.wait_stop()
    waiting = start(console.server.cli.run("core stop gracefully"))
    assert console.server.stopping == "gracefully"
    assert not waiting.called
    assert console.run("core abort shutdown") == "Shutdown aborted.\n"
    assert result_of(waiting).output == "Shutdown aborted.\n"
    again = start(console.server.cli.run("core restart gracefully"))
    channel.hangup()
    assert result_of(again).output == ""
    assert stopped.called


def test_a_stop_that_waits_can_be_taken_back(console: Console) -> None:
    channel = console.channel("PJSIP/alice-00000001")
    stopped = console.server.wait_stop()
    assert console.run("core stop when convenient") == "Waiting for inactivity to perform halt\n"
    console.core.clock.advance(0)
    assert console.run("core abort shutdown") == "Shutdown aborted.\n"
    channel.hangup()
    assert not stopped.called
    assert console.run("core abort shutdown") == "There is no shutdown in progress.\n"


def test_settings_name_the_directories(console: Console, tmp_path: Path) -> None:
    text = console.run("core show settings")
    assert f"  Log directory:               {tmp_path}/log\n" in text
    assert "  Maximum calls:               4 (Current 0)\n" in text


def test_settings_say_which_parts_are_on(console: Console) -> None:
    console.server.subsystems |= {"Manager (AMI)": lambda: True, "Call data records": lambda: False}
    lines = console.run("core show settings").splitlines()
    at = lines.index("* Subsystems")
    assert lines[at : at + 7] == [
        "* Subsystems",
        "  -------------",
        "  Manager (AMI):               Enabled",
        "  Web Manager (AMI/HTTP):      Disabled",
        "  Call data records:           Disabled",
        "  Realtime Architecture (ARA): Disabled",
        "",
    ]


def test_help(console: Console) -> None:
    assert "core stop now                  -- Shut down Asterisk immediately\n" in console.run("core show help")
    assert console.run("core show help core stop now").startswith("Usage: core stop now\n")
    only_logger = console.run("core show help logger").splitlines()
    assert only_logger
    assert all(line.startswith("logger ") for line in only_logger)
    assert console.run("core show help nothing") == "No such command 'nothing'.\n"


def test_logger_channels_and_rotation(console: Console, tmp_path: Path) -> None:
    assert console.run("logger add channel extra.txt notice,error") == ""
    listing = console.run("logger show channels").splitlines()
    assert listing[-2].split() == [
        f"{tmp_path}/log/extra.txt"[:35],
        "File",
        "default",
        "Enabled",
        "-",
        "NOTICE",
        "ERROR",
    ]
    assert "is no log level" in console.run("logger add channel other.txt loud")
    assert console.run("logger remove channel extra.txt") == "Removed dynamic logger channel 'extra.txt'\n"
    assert console.run("logger reload") == ""
    assert console.reloaded == ["logger"]
    assert console.run("logger rotate") == ""
    assert "VERBOSE" in console.run("logger show levels")


def test_withdrawn_commands_are_unknown(console: Console) -> None:
    console.withdraw()
    assert console.server.cli.commands() == []

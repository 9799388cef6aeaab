"""``obelisk asterisk``: Asterisk's own command line, for scripts and test suites that start ``asterisk``.

Flags are Asterisk 22's (``main/asterisk.c``), combined or separate. Flags without a meaning here are accepted.
"""

from __future__ import annotations

import getopt
import sys
from typing import TYPE_CHECKING, Any

from pbx.version import ASTERISK_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pbx.asterisk_conf import AsteriskConf

FLAGS = "BC:cde:FfG:ghIiL:M:mnpqRrs:TtU:VvWXx:"
DEFAULT_CONFIG = "/etc/asterisk/asterisk.conf"

USAGE = """\
Usage: obelisk asterisk [OPTIONS]
   -C FILE     Use this asterisk.conf
   -V          Print the version and leave
   -h          This text
   -r          Connect to the running exchange as a console
   -R          The same, and connect again when the connection is lost
   -x COMMAND  Run one command on the running exchange (implies -r)
   -s PATH     Connect to this control socket instead of the configured one
   -f          Stay in the foreground
   -F          Go to the background, whatever else is given
   -c          Stay in the foreground with a console (implies -f)
   -v          More verbose messages (may be repeated)
   -d          More debug messages (may be repeated)
   -q          Print nothing at start
   -m          No log messages on the console
   -n          No colours
   -T          Times before verbose messages
   -g          Allow a core file
   -U USER     Run as this user
   -G GROUP    Run as this group
   -M NUMBER   Most calls at once
   -L LOAD     Refuse calls above this load average
   -X          Allow #exec in configuration files
   -B -I -W -e SIZE -i -p -t  are accepted and change nothing
"""


class Flags:
    """The command line as values; ``given`` has the letter of every flag."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.given = {flag[1] for flag, _ in pairs}
        self._values = {flag[1]: value for flag, value in pairs}
        self.verbose = sum(flag == "-v" for flag, _ in pairs)
        self.debug = sum(flag == "-d" for flag, _ in pairs)

    def value(self, letter: str) -> str | None:
        return self._values.get(letter)

    @property
    def remote(self) -> bool:
        """Whether this is a console, not an exchange."""
        return bool(self.given & {"r", "R", "x"})


def run_asterisk(arguments: Sequence[str]) -> int:
    """Do what ``asterisk ARGUMENTS`` does; the exit status. Raises ConfigError."""
    try:
        pairs, rest = getopt.gnu_getopt(list(arguments), FLAGS)
    except getopt.GetoptError as error:
        print(f"asterisk: {error.msg}", file=sys.stderr)
        return 1
    flags = Flags(pairs)
    if "h" in flags.given:
        print(USAGE, end="")
        return 0
    if "V" in flags.given:
        print(f"Asterisk {ASTERISK_VERSION}")
        return 0
    if rest:
        print(f"asterisk: unexpected argument '{rest[0]}'", file=sys.stderr)
        return 1
    return _remote(flags) if flags.remote else _start(flags)


def _remote(flags: Flags) -> int:
    path = flags.value("s")
    if path is None:
        from pathlib import Path

        from pbx.directories import read_directories

        path = str(read_directories(Path(flags.value("C") or DEFAULT_CONFIG)).control_socket)
    command = flags.value("x")
    if command is not None:
        from pbx.cli.client import execute

        return execute(path, command)
    from pbx.cli.console import Console

    console = Console(
        path,
        verbose=flags.verbose,
        debug=flags.debug,
        muted="m" in flags.given,
        reconnect="R" in flags.given,
    )
    return console.run()


def _start(flags: Flags) -> int:
    from dataclasses import replace
    from pathlib import Path

    from pbx.asterisk_conf import read_asterisk_conf
    from pbx.cli.serve import RunMode, go_to_background, serve

    conf = read_asterisk_conf(Path(flags.value("C") or DEFAULT_CONFIG))
    conf = replace(conf, options=replace(conf.options, **_overrides(flags, conf)))
    options = conf.options
    console = "c" in flags.given or options.console
    foreground = "f" in flags.given or console or options.nofork
    if "F" in flags.given or (options.alwaysfork and "f" not in flags.given):
        foreground = console = False
    quiet = bool(flags.given & {"q", "m"}) or options.quiet
    if not foreground:
        go_to_background()
    mode = RunMode(
        terminal=foreground and not quiet,
        console=console,
        verbose=max(flags.verbose, options.verbose),
        debug=max(flags.debug, options.debug),
        timestamp=options.timestamp,
        dump_core=options.dumpcore,
    )
    return serve(conf, mode)


def _overrides(flags: Flags, conf: AsteriskConf) -> dict[str, Any]:
    """``[options]`` that flags change. A number that is none counts as 0, as in Asterisk."""
    values: dict[str, Any] = {}
    for letter, option in (("g", "dumpcore"), ("T", "timestamp"), ("X", "execincludes")):
        if letter in flags.given:
            values[option] = True
    for letter, option in (("U", "runuser"), ("G", "rungroup")):
        text = flags.value(letter)
        if text is not None:
            values[option] = text
    calls, load = flags.value("M"), flags.value("L")
    if calls is not None:
        values["maxcalls"] = int(calls) if calls.isascii() and calls.isdecimal() else 0
    if load is not None:
        try:
            values["maxload"] = max(float(load), 0.0)
        except ValueError:
            values["maxload"] = conf.options.maxload
    return values

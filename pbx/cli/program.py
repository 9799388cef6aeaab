"""The ``obelisk`` command.

Imports stay inside the functions that need them: ``obelisk asterisk -rx`` must answer in a fraction of the time that
importing the exchange takes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

EXIT_FAILURE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the process's exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    called_as = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib is not imported yet
    if called_as in {"asterisk", "rasterisk"}:
        words = ["asterisk", *(["-r"] if called_as == "rasterisk" else []), *words]
    from pbx.errors import ObeliskError

    try:
        if words[:1] == ["asterisk"]:
            from pbx.cli.asterisk import run_asterisk

            return run_asterisk(words[1:])
        return _run(_parser().parse_args(words))
    except ObeliskError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    import argparse
    from pathlib import Path

    from pbx.version import ASTERISK_VERSION, VERSION

    parser = argparse.ArgumentParser(
        prog="obelisk", description="A telephone exchange that speaks Asterisk's languages."
    )
    version = f"Obelisk {VERSION} (speaks Asterisk {ASTERISK_VERSION})"
    parser.add_argument("-V", "--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def with_conf(name: str, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        default = "/etc/asterisk/asterisk.conf"
        text = f"configuration directory, or an asterisk.conf (default {default})"
        command.add_argument("-C", "--config", type=Path, default=Path(default), metavar="DIR", help=text)
        return command

    run = with_conf("run", "run the exchange in the foreground")
    run.add_argument("-v", "--verbose", action="count", default=0, help="more verbose messages")
    run.add_argument("-d", "--debug", action="count", default=0, help="more debug messages")
    run.add_argument("--supervise", action="store_true", help="start the exchange again when it crashes")
    with_conf("check", "read all configuration and print every error with its file and line")
    _dialplan_parser(commands)
    init = commands.add_parser("init", help="make a configuration directory with fresh secrets")
    init.add_argument("directory", type=Path, metavar="DIR")
    init.add_argument("--state", type=Path, metavar="DIR", help="where the database, recordings and logs go")
    console = with_conf("console", "connect to the running exchange")
    console.add_argument("-v", "--verbose", action="count", default=0, help="verbose messages to read along")
    console.add_argument("-d", "--debug", action="count", default=0, help="debug messages to read along")
    console.add_argument("-x", "--execute", metavar="COMMAND", help="run one command and leave")
    asterisk = commands.add_parser("asterisk", help="take the command line flags of Asterisk", add_help=False)
    asterisk.add_argument("flags", nargs="*")
    return parser


def _dialplan_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pathlib import Path

    text = "check or test a dialplan; starts no exchange"
    parser = commands.add_parser("dialplan", help=text, description=text)
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    text = "find mistakes in extensions.conf and extensions.lua; exit status 2 with errors, 1 with warnings only"
    check = tools.add_parser("check", help=text, description=text)
    check.add_argument("directory", type=Path, metavar="DIR", help="configuration directory")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.add_argument("--errors", action="store_true", help="tell of errors only")
    text = "run test files written in Lua against a dialplan, in virtual time; exit status 1 when one fails"
    test = tools.add_parser("test", help=text, description=text)
    test.add_argument("files", type=Path, nargs="+", metavar="FILE", help="test file, or directory of *_test.lua")
    test.add_argument(
        "-C", "--config", type=Path, metavar="DIR",
        help="configuration directory (default: the nearest one above the file that has a dialplan)",
    )  # fmt: skip
    test.add_argument("-k", "--only", default="", metavar="TEXT", help="run tests whose names hold TEXT")
    test.add_argument("--coverage", action="store_true", help="print which parts of the dialplan ran")
    test.add_argument("--fail-under", type=float, metavar="PERCENT", help="exit status 1 when less of the dialplan ran")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "dialplan":
        from pbx.cli.dialplan import run

        return run(arguments)
    if arguments.command == "init":
        return _init(arguments.directory, arguments.state)
    if arguments.command == "check":
        return _check(arguments.config)
    if arguments.command == "console":
        return _console(arguments)
    from pbx.asterisk_conf import read_asterisk_conf

    conf = read_asterisk_conf(arguments.config)
    if arguments.supervise:
        from pbx.cli.supervisor import Supervisor

        flags = ["-v"] * arguments.verbose + ["-d"] * arguments.debug
        return Supervisor(["run", "-C", str(conf.path), *flags]).run()
    from pbx.cli.serve import RunMode, serve

    mode = RunMode(
        terminal=True,
        banner=True,
        verbose=max(arguments.verbose, conf.options.verbose),
        debug=max(arguments.debug, conf.options.debug),
        dump_core=conf.options.dumpcore,
    )
    return serve(conf, mode)


def _init(directory: Path, state: Path | None) -> int:
    from pbx.cli.init import initialise
    from pbx.directories import packaged_conf

    result = initialise(packaged_conf(), directory, state)
    print(f"Configuration: {result.target}")
    print(f"State (database, recordings, logs): {result.state}")
    for path in result.secret_files:
        print(f"Fresh secrets are in {path}")
    return 0


def _check(path: Path) -> int:
    from pbx.cli.check import check_configuration

    problems = check_configuration(path)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} error{'' if len(problems) == 1 else 's'}" if problems else "The configuration is good.")
    return EXIT_FAILURE if problems else 0


def _console(arguments: argparse.Namespace) -> int:
    from pbx.directories import read_directories

    path = str(read_directories(arguments.config).control_socket)
    if arguments.execute is not None:
        from pbx.cli.client import execute

        return execute(path, arguments.execute)
    from pbx.cli.console import Console

    return Console(path, verbose=arguments.verbose, debug=arguments.debug).run()


if __name__ == "__main__":
    sys.exit(main())

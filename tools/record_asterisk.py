"""Play the dialplan scenarios of the tests on an Asterisk, and keep what its manager said as what is expected.

python tools/record_asterisk.py PROGRAM [NAME ...]         records all scenarios, or those named
python tools/record_asterisk.py PROGRAM --show NAME        prints instead, with the server's log

PROGRAM is the `asterisk` executable of an installation with pbx_lua, pbx_config, Local channels and the usual
applications and functions; SIP is not needed. Modules and data are looked for beside it, as `make install` puts them.
Each scenario is played several times; where that gives different texts, nothing is kept and the difference is shown.
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pbx.testing._templates import DIRECTORIES
from tests.integration.dialplan.comparison import COMMENT, EXPECTED, Player, Scenario, start_server
from tests.integration.dialplan.scenarios import SCENARIOS

#: How often a scenario must give the same text.
TIMES = 3

MODULES_CONF = "[modules]\nautoload = yes\n"


def asterisk_conf(prefix: Path) -> str:
    """asterisk.conf of a server below ``@root@`` with the modules and data of an installation."""
    places = {name: f"@root@/{below}" for name, below in DIRECTORIES.items()}
    places["astmoddir"] = str(prefix / "lib" / "asterisk" / "modules")
    places["astdatadir"] = str(prefix / "var" / "lib" / "asterisk")
    return "\n".join(["[directories]", *(f"{n} => {p}" for n, p in places.items()), "[options]", "verbose = 3", ""])


async def record(reactor: Any, program: Path, scenario: Scenario, *, show: bool) -> str:
    """The text of one run."""
    files = {"asterisk.conf": asterisk_conf(program.parent.parent), "modules.conf": MODULES_CONF}
    server = await start_server(reactor, scenario, program=[str(program)], files=files)
    try:
        player = await Player.of(reactor, server)
        try:
            return await player.play(scenario)
        finally:
            await player.close()
    finally:
        if show:
            print(server.log_text())
        await server.stop()
        server.discard()


async def run(reactor: Any, options: argparse.Namespace, version: str) -> int:
    """Play what is asked for; the number of scenarios that do not give the same text each time."""
    bad = 0
    for scenario in SCENARIOS:
        if options.names and scenario.name not in options.names:
            continue
        texts = [
            await record(reactor, options.program, scenario, show=options.show)
            for _ in range(1 if options.show else TIMES)
        ]
        if options.show:
            print(texts[0])
            continue
        other = next((text for text in texts if text != texts[0]), None)
        if other is not None:
            bad += 1
            sys.stdout.writelines(
                difflib.unified_diff(texts[0].splitlines(True), other.splitlines(True), scenario.name, "again", n=1)
            )
            continue
        head = f"{COMMENT} What {version} did on {time.strftime('%Y-%m-%d')}: {scenario.about}.\n"
        EXPECTED.mkdir(exist_ok=True)
        scenario.expected.write_text(f"{head}{COMMENT} Made by tools/record_asterisk.py.\n{texts[0]}", "utf-8")
        print(f"{scenario.name}: {len(texts[0].splitlines())} lines")
    return bad


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("program", type=Path, help="the asterisk executable")
    parser.add_argument("names", nargs="*", help="scenarios to record")
    parser.add_argument("--show", action="store_true", help="print the text and the server's log, keep nothing")
    options = parser.parse_intermixed_args(arguments)
    options.program = options.program.resolve()
    said = subprocess.run([options.program, "-V"], check=True, capture_output=True, text=True)
    bad: list[int] = []

    def start(reactor: Any) -> Deferred[None]:
        async def do() -> None:
            bad.append(await run(reactor, options, said.stdout.strip()))

        return Deferred.fromCoroutine(do())

    try:
        react(start, ())
    except SystemExit as end:
        if end.code:
            raise
    return bad[0]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main(sys.argv[1:]))

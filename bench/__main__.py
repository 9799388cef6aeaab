"""``python -m bench [FIGURE...] [--quick]``"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figures import FIGURES
from bench.report import Figure, table, write_json

RESULTS = Path(__file__).parent / "results" / "latest.json"


async def run(reactor: Any, names: Sequence[str], quick: bool, output: Path) -> int:
    """Measure, print, write; the number of figures that could not be measured."""
    figures: list[Figure] = []
    missing = 0
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            figures += await FIGURES[name](reactor, quick)
        except (AssertionError, TimeoutError, OSError) as error:
            missing += 1
            print(f"{name} could not be measured: {error}", file=sys.stderr, flush=True)
    print(table(figures))
    write_json(figures, output, quick=quick)
    print(f"\nwritten to {output}")
    return missing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the exchange costs.")
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="FIGURE", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="shorter runs, rougher figures")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"JSON file (default {RESULTS.name} in results/)")
    options = parser.parse_args()
    from twisted.internet import task
    from twisted.internet.defer import Deferred

    codes: list[int] = []

    async def measured(reactor: Any) -> None:
        codes.append(await run(reactor, options.figures or list(FIGURES), options.quick, options.output))

    try:
        task.react(lambda reactor: Deferred.fromCoroutine(measured(reactor)))
    except SystemExit as ended:
        sys.exit(ended.code or (1 if codes and codes[0] else 0))


if __name__ == "__main__":
    main()

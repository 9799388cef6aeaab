"""``obelisk dialplan``: the tools for authors of dialplans."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pbx import app
from pbx.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from dialplan.lint import Report

#: The exit status where nothing could be checked: as with errors.
UNREADABLE = 2


def run(arguments: argparse.Namespace) -> int:
    """Run one of the tools; the exit status."""
    if arguments.tool == "test":
        from pbx.testing.program import run_tests

        return run_tests(
            arguments.files,
            arguments.config,
            only=arguments.only,
            coverage=arguments.coverage,
            fail_under=arguments.fail_under,
        )
    return _check(arguments)


def _check(arguments: argparse.Namespace) -> int:
    try:
        report = app.check_dialplan(directory_of(arguments.directory))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    findings = report.errors if arguments.errors else report.findings
    if arguments.json:
        print(json.dumps([each.as_json() for each in findings], indent=1))
    else:
        for each in findings:
            print(each)
        print(_summary(report))
    return report.status if findings else 0


def _summary(report: Report) -> str:
    counts = [_counted(len(report.errors), "error"), _counted(len(report.warnings), "warning")]
    return f"{_counted(report.extensions, 'extension')}: {', '.join(counts)}"


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def directory_of(path: Path) -> Path:
    """A configuration directory, or that of an asterisk.conf."""
    return path.parent if path.is_file() else path

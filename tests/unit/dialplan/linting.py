"""The checks on a few files."""

from __future__ import annotations

from collections.abc import Callable

from dialplan.lint import Report

Lint = Callable[..., Report]


def function(body: str, exten: str = "100") -> str:
    """A file whose extension runs ``body``."""
    return f'extensions = {{ default = {{\n["{exten}"] = function(context, extension)\n{body}\nend,\n}} }}\n'


def ids(report: Report) -> set[str]:
    return {each.check for each in report.findings}


def shown(report: Report) -> list[str]:
    return [str(each) for each in report.findings]

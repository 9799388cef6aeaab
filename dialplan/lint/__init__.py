"""``obelisk dialplan check``: finds mistakes in a dialplan by reading it; nothing is started and no call is made.

`check_directory` reads extensions.conf and extensions.lua with what they include and require, and gives a `Report`.
Each check has an id in `CHECKS`, the one table from which the documentation is made as well. extensions.conf is read by
the exchange's own reader and compiler, extensions.lua is loaded by its own Lua machine, so that what is said here is
what would happen there.
"""

from __future__ import annotations

from dialplan.lint.checks import CHECKS, Check, Severity
from dialplan.lint.findings import Finding, Report
from dialplan.lint.run import check_directory

__all__ = ["CHECKS", "Check", "Finding", "Report", "Severity", "check_directory"]

"""The SQL layer: statements with bound parameters, run in a few threads, each with a deadline."""

from __future__ import annotations

from pbx.sql.databases import DEFAULT_SECONDS, MAX_ROWS, Databases, SqlError, SqlResult
from pbx.sql.runner import Runner, ThreadRunner, run_inline
from pbx.sql.statement import bind

__all__ = [
    "DEFAULT_SECONDS",
    "MAX_ROWS",
    "Databases",
    "Runner",
    "SqlError",
    "SqlResult",
    "ThreadRunner",
    "bind",
    "run_inline",
]

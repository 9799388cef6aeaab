"""Figures, their budgets, and how they are printed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from pbx.version import VERSION


@dataclass(frozen=True)
class Figure:
    """One measured number. ``budget`` is the largest value allowed; None where there is none."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    remark: str = ""

    @property
    def kept(self) -> bool | None:
        return None if self.budget is None else self.value <= self.budget


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned text."""
    rows = [("figure", "value", "unit", "budget", "kept", "remark")]
    for figure in figures:
        budget = "" if figure.budget is None else f"{figure.budget:g}"
        kept = {None: "", True: "yes", False: "NO"}[figure.kept]
        rows.append((figure.name, f"{figure.value:.3f}", figure.unit, budget, kept, figure.remark))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in {1, 3} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def write_json(figures: Sequence[Figure], path: Path, *, quick: bool) -> None:
    """Write the figures with the circumstances of the run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": VERSION,
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "quick": quick,
        "figures": [{**asdict(figure), "kept": figure.kept} for figure in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, timeout=5
        )
    except OSError:
        return ""
    return done.stdout.strip()

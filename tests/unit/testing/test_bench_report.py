"""The bench's table and JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.cpu import cpu_seconds
from bench.report import Figure, table, write_json

FIGURES = [Figure("start", 1.25, "s", 1.5, "median of 5"), Figure("idle", 2.0, "%", 1.0), Figure("rate", 300.0, "/s")]


def test_table_shows_budgets_and_whether_they_are_kept() -> None:
    lines = table(FIGURES).splitlines()
    assert lines[2].split() == ["start", "1.250", "s", "1.5", "yes", "median", "of", "5"]
    assert lines[3].split() == ["idle", "2.000", "%", "1", "NO"]
    assert lines[4].split() == ["rate", "300.000", "/s"]


def test_json_names_the_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    write_json(FIGURES, path, quick=True)
    content = json.loads(path.read_text())
    assert content["quick"] is True
    assert content["cores"] == os.cpu_count()
    assert [figure["kept"] for figure in content["figures"]] == [True, False, None]


def test_cpu_time_of_a_process_grows() -> None:
    before = cpu_seconds(os.getpid())
    sum(range(200_000))
    assert cpu_seconds(os.getpid()) > before > 0

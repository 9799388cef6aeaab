"""docs/ari.md says what the tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_as_the_generator_makes_it() -> None:
    made = subprocess.run(
        [sys.executable, "tools/make_ari_docs.py", "--check"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert made.returncode == 0, "docs/ari.md is stale: run python tools/make_ari_docs.py"


def test_every_operation_says_what_proves_it() -> None:
    page = (ROOT / "docs" / "ari.md").read_text(encoding="utf-8")
    rows = page.split("## Operations")[1].split("## Events")[0].splitlines()
    untested = [row.split("|")[1].strip() for row in rows if row.startswith("| `") and row.endswith("|  |")]
    assert untested == []

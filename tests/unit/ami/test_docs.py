"""docs/ami.md says what the tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_as_the_generator_makes_it() -> None:
    made = subprocess.run(
        [sys.executable, "tools/make_ami_docs.py", "--check"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert made.returncode == 0, "docs/ami.md is stale: run python tools/make_ami_docs.py"


def test_every_action_says_what_proves_it() -> None:
    page = (ROOT / "docs" / "ami.md").read_text(encoding="utf-8")
    rows = page.split("## Actions")[1].split("## Events")[0].splitlines()
    untested = [row.split("|")[1].strip() for row in rows if row.startswith("| `") and row.endswith("|  |")]
    assert untested == []

"""docs/agi.md says what the table says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_as_the_generator_makes_it() -> None:
    made = subprocess.run(
        [sys.executable, "tools/make_agi_docs.py", "--check"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert made.returncode == 0, "docs/agi.md is stale: run python tools/make_agi_docs.py"

"""Harnesses for dialplans: made by `plan(lua)`, stopped at the test's end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """``plan(lua, **files)``: a started harness; a file's name has ``_`` for its dot."""
    made: list[DialplanHarness] = []

    def make(lua: str | None = None, **files: str) -> DialplanHarness:
        texts = {name.replace("_", ".", 1): text for name, text in files.items()}
        if lua is not None:
            texts["extensions.lua"] = lua
        harness = DialplanHarness(tmp_path / f"etc{len(made)}", texts)
        result_of(start(harness.start()))
        made.append(harness)
        return harness

    yield make
    for harness in made:
        result_of(start(harness.stop()))
        assert len(harness.core.channels) == 0

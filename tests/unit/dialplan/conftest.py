"""Harnesses for dialplans, made by `plan(lua)` and stopped at the test's end; reports of checks, by `lint(conf)`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialplan.lint import Report, check_directory
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan
from tests.unit.dialplan.linting import Lint, function


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


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    """``lint(conf, lua, **files)``: the report about these files; the text of a file stands in [default]."""

    def check(conf: str = "", lua: str = "", **files: str) -> Report:
        texts = {".".join(name.rsplit("_", 1)): text for name, text in files.items()}
        if conf:
            texts["extensions.conf"] = conf if conf.startswith("[") else f"[default]\n{conf}\n"
        if lua:
            texts["extensions.lua"] = lua if "extensions" in lua else function(lua)
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return check_directory(tmp_path)

    return check

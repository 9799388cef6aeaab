"""Every example of docs/dialplan.md runs, and docs/dialplan-reference.md says what the tables say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dialplan.lint import check_directory
from pbx.testing.lua_tests import LuaTests
from pbx.testing.plugin import DialplanFactory

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "dialplan.md"
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?:--|;|#) (?P<name>[^\n]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass
class Section:
    """The examples under one heading; each is numbered by the line it begins at."""

    title: str
    files: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.title


def sections() -> Iterator[Section]:
    parts = re.split(r"^##+ (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        section = Section(title)
        for match in _BLOCK.finditer(text):
            assert match["name"] not in section.files, f"two examples of {match['name']} under {title}"
            section.files[match["name"]] = match["text"]
        if section.files:
            yield section


PLANS = ("extensions.lua", "extensions.conf")
CASES = [(section, plan) for section in sections() for plan in PLANS if plan in section.files]


@pytest.mark.parametrize(("section", "plan"), CASES, ids=str)
def test_each_example_is_without_mistakes_and_does_what_its_test_says(
    section: Section, plan: str, tmp_path: Path
) -> None:
    (tmp_path / plan).write_text(section.files[plan], encoding="utf-8")
    assert [str(each) for each in check_directory(tmp_path).findings] == []
    if "test" not in section.files:
        return
    (tmp_path / "example_test.lua").write_text(section.files["test"], encoding="utf-8")
    results = list(LuaTests(tmp_path / "example_test.lua", tmp_path).run())
    assert results
    assert [(each.name, each.failure) for each in results if not each.passed] == []


def test_the_example_in_python(dialplan: DialplanFactory) -> None:
    (code,) = (section.files["test_dialplan.py"] for section in sections() if "test_dialplan.py" in section.files)
    found: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), found)  # noqa: S102 - the page's own
    tests = [found[node.name] for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert tests
    for test in tests:
        test(dialplan)


def test_both_languages_are_shown() -> None:
    both = [section for section in sections() if set(PLANS) <= section.files.keys()]
    assert len(both) >= 5


def test_the_page_names_every_method() -> None:
    from pbx.testing.lua_tests import METHODS

    text = PAGE.read_text(encoding="utf-8")
    for kind, methods in METHODS.items():
        missing = [name for name in methods if not re.search(rf"\b{name}\b", text)]
        assert missing == [], kind


def test_the_reference_is_as_the_generator_makes_it() -> None:
    tool = "tools/make_dialplan_docs.py"
    made = subprocess.run([sys.executable, tool, "--check"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert made.returncode == 0, f"docs/dialplan-reference.md is stale: run python {tool}"

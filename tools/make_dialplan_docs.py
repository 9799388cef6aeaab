"""Write docs/dialplan-reference.md from the tables of the dialplan: applications, functions, and their tests.

python tools/make_dialplan_docs.py            writes the file
python tools/make_dialplan_docs.py --check    exits with 1 when it is stale
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import dialplan
from dialplan.lint import CHECKS
from dialplan.registry import Declaration
from tools.page import DOCS, ROOT, joined, table, write_or_check

TARGET = DOCS / "dialplan-reference.md"
TESTS = ("tests/unit/dialplan", "tests/unit", "tests/integration", "tests/e2e")

HEAD = """# Applications and functions

Every application and function of the dialplan, made by `python tools/make_dialplan_docs.py` from the program's own
tables; a test fails when it is stale. How a dialplan is written is in [dialplan.md](dialplan.md). The running exchange
says more of each: `core show application NAME`, `core show function NAME`.

What stands in brackets may be left out. An option letter with parentheses takes an argument. What a module brings is
there while that module runs. A function marked *dangerous* cannot be used from AMI or ARI unless `asterisk.conf` has
`live_dangerously = yes`; one marked *system* needs that right.

"""

_CALL = re.compile(r'\b(?:app|channel)(?:\.(\w+)|\["(\w+))|\b([A-Za-z_]\w*)\(')


class Uses:
    """Which tests name what: by application in lower case, and by function."""

    def __init__(self) -> None:
        self._tests: dict[str, list[str]] = {}
        seen: set[Path] = set()
        for folder in TESTS:
            for path in sorted((ROOT / folder).rglob("test_*.py")):
                if path not in seen:
                    seen.add(path)
                    self._read(path)

    def _read(self, path: Path) -> None:
        name = str(path.relative_to(ROOT / "tests"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for where, text in self._texts(name, node):
                for match in _CALL.finditer(text):
                    tests = self._tests.setdefault(match[1] or match[2] or match[3], [])
                    if where not in tests:
                        tests.append(where)

    @classmethod
    def _texts(cls, name: str, node: ast.AST) -> Iterator[tuple[str, str]]:
        """The texts in a statement of a test file, with the test they are in, or the file."""
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from cls._texts(name, inner)
            return
        is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        where = f"{name}::{node.name}" if is_test and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else name
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield where, each.value

    def tested_by(self, each: Declaration) -> str:
        """The first test that uses it; a file where only the texts that its tests share name it."""
        names = {each.name} if each.is_function else {each.name, each.name.lower(), each.name.capitalize()}
        tests = [test for name in sorted(names) for test in self._tests.get(name, ())]
        tests = list(dict.fromkeys(tests))
        if not tests:
            return ""
        return f"`{next((test for test in tests if '::' in test), tests[0])}`"


def _options(each: Declaration) -> str:
    return ", ".join(f"`{option}`" for option in each.grammar.options)


def applications(found: Iterable[Declaration], uses: Uses) -> str:
    """The table of applications."""
    rows = (
        (
            f"`{each.syntax}`",
            each.help.synopsis,
            _options(each),
            ", ".join(f"`{name}`" for name in each.help.sets),
            each.module,
            uses.tested_by(each),
        )
        for each in found
    )
    return "## Applications\n\n" + table(
        ("Application", "What it does", "Options", "Sets", "Module", "Tested by"), rows
    )


def functions(found: Iterable[Declaration], uses: Uses) -> str:
    """The table of functions."""
    rows = (
        (
            f"`{each.syntax}`",
            each.help.synopsis + (f" *{each.help.capability}*" if each.help.capability else ""),
            "yes" if each.writable else "",
            each.module,
            uses.tested_by(each),
        )
        for each in found
    )
    return "## Functions\n\n" + table(("Function", "What it gives", "Can be written", "Module", "Tested by"), rows)


def checks() -> str:
    """The table of checks."""
    rows = (
        (f"`{check.id}`", check.severity.value, check.summary, _example(check.bad), _example(check.good))
        for check in CHECKS.values()
    )
    intro = (
        "What `obelisk dialplan check DIR` looks for. A comment allows a finding, on the line or on its own\n"
        "line before it: `; obelisk: allow ID, ID` in extensions.conf, `-- obelisk: allow ID` in Lua.\n\n"
    )
    return "## Checks\n\n" + intro + table(("Check", "Severity", "What it finds", "Found", "Mended"), rows)


def _example(code: str) -> str:
    return "<br>".join(f"`{line.strip()}`" for line in code.splitlines())


def text() -> str:
    """The whole page."""
    uses = Uses()
    found = sorted(dialplan.declarations(), key=lambda each: each.name.lower())
    parts = [
        HEAD,
        applications((each for each in found if not each.is_function), uses),
        functions((each for each in found if each.is_function), uses),
        checks(),
    ]
    return joined(parts)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, text()))

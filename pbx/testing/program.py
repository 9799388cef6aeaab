"""``obelisk dialplan test``: runs test files in Lua and tells how they went."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from dialplan.lua._runtime import LuaError
from pbx.errors import ConfigError, ObeliskError
from pbx.testing.coverage import DialplanCoverage
from pbx.testing.lua_tests import LuaTests, TestResult

#: Exit statuses.
PASSED, FAILED, UNUSABLE = 0, 1, 2
#: What test files are called in a directory.
PATTERN = "*_test.lua"
_PLANS = ("extensions.lua", "extensions.conf")


def run_tests(
    paths: Iterable[Path],
    etc: Path | None = None,
    *,
    only: str = "",
    coverage: bool = False,
    fail_under: float | None = None,
) -> int:
    """Run test files, or those of directories, and print how each test went; the exit status.

    ``etc`` is the configuration directory; without it, for each file, the nearest directory above that has a dialplan.
    """
    results: list[TestResult] = []
    gathered: dict[Path, DialplanCoverage] = {}
    try:
        for path in _files(paths):
            directory = etc or _configuration(path)
            covered = gathered.setdefault(directory.resolve(), DialplanCoverage()) if coverage or fail_under else None
            results += _run_file(path, directory, only, covered)
    except LuaError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    except ObeliskError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    if not results:
        print("there is no test", file=sys.stderr)
        return UNUSABLE
    failed = sum(not each.passed for each in results)
    virtual = sum(each.virtual_seconds for each in results)
    real = sum(each.seconds for each in results)
    print(
        f"{len(results)} test{'s' * (len(results) != 1)}: {len(results) - failed} passed, {failed} failed; "
        f"{virtual:g} s of calls in {real:.2f} s"
    )
    enough = True
    for directory, covered in gathered.items():
        if coverage:
            print(f"\ncoverage of {directory}")
            for line in covered.report():
                print(line)
        if fail_under is not None and covered.percent < fail_under:
            print(f"{covered.percent:.1f} % of {directory} ran, which is less than {fail_under:g} %")
            enough = False
    return FAILED if failed or not enough else PASSED


def _run_file(path: Path, etc: Path, only: str, coverage: DialplanCoverage | None) -> Iterator[TestResult]:
    print(path)
    tests = LuaTests(path, etc, coverage)
    for result in tests.run(only):
        for line in tests.printed:
            print(f"  | {line}")
        tests.printed.clear()
        word = "ok  " if result.passed else "FAIL"
        print(f"  {word} {result.name} ({result.virtual_seconds:g} s in {result.seconds * 1000:.0f} ms)")
        for line in result.failure.splitlines():
            print(f"       {line}")
        yield result


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(path.rglob(PATTERN))
            if not found:
                raise ConfigError(f"there is no {PATTERN}", path)
            yield from found
        elif path.is_file():
            yield path
        else:
            raise ConfigError("no such file", path)


def _configuration(path: Path) -> Path:
    for directory in path.absolute().parents:
        if any((directory / name).exists() for name in _PLANS):
            return directory
    raise ConfigError("no directory above has an extensions.lua or extensions.conf: name one with -C", path)

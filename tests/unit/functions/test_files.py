"""ENV, STAT, FILE and their kin."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialplan.functions import files
from tests.unit.functions.conftest import Functions

UNIX = b"one\ntwo\nthree\nfour\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "lines.txt"
    found.write_bytes(UNIX)
    return found


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("", UNIX.decode()),
        (",4", "two\nthree\nfour\n"),
        (",4,3", "two"),
        (",-5", "four\n"),
        (",4,-6", "two\nthree"),
        (",0,1,l", "one\n"),
        (",1,2,l", "two\nthree\n"),
        (",2,,l", "three\nfour\n"),
        (",-1,,l", "four\n"),
        (",-4,1,l", "one\n"),
        (",0,-1,l", "one\ntwo\nthree\nfour"),
        (",0,-2,l", "one\ntwo\nthree"),
        (",3,9,l,u", "four\n"),
        (",2,0,l", ""),
    ],
)
def test_reading(functions: Functions, path: Path, arguments: str, value: str) -> None:
    assert functions.read(f"FILE({path}{arguments})") == value


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (",9,1,l", "behind the end"),
        (",-9,1,l", "before the beginning"),
        (",-99", "before the beginning"),
        (",0,-99", "exceeds"),
        (",0,-9,l", "exceeds"),
    ],
)
def test_places_that_are_not_there(functions: Functions, path: Path, arguments: str, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        functions.read(f"FILE({path}{arguments})")


@pytest.mark.parametrize(
    ("arguments", "value", "after"),
    [
        ("", "new", b"new"),
        (",,,a", "five", UNIX + b"five"),
        (",,,al", "five", UNIX + b"five\n"),
        (",,,al,d", "five", UNIX + b"five\r\n"),
        (",,,l,u", "only", b"only\n"),
        (",4,3", "2", b"one\n2\nthree\nfour\n"),
        (",4,0", "and ", b"one\nand two\nthree\nfour\n"),
        (",4", "rest", b"one\nrest"),
        (",1,2,l", "2 and 3", b"one\n2 and 3\nfour\n"),
        (",1,1,ld", "", b"one\nthree\nfour\n"),
        (",-1,1,l", "last", b"one\ntwo\nthree\nlast\n"),
        (",25", "x", UNIX + b"\0" * 6 + b"x"),
    ],
)
def test_writing(functions: Functions, path: Path, arguments: str, value: str, after: bytes) -> None:
    functions.write(f"FILE({path}{arguments})", value)
    assert path.read_bytes() == after


def test_lines(functions: Functions, path: Path, tmp_path: Path) -> None:
    assert functions.read(f"FILE_COUNT_LINE({path})") == "4"
    assert functions.read(f"FILE_FORMAT({path})") == "u"
    for form, end in (("d", b"\r\n"), ("m", b"\r")):
        other = tmp_path / form
        other.write_bytes(UNIX.replace(b"\n", end))
        assert functions.read(f"FILE_FORMAT({other})") == form
        assert functions.read(f"FILE_COUNT_LINE({other})") == "4"
        assert functions.read(f"FILE({other},1,1,l)").encode() == b"two" + end
    path.write_bytes(b"no end")
    assert functions.read(f"FILE_FORMAT({path})") == "x"
    assert functions.read(f"FILE_COUNT_LINE({path})") == "0"
    with pytest.raises(Exception, match="not a line-based file"):
        functions.read(f"FILE({path},0,1,l)")


def test_files_that_are_not_there(functions: Functions, tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert functions.read(f"STAT(e,{none})") == "0"
    assert functions.read(f"FILE_COUNT_LINE({none})") == "-1"
    assert functions.read(f"FILE_FORMAT({none})") == "x"
    with pytest.raises(Exception, match="Cannot open file"):
        functions.read(f"FILE({none})")
    with pytest.raises(Exception, match="Cannot open file"):
        functions.write(f"FILE({none}/x)", "a")
    with pytest.raises(Exception, match="requires a filename"):
        functions.read("FILE()")


def test_a_file_that_is_too_long(functions: Functions, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE", 10)
    with pytest.raises(Exception, match="longer than 10 bytes"):
        functions.read(f"FILE({path})")


def test_stat(functions: Functions, path: Path) -> None:
    path.chmod(0o640)
    values = {flag: functions.read(f"STAT({flag},{path})") for flag in "efdsmMAC"}
    assert [values[flag] for flag in "efdsm"] == ["1", "1", "0", "19", "100640"]
    assert all(int(values[flag]) > 1_600_000_000 for flag in "MAC")
    assert functions.read(f"STAT(d,{path.parent})") == "1"
    assert functions.read(f"STAT(x,{path})") == "0"


def test_the_environment(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBELISK_TEST", raising=False)
    assert functions.read("ENV(OBELISK_TEST)") == ""
    functions.write("ENV(OBELISK_TEST)", "x")
    assert functions.read("ENV(OBELISK_TEST)") == "x"
    functions.write("ENV(OBELISK_TEST)", "")
    assert functions.read("ENV(OBELISK_TEST)") == ""
    for name in ("", "AST_X", "A=B"):
        with pytest.raises(Exception, match="cannot be set"):
            functions.write(f"ENV({name})", "x")

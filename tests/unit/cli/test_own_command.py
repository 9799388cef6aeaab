"""How the program names itself to whoever is to call it again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pbx.cli.process import own_command


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command beside the interpreter, in a directory that is not on the PATH."""
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    made = bin_directory / "obelisk"
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bin_directory / "python"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "program.py")])
    monkeypatch.setenv("PATH", "/usr/bin")
    return made


def test_off_the_path_by_its_place(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_command() == str(script)
    monkeypatch.chdir(script.parent.parent)
    monkeypatch.setattr(sys, "argv", ["bin/obelisk", "run"])
    assert own_command() == str(script)


def test_on_the_path_by_its_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert own_command() == "obelisk"


def test_another_of_that_name_on_the_path_is_not_meant(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "obelisk"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command() == str(script)


def test_without_a_command_by_its_module(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script.unlink()
    assert own_command() == f"{sys.executable} -m pbx.cli.program"

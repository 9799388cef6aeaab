from __future__ import annotations

from pathlib import Path

import pytest

from pbx.cli.program import main


@pytest.fixture
def conf(tmp_path: Path) -> str:
    (tmp_path / "asterisk.conf").write_text(f"[directories]\nastrundir => {tmp_path}\n")
    return str(tmp_path / "asterisk.conf")


@pytest.mark.parametrize("arguments", [["-V"], ["-vvvV"], ["-f", "-V", "-g"]])
def test_version_is_asterisks(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asterisk", *arguments]) == 0
    assert capsys.readouterr().out == "Asterisk 22.10.1\n"


@pytest.mark.parametrize(
    "arguments", [["-rx", "core show version"], ["-r", "-x", "x"], ["-x", "x"], ["-vvvrx", "x"], ["-r"], ["-vvvr"]]
)
def test_no_exchange_is_exit_1_with_asterisks_words(
    arguments: list[str], conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["asterisk", "-C", conf, *arguments]) == 1
    expected = f"Unable to connect to remote asterisk (does {tmp_path}/asterisk.ctl exist?)\n"
    assert capsys.readouterr().err == expected


def test_another_socket(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asterisk", "-C", conf, "-r", "-s", "/nowhere/x.ctl", "-x", "y"]) == 1
    assert "/nowhere/x.ctl" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["-Z"], ["-C"], ["stray"]])
def test_wrong_flags_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asterisk", *arguments]) == 1
    assert capsys.readouterr().err.startswith("asterisk: ")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asterisk", "-h"]) == 0
    assert "-x COMMAND" in capsys.readouterr().out


def test_an_error_in_asterisk_conf_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "asterisk.conf"
    path.write_text("[directories]\nastwrongdir => /x\n")
    assert main(["asterisk", "-C", str(path), "-rx", "x"]) == 1
    assert capsys.readouterr().err.startswith(f"{path}:2: ")

"""``obelisk dialplan``: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbx.cli.check import check_configuration
from pbx.cli.program import main

PLAN = "[default]\nexten => 1,1,Plaback(x)\n same => n,Set(A=1,B=2)\n"


def write(directory: Path, text: str) -> str:
    (directory / "extensions.conf").write_text(text, encoding="utf-8")
    return str(directory)


def test_findings_and_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", write(tmp_path, PLAN)]) == 2
    assert capsys.readouterr().out == (
        "extensions.conf:2: error: there is no application 'Plaback': do you mean Playback? [unknown-application]\n"
        "extensions.conf:3: warning: 'B=' becomes part of the value; MSet sets several variables "
        "[several-assignments]\n"
        "1 extension: 1 error, 1 warning\n"
    )
    assert main(["dialplan", "check", write(tmp_path, PLAN.replace("Plaback", "Playback"))]) == 1
    assert main(["dialplan", "check", "--errors", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["dialplan", "check", write(tmp_path, "[default]\nexten => 1,1,NoOp()\n")]) == 0
    assert capsys.readouterr().out == "1 extension: no errors, no warnings\n"


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", "--json", write(tmp_path, PLAN)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found[1] == {
        "file": "extensions.conf",
        "line": 3,
        "severity": "warning",
        "check": "several-assignments",
        "message": "'B=' becomes part of the value; MSet sets several variables",
    }


def test_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", str(tmp_path)]) == 2
    assert "neither extensions.conf nor extensions.lua" in capsys.readouterr().err


def test_check_tells_of_the_errors_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "etc")]) == 0
    etc = tmp_path / "etc"
    assert check_configuration(etc) == []
    write(etc, PLAN)
    assert [str(each) for each in check_configuration(etc)] == [
        f"{etc}/extensions.conf:2: there is no application 'Plaback': do you mean Playback? [unknown-application]"
    ]
    (etc / "extensions.lua").write_text("extensions = {\n", encoding="utf-8")
    assert [each.message.partition(":")[0] for each in check_configuration(etc)] == [
        "extensions.lua",
        "there is no application 'Plaback'",
    ]

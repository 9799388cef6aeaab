from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pbx.asterisk_conf import read_asterisk_conf
from pbx.cli.init import SECRET_LENGTH, InitError, default_state, initialise
from pbx.directories import packaged_conf


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "pjsip.conf").write_text("password = @secret:alice@\npassword = @secret:bob@\n")
    (source / "sub" / "phone.txt").write_text("alice has @secret:alice@\n")
    (source / "asterisk.conf").write_text("[directories]\nastrundir => @dir:var@/run\nastetcdir => @dir:etc@\n")
    return source


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_fresh_equal_by_name_and_private(source: Path, tmp_path: Path) -> None:
    first = initialise(source, tmp_path / "one" / "conf")
    second = initialise(source, tmp_path / "two" / "conf")
    alice, bob = (line.split(" = ")[1] for line in (first.target / "pjsip.conf").read_text().splitlines())
    assert len(alice) == len(bob) == SECRET_LENGTH
    assert alice != bob
    assert (first.target / "sub" / "phone.txt").read_text() == f"alice has {alice}\n"
    assert alice not in (second.target / "pjsip.conf").read_text()
    assert mode(first.target / "pjsip.conf") == mode(first.target / "sub" / "phone.txt") == 0o600
    assert mode(first.target / "asterisk.conf") == 0o640
    assert {path.name for path in first.secret_files} == {"pjsip.conf", "phone.txt"}


def test_directories_are_filled_in(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "var" / "conf"
    initialise(source, target)
    assert (target / "asterisk.conf").read_text() == (
        f"[directories]\nastrundir => {tmp_path}/var/run\nastetcdir => {target}\n"
    )


def test_where_state_goes(tmp_path: Path) -> None:
    assert default_state(tmp_path / "conf") == tmp_path
    assert default_state(tmp_path / "obelisk") == tmp_path / "obelisk" / "var"


def test_nothing_is_overwritten(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "conf"
    target.mkdir()
    (target / "pjsip.conf").write_text("mine")
    with pytest.raises(InitError, match="not empty; nothing was changed"):
        initialise(source, target)
    assert (target / "pjsip.conf").read_text() == "mine"
    assert len(list(target.iterdir())) == 1


def test_what_ships_becomes_usable(tmp_path: Path) -> None:
    result = initialise(packaged_conf(), tmp_path / "conf")
    for path in result.files:
        text = path.read_text(encoding="utf-8")
        assert "@secret:" not in text
        assert "@dir:etc@" not in text
    conf = read_asterisk_conf(result.target)
    assert conf.directories.etc == result.target
    assert conf.directories.run == tmp_path / "run"

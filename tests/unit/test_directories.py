from __future__ import annotations

from pathlib import Path

import pytest

from pbx.asterisk_conf import read_asterisk_conf
from pbx.config import ConfigErrors
from pbx.directories import Directories, packaged_conf, packaged_sounds, read_directories
from pbx.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "asterisk.conf"
    path.write_text(text, encoding="utf-8")
    return path


def test_asterisks_places_are_the_defaults(tmp_path: Path) -> None:
    directories = read_directories(written(tmp_path, ""))
    assert directories.run == Path("/var/run/asterisk")
    assert directories.control_socket == Path("/var/run/asterisk/asterisk.ctl")
    assert directories.etc == tmp_path


def test_what_is_left_out_follows_its_parent(tmp_path: Path) -> None:
    text = "[directories]\nastvarlibdir => /srv/lib\nastkeydir => /srv/keys\nastlogdir => relative/log\n"
    directories = read_directories(written(tmp_path, text))
    assert directories.db == directories.data == Path("/srv/lib")
    assert directories.keys == Path("/srv/keys")
    assert directories.agi == Path("/srv/lib/agi-bin")
    assert directories.astdb == Path("/srv/lib/astdb.sqlite3")
    assert directories.log == tmp_path / "relative/log"


def test_a_template_of_directories_changes_nothing(tmp_path: Path) -> None:
    assert read_directories(written(tmp_path, "[directories](!)\nastrundir => /x\n")).run == Path("/var/run/asterisk")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("asttypodir => /x", "[directories] has no option 'asttypodir'"),
        ("astrundir => @dir:var@/run", "astrundir holds a placeholder"),
        ("astrundir =>", "astrundir is empty"),
    ],
)
def test_a_wrong_directory_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, f"[directories]\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_directories(tmp_path)
    assert str(caught.value).startswith(f"{path}:2: {message}")


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_directories(tmp_path / "asterisk.conf")


def test_options_and_control_file(tmp_path: Path) -> None:
    text = """[options]
verbose = 3
debug = yes
maxcalls = 20
transmit_silence_during_record = yes
[files]
astctl = other.ctl
astctlpermissions = 0660
"""
    conf = read_asterisk_conf(written(tmp_path, text))
    assert (conf.options.verbose, conf.options.debug, conf.options.maxcalls) == (3, 1, 20)
    assert conf.options.transmit_silence
    assert conf.directories.control_socket.name == "other.ctl"
    assert conf.control.astctlpermissions == 0o660


def test_every_wrong_option_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "[options]\nverbose = loud\nmaxcall = 3\n")
    with pytest.raises(ConfigErrors) as caught:
        read_asterisk_conf(path)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:2: ")
    assert second.startswith(f"{path}:3: ")
    assert "maxcalls" in second


def test_create_names_what_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("a file")
    with pytest.raises(ConfigError, match="cannot make the directory"):
        Directories.at(tmp_path).create()


def test_what_ships_is_there() -> None:
    assert (packaged_conf() / "asterisk.conf").is_file()
    assert (packaged_sounds() / "en" / "hello-world.wav").is_file()

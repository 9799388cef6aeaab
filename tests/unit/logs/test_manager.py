from __future__ import annotations

from pathlib import Path

import pytest
from twisted.logger import Logger, LogPublisher

from pbx.config import ConfigErrors, load_config
from pbx.logs import LogManager, Verbosity, read_logger_settings
from pbx.logs.settings import ANY_LEVEL, FOLLOW_CORE, Formatter, Level, LoggerSettings, parse_channel


def settings(tmp_path: Path, text: str) -> LoggerSettings:
    path = tmp_path / "logger.conf"
    path.write_text(text, encoding="utf-8")
    return read_logger_settings(load_config(path))


class Logged:
    """A manager of its own with a logger that reaches nobody else."""

    def __init__(self, tmp_path: Path, logfiles: str, general: str = "dateformat = %s", verbose: int = 0) -> None:
        self.directory = tmp_path / "log"
        self.verbosity = Verbosity()
        self.manager = LogManager(self.directory, verbose=verbose, verbosity=self.verbosity)
        self.manager.apply(settings(tmp_path, f"[general]\n{general}\n[logfiles]\n{logfiles}\n"))
        self.log = Logger(namespace="test", observer=LogPublisher(self.manager))

    def lines(self, name: str = "messages.txt") -> list[str]:
        path = self.directory / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [line.partition(" test: ")[2] for line in text.splitlines()]


def test_each_file_gets_its_levels(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => warning,error\nfull.txt => *")
    logged.log.info("one")
    logged.log.warn("two")
    logged.log.error("three")
    assert logged.lines() == ["two", "three"]
    assert logged.lines("full.txt") == ["one", "two", "three"]


def test_verbose_follows_the_core_unless_numbered(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "core.txt => verbose\nfive.txt => verbose(5)", verbose=2)
    for level in (1, 3, 6):
        logged.log.info("level {n}", n=level, verbose=level)
    assert logged.lines("core.txt") == ["level 1"]
    assert logged.lines("five.txt") == ["level 1", "level 3"]
    logged.manager.set_verbose(3)
    logged.log.info("again", verbose=3)
    assert logged.lines("core.txt") == ["level 1", "again"]


def test_verbosity_tells_what_anybody_wants(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error\nfull.txt => verbose(4)", verbose=1)
    assert logged.verbosity.wants(4)
    assert not logged.verbosity.wants(5)
    detach = logged.manager.attach(lambda text: None, verbose=7)
    assert logged.verbosity.wants(7)
    detach()
    assert not logged.verbosity.wants(5)


def test_nobody_wants_verbose_when_no_file_takes_it(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error", verbose=9)
    assert not logged.verbosity.wants(0)


def test_debug_is_off_until_set(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "full.txt => debug")
    logged.log.debug("no")
    logged.manager.set_debug(1)
    logged.log.debug("yes")
    assert logged.lines("full.txt") == ["yes"]


def test_an_attached_console_reads_along(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error")
    heard: list[str] = []
    detach = logged.manager.attach(heard.append, verbose=3)
    logged.log.info("executing", verbose=3)
    logged.log.info("detail", verbose=4)
    detach()
    logged.log.info("gone", verbose=3)
    assert heard == ["    -- executing\n"]


def test_reload_reopens_a_file_that_was_moved(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error")
    logged.log.error("before")
    (logged.directory / "messages.txt").rename(logged.directory / "old.txt")
    logged.manager.apply(logged.manager.settings)
    logged.log.error("after")
    assert logged.lines("old.txt") == ["before"]
    assert logged.lines() == ["after"]


def test_sequential_rotation_gives_the_newest_the_highest_number(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error")
    for text in ("first", "second", "third"):
        logged.log.error(text)
        logged.manager.rotate()
    assert logged.lines("messages.txt.0") == ["first"]
    assert logged.lines("messages.txt.2") == ["third"]
    assert logged.lines() == []


def test_rotate_rotation_gives_the_oldest_the_highest_number(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error", general="rotatestrategy = rotate")
    for text in ("first", "second", "third"):
        logged.log.error(text)
        logged.manager.rotate()
    assert logged.lines("messages.txt.0") == ["third"]
    assert logged.lines("messages.txt.2") == ["first"]


def test_a_file_that_cannot_be_written_is_told_once_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = Logged(tmp_path, "sub => error\nmessages.txt => error")
    (logged.directory / "sub").mkdir(parents=True)
    logged.log.error("one")
    logged.log.error("two")
    assert logged.lines() == ["one", "two"]
    assert capsys.readouterr().err.count("cannot write the log") == 1


def test_dynamic_channels_come_and_go(tmp_path: Path) -> None:
    logged = Logged(tmp_path, "messages.txt => error")
    logged.manager.add_file(parse_channel("extra.txt", "notice"))
    logged.log.info("kept")
    with pytest.raises(ValueError, match="already exists"):
        logged.manager.add_file(parse_channel("extra.txt", "notice"))
    logged.manager.remove_file("extra.txt")
    logged.log.info("lost")
    assert logged.lines("extra.txt") == ["kept"]
    with pytest.raises(ValueError, match="Unable to find"):
        logged.manager.remove_file("messages.txt")


def test_channel_grammar() -> None:
    channel = parse_channel("full.txt", "[json]notice, verbose(3),debug(*)")
    assert channel.formatter is Formatter.JSON
    assert channel.levels == {Level.NOTICE, Level.VERBOSE, Level.DEBUG}
    assert (channel.verbose, channel.debug) == (3, ANY_LEVEL)
    assert parse_channel("x", "verbose").verbose == FOLLOW_CORE
    assert parse_channel("x", "*").levels == set(Level)
    assert [parse_channel(name, "error").kind for name in ("console", "syslog.local0", "a.txt")] == [
        "Console",
        "Syslog",
        "File",
    ]


def test_every_wrong_line_is_named(tmp_path: Path) -> None:
    text = """[general]
dateformat = %F
[logfiles]
messages.txt => notice,shouting
full.txt => [xml]notice
syslog.nowhere => error
../../etc/passwd => error
fine.txt => error(3)
"""
    with pytest.raises(ConfigErrors) as caught:
        settings(tmp_path, text)
    path = tmp_path / "logger.conf"
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{path}:4: 'shouting' is no log level (")
    assert lines[1].startswith(f"{path}:5: there is no log format 'xml'")
    assert lines[2].startswith(f"{path}:6: 'syslog.nowhere' names no syslog facility")
    assert lines[3].startswith(f"{path}:7: a log file's name must not contain '..'")
    assert lines[4].startswith(f"{path}:8: 'error' takes no number")

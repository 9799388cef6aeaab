"""logger.conf as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.errors import raise_if_any
from pbx.config.options import ConfigObject, option, parse_section
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config, Item

FOLLOW_CORE = -1
DEFAULT_DATE_FORMAT = "%b %e %T"


class Level(Enum):
    """Asterisk's log levels in the order of its listings."""

    DEBUG = "DEBUG"
    TRACE = "TRACE"
    NOTICE = "NOTICE"
    WARNING = "WARNING"
    ERROR = "ERROR"
    VERBOSE = "VERBOSE"
    DTMF = "DTMF"
    SECURITY = "SECURITY"
    FAX = "FAX"


class Formatter(Enum):
    """How a channel writes a message."""

    DEFAULT = "default"
    JSON = "json"
    PLAIN = "plain"


class Rotation(Enum):
    """What ``logger rotate`` does with the old file."""

    NONE = "none"
    SEQUENTIAL = "sequential"
    ROTATE = "rotate"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of ``[logfiles]``. ``verbose`` and ``debug`` may be FOLLOW_CORE: as ``core set`` says."""

    name: str
    levels: frozenset[Level]
    verbose: int = FOLLOW_CORE
    debug: int = FOLLOW_CORE
    formatter: Formatter = Formatter.DEFAULT

    @property
    def kind(self) -> str:
        """The word of ``logger show channels``."""
        if self.name == "console":
            return "Console"
        return "Syslog" if self.name.startswith("syslog.") else "File"


@dataclass(frozen=True, slots=True)
class General(ConfigObject):
    """``[general]`` of logger.conf."""

    type_name: ClassVar[str] = "general"

    dateformat: str = option(types.STRING, DEFAULT_DATE_FORMAT, help="strftime format; %q is a tenth, %3q milliseconds")
    use_callids: bool = option(types.YESNO, True, help="show the call id behind the process id")
    appendhostname: bool = option(types.YESNO, False, help="put the host's name behind each file's name")
    rotatestrategy: Rotation = option(types.enum(Rotation), Rotation.SEQUENTIAL, help="what logger rotate does")
    exec_after_rotate: str = option(types.STRING, "", help="a command to run after rotating; ${filename} is the file")
    logger_queue_limit: int = option(types.integer(1), 1000, help="messages kept for a console that does not read")
    queue_log: bool = option(types.YESNO, True, help="write the queue log")
    queue_log_to_file: bool = option(types.YESNO, False, help="write it to a file as well as to a database")
    queue_log_name: str = option(types.STRING, "queue_log", help="the queue log's file")
    queue_log_realtime_use_gmt: bool = option(types.YESNO, False, help="queue log times in GMT")


def _default_channels() -> tuple[Channel, ...]:
    warnings = frozenset((Level.NOTICE, Level.WARNING, Level.ERROR))
    return (Channel("console", warnings | {Level.VERBOSE}), Channel("messages.txt", warnings))


@dataclass(frozen=True, slots=True)
class LoggerSettings:
    """All of logger.conf."""

    general: General = field(default_factory=General)
    channels: tuple[Channel, ...] = field(default_factory=_default_channels)


_PREFIX = re.compile(r"\s*\[([a-z]+)\]\s*")
_LEVEL = re.compile(r"([a-z*]+)(?:\((\*|\d{1,9})\))?")
_SYSLOG = re.compile(r"syslog\.(kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local[0-7])")
ANY_LEVEL = 2**31 - 1


def parse_channel(name: str, text: str) -> Channel:
    """``messages.txt => [json]notice,verbose(3)``. Raises ValueError."""
    formatter = Formatter.DEFAULT
    prefix = _PREFIX.match(text)
    if prefix is not None:
        try:
            formatter = Formatter(prefix[1])
        except ValueError:
            raise ValueError(f"there is no log format '{prefix[1]}' (default, json, plain)") from None
        text = text[prefix.end() :]
    if name.startswith("syslog.") and _SYSLOG.fullmatch(name) is None:
        raise ValueError(f"'{name}' names no syslog facility")
    levels: set[Level] = set()
    numbers = {Level.VERBOSE: FOLLOW_CORE, Level.DEBUG: FOLLOW_CORE}
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        match = _LEVEL.fullmatch(word)
        if match is None:
            raise ValueError(f"'{word}' is no log level")
        if match[1] == "*":
            levels.update(Level)
            continue
        try:
            level = Level(match[1].upper())
        except ValueError:
            known = ", ".join(each.value.lower() for each in Level)
            raise ValueError(f"'{match[1]}' is no log level ({known} or *)") from None
        levels.add(level)
        if match[2] is not None:
            if level not in numbers:
                raise ValueError(f"'{match[1]}' takes no number")
            numbers[level] = ANY_LEVEL if match[2] == "*" else int(match[2])
    return Channel(name, frozenset(levels), numbers[Level.VERBOSE], numbers[Level.DEBUG], formatter)


def _checked_channel(item: Item) -> Channel:
    if "/../" in f"/{item.key}/":
        raise ValueError("a log file's name must not contain '..'")
    return parse_channel(item.key, item.value)


def read_logger_settings(config: Config | None) -> LoggerSettings:
    """logger.conf's settings; the defaults when there is no file. Raises ConfigErrors naming every wrong line."""
    if config is None:
        return LoggerSettings()
    general = parse_section(General, config.section("general"))
    section = config.section("logfiles")
    if section is None:
        return LoggerSettings(general)
    channels: dict[str, Channel] = {}
    errors: list[ConfigError] = []
    for item in section.items:
        try:
            channels[item.key] = _checked_channel(item)
        except ValueError as error:
            errors.append(ConfigError(str(error), item.path, item.line))
    raise_if_any(errors)
    return LoggerSettings(general, tuple(channels.values()))

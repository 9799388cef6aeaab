"""``obelisk check``: all configuration, every error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx import app
from pbx.asterisk_conf import read_asterisk_conf
from pbx.config.errors import flatten
from pbx.errors import ConfigError
from pbx.logs import read_logger_settings

if TYPE_CHECKING:
    from pathlib import Path


def check_configuration(path: Path) -> list[ConfigError]:
    """Every error in the configuration at ``path``, an asterisk.conf or its directory; opens no socket."""
    from twisted.internet import reactor

    try:
        conf = read_asterisk_conf(path)
        server = app.build(reactor, conf)
    except ConfigError as error:
        return list(flatten(error))
    errors: list[ConfigError] = []
    try:
        read_logger_settings(server.config.load_optional("logger.conf"))
    except ConfigError as error:
        errors += flatten(error)
    errors += app.check(server)
    return errors + _dialplan_errors(conf.directories.etc, errors)


def _dialplan_errors(directory: Path, known: list[ConfigError]) -> list[ConfigError]:
    """The errors, not the warnings, of ``obelisk dialplan check``, but for lines that are wrong already."""
    told = "\n".join(str(each) for each in known)
    try:
        report = app.check_dialplan(directory)
    except ConfigError:
        return []  # no dialplan, which is not wrong
    return [
        ConfigError(f"{each.message} [{each.check}]", directory / each.place.file, each.place.line or None)
        for each in report.errors
        if f"{each.place}:" not in told
    ]

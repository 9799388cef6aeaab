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
    return [*errors, *app.check(server)]

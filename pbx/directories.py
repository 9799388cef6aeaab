"""Where the exchange keeps things: the ``[directories]`` of asterisk.conf, and what ships inside the package.

The command line client imports this module for every ``-rx``, so it imports little.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config

DEFAULT_CONFIG = Path("/etc/asterisk/asterisk.conf")
CONTROL_SOCKET_NAME = "asterisk.ctl"
PLACEHOLDER = "@dir:"


@dataclass(frozen=True, slots=True)
class Directories:
    """Asterisk's directories; each attribute is its ``ast<name>dir``. ``control_name`` is ``[files] astctl``."""

    etc: Path = Path("/etc/asterisk")
    modules: Path = Path("/usr/lib/asterisk/modules")
    varlib: Path = Path("/var/lib/asterisk")
    db: Path = Path("/var/lib/asterisk")
    keys: Path = Path("/var/lib/asterisk")
    data: Path = Path("/var/lib/asterisk")
    agi: Path = Path("/var/lib/asterisk/agi-bin")
    spool: Path = Path("/var/spool/asterisk")
    run: Path = Path("/var/run/asterisk")
    log: Path = Path("/var/log/asterisk")
    sbin: Path = Path("/usr/sbin")
    cache: Path = Path("/var/cache/asterisk")
    control_name: str = CONTROL_SOCKET_NAME

    @classmethod
    def at(cls, root: Path) -> Directories:
        """Everything below ``root``, as tests and ``obelisk init`` lay it out."""
        lib = root / "lib"
        return cls(
            etc=root / "etc",
            modules=lib / "modules",
            varlib=lib,
            db=lib,
            keys=lib / "keys",
            data=lib,
            agi=lib / "agi-bin",
            spool=root / "spool",
            run=root / "run",
            log=root / "log",
            sbin=root / "sbin",
            cache=root / "cache",
        )

    @property
    def control_socket(self) -> Path:
        """The unix socket that consoles connect to."""
        return self.run / self.control_name

    @property
    def pid_file(self) -> Path:
        return self.run / "asterisk.pid"

    @property
    def astdb(self) -> Path:
        return self.db / "astdb.sqlite3"

    @property
    def recordings(self) -> Path:
        return self.spool / "monitor"

    @property
    def sounds(self) -> Path:
        """An installed sound directory; `packaged_sounds` is asked after it."""
        return self.data / "sounds"

    def variables(self) -> dict[str, str]:
        """The dialplan's ASTETCDIR, ASTSPOOLDIR and so on; ASTDBDIR is a file, as in Asterisk."""
        values = {option.upper(): str(getattr(self, name)) for option, name in DIRECTORY_OPTIONS.items()}
        values["ASTDBDIR"] = str(self.db / "astdb")
        return values

    def create(self) -> None:
        """Make the directories the exchange writes to. Raises ConfigError naming the one that cannot be made."""
        for path in (self.varlib, self.db, self.data, self.spool, self.recordings, self.run, self.log, self.cache):
            try:
                path.mkdir(mode=0o750, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"cannot make the directory: {error.strerror}", path) from error


#: asterisk.conf's words for the attributes.
DIRECTORY_OPTIONS = {
    "astmoddir" if each.name == "modules" else "astkeydir" if each.name == "keys" else f"ast{each.name}dir": each.name
    for each in fields(Directories)
    if each.name != "control_name"
}
_FOLLOWERS = {"varlib": ("db", "data", "keys", "agi"), "data": ("keys", "agi")}


def config_file(path: Path) -> Path:
    """asterisk.conf, given it or its directory."""
    return path / "asterisk.conf" if path.is_dir() else path


def directories_of(config: Config, path: Path) -> Directories:
    """``[directories]`` and ``[files]`` of asterisk.conf read from ``path``.

    What is left out follows its parent (astdbdir follows astvarlibdir), astetcdir follows the file itself. Relative
    paths are taken from the file's directory. Raises ConfigError with file and line.
    """
    base = path.absolute().parent
    named: dict[str, Path] = {"etc": base}
    section = config.section("directories")
    for item in section.items if section is not None else ():
        attribute = DIRECTORY_OPTIONS.get(item.key.lower())
        if attribute is None:
            raise ConfigError(f"[directories] has no option '{item.key}'", item.path, item.line)
        if PLACEHOLDER in item.value:
            message = f"{item.key} holds a placeholder: make a usable copy of this directory with 'obelisk init DIR'"
            raise ConfigError(message, item.path, item.line)
        if not item.value:
            raise ConfigError(f"{item.key} is empty", item.path, item.line)
        named[attribute] = base / item.value
    for parent, followers in _FOLLOWERS.items():
        if parent in named:
            for follower in followers:
                below = named[parent] / "agi-bin" if follower == "agi" else named[parent]
                if follower not in _written(config):
                    named[follower] = below
    control_name = config.get("files", "astctl") or CONTROL_SOCKET_NAME
    return replace(Directories(), control_name=control_name, **named)


def _written(config: Config) -> set[str]:
    section = config.section("directories")
    return {DIRECTORY_OPTIONS.get(item.key.lower(), "") for item in section.items} if section is not None else set()


def read_directories(path: Path) -> Directories:
    """The directories that asterisk.conf at ``path`` (or in that directory) names. Raises ConfigError."""
    from pbx.config.reader import load_config

    file = config_file(path)
    return directories_of(load_config(file), file)


def _packaged(name: str, checkout_name: str) -> Path:
    package = Path(__file__).resolve().parent
    installed = package / name
    return installed if installed.is_dir() else package.parent / checkout_name


def packaged_sounds() -> Path:
    """The prompts that ship with Obelisk; asked after ``Directories.sounds``."""
    return _packaged("_sounds", "sounds")


def packaged_conf() -> Path:
    """The configuration that ships with Obelisk; ``obelisk init`` copies it."""
    return _packaged("_conf", "conf")

"""musiconhold.conf: each section a class, as typed options (Asterisk: res_musiconhold.c)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.errors import flatten, raise_if_any
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.directories import packaged_sounds
from pbx.errors import ConfigError
from pbx.media.sound_files import EXTENSIONS

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "musiconhold.conf"
DEFAULT_CLASS = "default"
_GENERAL = "general"
#: Files one class plays.
MAX_FILES = 10_000
_LATER = "accepted from Asterisk's file; changes nothing here"
_WORD: types.ValueType[tuple[str, ...]] = types.custom("file", lambda text: (text,), ",".join)


class Mode(Enum):
    """Where a class has its music from. Modes that run a program are not played here."""

    FILES = "files"
    PLAYLIST = "playlist"


class Sort(Enum):
    """In which order a directory's files are played."""

    NONE = ""
    ALPHA = "alpha"
    RANDOM = "random"
    RANDSTART = "randstart"


@dataclass(frozen=True, slots=True)
class General(ConfigObject):
    """``[general]`` of musiconhold.conf."""

    type_name: ClassVar[str] = _GENERAL

    preferchannelclass: bool = option(
        types.YESNO, True, help="whether a channel's own class counts before what the other party suggests"
    )
    cachertclasses: bool = option(types.YESNO, False, hidden=True, help=_LATER)


@dataclass(frozen=True, slots=True)
class MusicClass(ConfigObject):
    """A class of music; ``files`` is what it plays, in order."""

    type_name: ClassVar[str] = "class"

    mode: Mode = option(types.enum(Mode), Mode.FILES, help="files: those of a directory; playlist: those of 'entry'")
    directory: str = option(types.STRING, "", help="directory of mode files; relative to the data directory")
    entry: tuple[str, ...] = option(types.accumulate(_WORD), (), help="a sound to play, by name, in mode playlist")
    sort: Sort = option(types.enum(Sort), Sort.NONE, help="alpha, random, or randstart: in turn from any")
    announcement: str = option(types.STRING, "", help="sound played before each file")
    answeredonly: bool = option(types.YESNO, False, help="whether calls that are not answered yet hear nothing")
    loop_last: bool = option(types.YESNO, False, help="whether the last file is repeated, in place of all")
    digit: str = option(types.STRING, "", hidden=True, help=_LATER)
    format: str = option(types.STRING, "", hidden=True, help=_LATER)
    application: str = option(types.STRING, "", hidden=True, help=_LATER)
    random: bool = option(types.YESNO, False, hidden=True, help="older word for sort=random")
    files: tuple[Path, ...] = field(default=(), compare=False)

    def applied(self) -> MusicClass:
        """Check the options against each other. Raises OptionError."""
        if self.mode is Mode.FILES and not self.directory:
            raise OptionError("directory", f"must be given for class '{self.id}'")
        if self.mode is Mode.PLAYLIST and not self.entry:
            raise OptionError("entry", f"must be given for class '{self.id}'")
        return replace(self, sort=Sort.RANDOM) if self.random else self


@dataclass(frozen=True, slots=True)
class MusicSettings:
    """musiconhold.conf as a whole."""

    general: General = field(default_factory=lambda: General(_GENERAL))
    classes: dict[str, MusicClass] = field(default_factory=dict)


def read_musiconhold_conf(loader: ConfigLoader, data: Path) -> MusicSettings:
    """The classes and their files; without the file, or a directory, the music that ships with Obelisk.

    ``data`` is where relative directories begin. Raises ConfigErrors with everything that is wrong.
    """
    config = loader.load_optional(FILE)
    if config is None:
        shipped = MusicClass(DEFAULT_CLASS, directory="moh")
        return MusicSettings(classes={DEFAULT_CLASS: _with_files(shipped, data)})
    errors: list[ConfigError] = []
    general = General(_GENERAL)
    classes: dict[str, MusicClass] = {}
    for section in config.sections:
        try:
            if section.name.lower() == _GENERAL:
                general = parse_section(General, section)
            elif section.name in classes:
                raise ConfigError(f"class '{section.name}' is defined twice", section.path, section.line)
            else:
                classes[section.name] = _with_files(parse_section(MusicClass, section), data)
        except ConfigError as error:
            errors += flatten(error)
    raise_if_any(errors)
    return MusicSettings(general, classes)


def _with_files(music: MusicClass, data: Path) -> MusicClass:
    if music.mode is Mode.PLAYLIST:
        return music
    directory = data / music.directory
    if not directory.is_dir() and not music.directory.startswith("/"):
        directory = packaged_sounds() / music.directory
    try:
        found = [path for path in directory.iterdir() if path.suffix[1:] in EXTENSIONS and path.is_file()]
    except OSError:
        found = []
    best: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: EXTENSIONS.index(path.suffix[1:])):
        best.setdefault(path.stem, path)
    return replace(music, files=tuple(best[stem] for stem in sorted(best))[:MAX_FILES])

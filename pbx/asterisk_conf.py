"""asterisk.conf as values: directories, ``[options]`` and ``[files]``."""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option, parse_section
from pbx.config.reader import load_config
from pbx.directories import Directories, config_file, directories_of

if TYPE_CHECKING:
    from pathlib import Path


class TellTestEvents(Enum):
    """Whether TestEvent is told (`pbx.test_events`)."""

    YES = "yes"
    NO = "no"
    AUTO = "auto"


_IGNORED = "accepted from Asterisk's file; changes nothing here"
MAX_LEVEL = 2**31 - 1


def _level(text: str) -> int:
    """``verbose = 3``; a bare truth word counts as 1, as in Asterisk."""
    if text.isdecimal():
        return min(int(text), MAX_LEVEL)
    if types.is_true(text):
        return 1
    if types.is_false(text):
        return 0
    raise ValueError("a number or yes/no is wanted")


LEVEL: types.ValueType[int] = types.custom("number", _level)
ANYTHING = types.STRING


@dataclass(frozen=True, slots=True)
class Options(ConfigObject):
    """``[options]``: how the process runs."""

    type_name: ClassVar[str] = "options"

    verbose: int = option(LEVEL, 0, help="verbose messages up to this level, as -v given that often")
    debug: int = option(LEVEL, 0, help="debug messages up to this level, as -d given that often")
    nofork: bool = option(types.YESNO, False, help="stay in the foreground, as -f")
    alwaysfork: bool = option(types.YESNO, False, help="go to the background even with -v or -d, as -F")
    quiet: bool = option(types.YESNO, False, help="print nothing at start, as -q")
    console: bool = option(types.YESNO, False, help="a console on the terminal, as -c")
    nocolor: bool = option(types.YESNO, False, help="no colours, as -n")
    timestamp: bool = option(types.YESNO, False, help="a time before verbose lines on consoles, as -T")
    dumpcore: bool = option(types.YESNO, False, help="allow a core file, as -g")
    execincludes: bool = option(types.YESNO, False, help="allow #exec in configuration files")
    maxcalls: int = option(types.integer(0), 0, help="calls at once; 0 for no limit")
    maxload: float = option(types.number(0.0), 0.0, help="load average above which calls are refused; 0 for no limit")
    maxfiles: int = option(types.integer(0), 0, help="open files; 0 for all the system allows")
    runuser: str = option(types.STRING, "", help="the user to run as, when started as root")
    rungroup: str = option(types.STRING, "", help="the group to run as, when started as root")
    systemname: str = option(types.STRING, "", help="put before unique ids")
    autosystemname: bool = option(types.YESNO, False, help="take the host's name as systemname")
    languageprefix: bool = option(types.YESNO, True, help="sounds are in a directory for each language")
    defaultlanguage: str = option(types.STRING, "en", help="language of channels that name none")
    entityid: str = option(types.STRING, "", help="the exchange's id, as a MAC address")
    live_dangerously: bool = option(types.YESNO, False, help="let AMI and ARI use functions that reach the system")
    test_events: TellTestEvents = option(
        types.enum(TellTestEvents),
        TellTestEvents.AUTO,
        help="tell managers what test suites wait for; auto: if a user of manager.conf reads the class test by name",
    )
    mindtmfduration: int = option(types.integer(0, 10000), 80, help="shortest digit, in milliseconds")
    transmit_silence: bool = option(
        types.YESNO, False, names=("transmit_silence", "transmit_silence_during_record"), help="send silence in waits"
    )
    rtp_use_dynamic: bool = option(types.YESNO, True, help="choose RTP payload types for each call")
    rtp_pt_dynamic: int = option(types.integer(0, 127), 35, help="first payload type chosen")
    minmemfree: int = option(types.integer(0), 0, help="MB of free memory below which calls are refused")
    hideconnect: bool = option(types.YESNO, False, help="do not log consoles that come and go")
    hide_messaging_ami_events: bool = option(types.YESNO, False, help="no AMI events of the message channel")
    sounds_search_custom_dir: bool = option(types.YESNO, False, help="look in sounds/custom first")
    cache_media_frames: bool = option(types.YESNO, True, hidden=True, help=_IGNORED)
    cache_record_files: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    record_cache_dir: str = option(ANYTHING, "", hidden=True, help=_IGNORED)
    transcode_via_sln: bool = option(types.YESNO, True, hidden=True, help=_IGNORED)
    trace: int = option(LEVEL, 0, hidden=True, help=_IGNORED)
    refdebug: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    highpriority: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    initcrypto: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    dontwarn: bool = option(types.YESNO, False, help="do not warn of the extensions _. and _! in extensions.conf")
    lightbackground: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    forceblackbackground: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    lockmode: str = option(ANYTHING, "", hidden=True, help=_IGNORED)
    lockconfdir: bool = option(types.YESNO, False, hidden=True, help=_IGNORED)
    stdexten: str = option(ANYTHING, "", hidden=True, help=_IGNORED)
    documentation_language: str = option(ANYTHING, "", hidden=True, help=_IGNORED)
    channel_storage_backend: str = option(ANYTHING, "", hidden=True, help=_IGNORED)
    disable_remote_console_shell: bool = option(types.YESNO, True, hidden=True, help=_IGNORED)

    @property
    def entity_id(self) -> str:
        """The exchange's id: ``entityid``, else the address of a network card."""
        if self.entityid:
            return self.entityid
        node = f"{uuid.getnode():012x}"
        return ":".join(node[index : index + 2] for index in range(0, 12, 2))

    @property
    def system_name(self) -> str:
        """What unique ids begin with, or an empty text."""
        if self.autosystemname:
            return self.systemname or socket.gethostname() or "localhost"
        return self.systemname


def _permissions(text: str) -> int:
    value = int(text, 8)
    if not 0 <= value <= 0o777:
        raise ValueError("octal permissions from 0 to 777 are wanted")
    return value


@dataclass(frozen=True, slots=True)
class ControlFile(ConfigObject):
    """``[files]``: the control socket."""

    type_name: ClassVar[str] = "files"

    astctl: str = option(types.STRING, "asterisk.ctl", help="name of the control socket in astrundir")
    astctlpermissions: int = option(
        types.custom("octal permissions", _permissions, lambda value: f"{value:04o}"), 0o600, help="its permissions"
    )
    astctlowner: str = option(types.STRING, "", help="its owner, when started as root")
    astctlgroup: str = option(types.STRING, "", help="its group")


@dataclass(frozen=True, slots=True)
class AsteriskConf:
    """All of asterisk.conf; ``path`` is the file."""

    path: Path
    directories: Directories
    options: Options
    control: ControlFile


def read_asterisk_conf(path: Path) -> AsteriskConf:
    """Read asterisk.conf at ``path``, or in that directory. Raises ConfigError (or several, as ConfigErrors)."""
    file = config_file(path)
    config = load_config(file)
    return AsteriskConf(
        file.absolute(),
        directories_of(config, file),
        parse_section(Options, config.section("options")),
        parse_section(ControlFile, config.section("files")),
    )

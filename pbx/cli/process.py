"""The process around the exchange: limits, user, background, systemd."""

from __future__ import annotations

import contextlib
import ctypes
import grp
import os
import pwd
import resource
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.asterisk_conf import AsteriskConf

COMMAND = "obelisk"
#: Connections accepted later are moved to descriptors from 2048 on, so the system's usual 1024 is too few.
WANTED_FILES = 65536

#: glibc's mallopt(3): M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes.
MALLOC_OPTIONS = {-1: 64 << 20, -2: 1 << 20, -3: 1 << 20}


def go_to_background() -> None:
    """Leave the terminal: the caller's process ends here with status 0, the child goes on."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def set_limits(max_files: int, *, dump_core: bool) -> None:
    """Allow as many files as the system lets us, or ``max_files``; a core file if wanted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_files or WANTED_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if dump_core:
        _, hard_core = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard_core, hard_core))


def keep_freed_memory() -> None:
    """Let the C library keep what calls free for the next ones, up to 64 MiB, where it can be told so.

    Otherwise it gives a call's last pages back to the system and takes them again for the next call: a system call
    and a few page faults each time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in MALLOC_OPTIONS.items():
            mallopt(option, value)


def become_user(conf: AsteriskConf) -> None:
    """Give up root for ``runuser`` and ``rungroup``. Raises ConfigError when they do not exist or may not read.

    The directories the exchange writes to are given to that user. Not started as root: nothing is changed.
    """
    user, group = conf.options.runuser, conf.options.rungroup
    if os.geteuid() != 0 or not (user or group):
        return
    try:
        account = pwd.getpwnam(user) if user else None
        gid = grp.getgrnam(group).gr_gid if group else account.pw_gid if account is not None else os.getegid()
    except KeyError as error:
        raise ConfigError(
            f"asterisk.conf names a user or group that does not exist: {error.args[0]}", conf.path
        ) from None
    uid = account.pw_uid if account is not None else -1
    directories = conf.directories
    for path in {directories.run, directories.log, directories.db, directories.spool, directories.recordings}:
        os.chown(path, uid, gid)
    if account is not None:
        os.initgroups(account.pw_name, gid)
    os.setgid(gid)
    if account is not None:
        os.setuid(uid)
    if not os.access(directories.etc, os.R_OK | os.X_OK):
        raise ConfigError(f"{user or group} may not read {directories.etc}", conf.path)


def write_pid(conf: AsteriskConf) -> None:
    """Leave our process id where Asterisk's scripts look for it."""
    conf.directories.pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")


def remove_pid(conf: AsteriskConf) -> None:
    with contextlib.suppress(OSError):
        conf.directories.pid_file.unlink()


def notify_systemd(state: str) -> None:
    """Tell systemd (``READY=1``), when it started us; see sd_notify(3)."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto(state.encode(), address)


def own_command() -> str:
    """How a user starts this very program: by its name where the PATH leads to it, else by its place."""
    started = Path(sys.argv[0])
    script = started if started.name == COMMAND else Path(sys.executable).with_name(COMMAND)
    found = shutil.which(COMMAND)
    if found is not None and script.exists() and Path(found).samefile(script):
        return COMMAND
    return str(script.absolute()) if script.exists() else f"{sys.executable} -m pbx.cli.program"

"""Child processes of an exchange with thousands of open files.

Their pipes live at high file descriptors, as TCP connections do (`pbx.sockets`). And they begin quickly: Twisted asks
of each open file whether it is to be closed in the child, 30 ms with 4000 files, while no call is served; here one
system call says it of all.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet import process
from twisted.internet.protocol import ProcessProtocol

from pbx.sockets import FIRST_HIGH

#: close_range(2) on x86_64, and its flag to mark files for closing in place of closing them (Linux 5.11).
_SYS_CLOSE_RANGE = 436
_CLOSE_RANGE_CLOEXEC = 4
_LAST_DESCRIPTOR = 0xFFFFFFFF
#: No child is given descriptors of this number or above.
_FIRST_FREE = 16


def moved_up(descriptor: int) -> int:
    """The same file at a high descriptor, the low one closed; as it was where the process may not have one."""
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    except OSError:
        return descriptor
    os.close(descriptor)
    return high


def seal() -> bool:
    """Keep every open file but 0, 1 and 2 from children, those that C libraries opened too; False where it cannot be.

    None of our files is meant for a program that takes this one's place, either.
    """
    done: int = _libc.syscall(_SYS_CLOSE_RANGE, 3, _LAST_DESCRIPTOR, _CLOSE_RANGE_CLOEXEC)
    return done == 0


_libc = ctypes.CDLL(None)


class _Writer(process.ProcessWriter):
    def __init__(self, reactor: Any, proc: Any, name: int, fileno: int, **options: Any) -> None:
        super().__init__(reactor, proc, name, moved_up(fileno), **options)  # type: ignore[no-untyped-call]


class _Reader(process.ProcessReader):
    def __init__(self, reactor: Any, proc: Any, name: int, fileno: int) -> None:
        super().__init__(reactor, proc, name, moved_up(fileno))  # type: ignore[no-untyped-call]


class QuickProcess(process.Process):
    """A process."""

    # Twisted's names.
    processWriterFactory = _Writer  # type: ignore[assignment]  # noqa: N815
    processReaderFactory = _Reader  # noqa: N815

    def _trySpawnInsteadOfFork(  # noqa: N802  # Twisted's name
        self, path: Any, uid: Any, gid: Any, executable: bytes, args: Any, environment: Any, kwargs: Any
    ) -> bool:
        """Begin the program in a child; raises OSError where it cannot be run."""
        if not seal():
            done: bool = super()._trySpawnInsteadOfFork(path, uid, gid, executable, args, environment, kwargs)  # type: ignore[no-untyped-call]
            return done
        lifted: list[int] = []
        try:
            actions = []
            for child, ours in kwargs["fdmap"].items():
                if ours < _FIRST_FREE:
                    # It could be overwritten by another before it is copied.
                    ours = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
                    lifted.append(ours)
                actions.append((os.POSIX_SPAWN_DUP2, ours, child))
            self.pid = os.posix_spawn(
                executable, args, environment, file_actions=actions, setsigdef=_ignored(), setsigmask=()
            )
        finally:
            for each in lifted:
                os.close(each)
        self.status = -1
        return True


def _ignored() -> list[int]:
    """The signals that Python ignores and programs do not expect to be."""
    return [number for number in range(1, signal.NSIG) if signal.getsignal(number) == signal.SIG_IGN]


def spawn(
    reactor: Any,
    protocol: ProcessProtocol,
    executable: str,
    arguments: Sequence[bytes],
    environment: Mapping[str, str],
    files: Mapping[int, int | str],
) -> QuickProcess:
    """As reactor.spawnProcess: ``files`` maps the child's descriptors to ``r``, ``w`` or one of ours.

    Raises OSError when the program cannot be run; none can in the virtual time of a dialplan's tests.
    """
    if not hasattr(reactor, "addReader"):
        raise OSError(errno.ENOSYS, "no programs are run in virtual time")
    make: Any = QuickProcess
    made: QuickProcess = make(
        reactor,
        os.fsencode(executable),
        list(arguments),
        {os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
        None,
        protocol,
        childFDs=dict(files),
    )
    return made

"""Child processes whose pipes live at high file descriptors, as TCP connections do (`pbx.sockets`)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet import process
from twisted.internet.protocol import ProcessProtocol

from pbx.sockets import FIRST_HIGH


def moved_up(descriptor: int) -> int:
    """The same file at a high descriptor, the low one closed; as it was where the process may not have one."""
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    except OSError:
        return descriptor
    os.close(descriptor)
    return high


class _Writer(process.ProcessWriter):
    def __init__(self, reactor: Any, proc: Any, name: int, fileno: int, **options: Any) -> None:
        super().__init__(reactor, proc, name, moved_up(fileno), **options)  # type: ignore[no-untyped-call]


class _Reader(process.ProcessReader):
    def __init__(self, reactor: Any, proc: Any, name: int, fileno: int) -> None:
        super().__init__(reactor, proc, name, moved_up(fileno))  # type: ignore[no-untyped-call]


class HighProcess(process.Process):
    """A process."""

    # Twisted's names.
    processWriterFactory = _Writer  # type: ignore[assignment]  # noqa: N815
    processReaderFactory = _Reader  # noqa: N815


def spawn(
    reactor: Any,
    protocol: ProcessProtocol,
    executable: str,
    arguments: Sequence[bytes],
    environment: Mapping[str, str],
    files: Mapping[int, int | str],
) -> HighProcess:
    """As reactor.spawnProcess: ``files`` maps the child's descriptors to ``r``, ``w`` or one of ours.

    Raises OSError when the program cannot be run.
    """
    make: Any = HighProcess
    made: HighProcess = make(
        reactor,
        os.fsencode(executable),
        list(arguments),
        {os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
        None,
        protocol,
        childFDs=dict(files),
    )
    return made

"""Replacing a file so that a reader, or a crash, sees the old one or the new one whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, mode: int = 0o640) -> None:
    """Replace ``path`` (what it points to, if a link) by ``data``; mode and owner stay as they were. Raises OSError."""
    target = path.resolve()
    status = target.stat() if target.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode if status is None else status.st_mode & 0o7777)
            if (
                status is not None
                and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid())
                and not os.geteuid()
            ):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

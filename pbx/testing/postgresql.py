"""A PostgreSQL server of a test's own: a fresh cluster on a Unix socket, gone with the test.

PostgreSQL refuses to run as root; there it runs as the user ``postgres`` of Debian's package, or ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 20.0
POLL_SECONDS = 0.05
USER = "obelisk"


def find_programs() -> Path | None:
    """The directory of ``initdb`` and ``postgres``, the newest release first; None where there is none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    places = [*installed, *([Path(found).parent] if found else [])]
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server; gives the URL of its database. Raises RuntimeError with its log when it does not start."""
    programs = find_programs()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed")
    user = _user()
    directory = Path(tempfile.mkdtemp(prefix="obk-pg-"))
    if user is not None:
        os.chown(directory, user.pw_uid, user.pw_gid)
    owner = None if user is None else user.pw_uid
    data, log = directory / "data", directory / "log"
    try:
        command = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
        made = subprocess.run(command, user=owner, cwd=directory, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)
        with log.open("wb") as output:
            arguments = ["-D", str(data), "-k", str(directory), "-c", "listen_addresses=", "-c", "fsync=off"]
            server = subprocess.Popen(
                [str(programs / "postgres"), *arguments], user=owner, cwd=directory, stdout=output, stderr=output
            )
        try:
            _wait(programs, directory, server, log)
            yield f"postgresql://{USER}@/postgres?host={directory}"
        finally:
            server.terminate()
            server.wait(START_SECONDS)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Whom to run it as; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no user postgres or nobody to run PostgreSQL as")


def _wait(programs: Path, directory: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    ready = [str(programs / "pg_isready"), "-q", "-h", str(directory), "-U", USER]
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}")
        # A test's fixture, before its reactor has anything to do.
        time.sleep(POLL_SECONDS)  # noqa: TID251

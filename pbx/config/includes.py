"""What an include directive brings: file names matched by a pattern, or the output of a program."""

from __future__ import annotations

import glob
import re
import subprocess
from pathlib import Path

from pbx.errors import ConfigError

EXEC_DEADLINE_SECONDS = 10.0
MAX_PATTERN_RESULTS = 10_000

_BRACES = re.compile(r"\{([^{}]*)\}")


def expand_pattern(pattern: str, root: Path) -> tuple[Path, ...]:
    """Existing files that ``pattern`` (``*``, ``?``, ``[...]``, ``{a,b}``) names, sorted.

    A relative pattern is looked up under ``root``.
    """
    found: dict[Path, None] = {}
    for plain in _expand_braces(pattern):
        full = str(root / plain)
        if not glob.has_magic(full) or Path(full).is_file():
            names = [full] if Path(full).exists() else []
        else:
            names = sorted(glob.glob(full))  # noqa: PTH207 - Path.glob takes no absolute pattern
        for name in names[:MAX_PATTERN_RESULTS]:
            if Path(name).is_file():
                found[Path(name)] = None
    return tuple(found)


def _expand_braces(pattern: str) -> list[str]:
    done: list[str] = []
    waiting = [pattern]
    while waiting and len(done) + len(waiting) <= MAX_PATTERN_RESULTS:
        each = waiting.pop(0)
        match = _BRACES.search(each)
        if match is None:
            done.append(each)
        else:
            waiting += [each[: match.start()] + choice + each[match.end() :] for choice in match[1].split(",")]
    return done


def run_program(command: str) -> bytes:
    """The output of ``command``, run by the shell. Raises ConfigError when it fails or overruns its deadline.

    Only reached when the administrator has set execincludes; the command is the administrator's own text.
    """
    try:
        done = subprocess.run(  # noqa: S602 - #exec is a shell command of the administrator
            command,
            shell=True,
            capture_output=True,
            timeout=EXEC_DEADLINE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"took longer than {EXEC_DEADLINE_SECONDS:g} s") from error
    if done.returncode:
        detail = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"exit status {done.returncode}{': ' + detail[-1] if detail else ''}")
    return done.stdout

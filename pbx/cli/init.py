"""``obelisk init``: a configuration directory of one's own, with secrets nobody else knows."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pathlib import Path

SECRET_LENGTH = 20
_ALPHABET = string.ascii_letters + string.digits
_SECRET = re.compile(r"@secret:([a-z0-9][a-z0-9-]*)@")
_DIRECTORY = re.compile(r"@dir:(etc|var)@")


class InitError(ObeliskError):
    """The configuration was not copied; nothing was overwritten."""


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was written. ``secret_files`` are those that hold secrets."""

    target: Path
    state: Path
    files: tuple[Path, ...]
    secret_files: tuple[Path, ...]


def default_state(target: Path) -> Path:
    """Where recordings, the database and logs go: beside a directory named ``conf``, else below the target."""
    return target.parent if target.name == "conf" else target / "var"


def initialise(source: Path, target: Path, state: Path | None = None) -> InitResult:
    """Copy ``source`` to ``target`` with placeholders filled in.

    ``@secret:NAME@`` becomes a random secret, the same for one NAME in all files; ``@dir:etc@`` and ``@dir:var@``
    become the target and the state directory. Raises InitError when ``target`` has files already.
    """
    target = target.absolute()
    state = default_state(target) if state is None else state.absolute()
    if not source.is_dir():
        raise InitError(f"the configuration that ships with Obelisk is missing: {source}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InitError(f"{target} exists and is not empty; nothing was changed")
    names: dict[str, str] = {}
    files: list[Path] = []
    secret_files: list[Path] = []

    def secret(match: re.Match[str]) -> str:
        return names.setdefault(match[1], "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH)))

    def directory(match: re.Match[str]) -> str:
        return str(target if match[1] == "etc" else state)

    try:
        target.mkdir(mode=0o750, parents=True, exist_ok=True)
        for template in sorted(each for each in source.rglob("*") if each.is_file()):
            text = template.read_text(encoding="utf-8")
            with_secrets, count = _SECRET.subn(secret, text)
            path = target / template.relative_to(source)
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            path.touch(mode=0o600 if count else 0o640, exist_ok=False)
            path.write_text(_DIRECTORY.sub(directory, with_secrets), encoding="utf-8")
            files.append(path)
            if count:
                secret_files.append(path)
    except OSError as error:
        raise InitError(f"cannot write {error.filename}: {error.strerror}") from error
    return InitResult(target, state, tuple(files), tuple(secret_files))

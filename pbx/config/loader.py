"""Configuration files of one directory, parsed once as long as they do not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.config.includes import expand_pattern
from pbx.config.reader import load_config, read_config
from pbx.stages import gently

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pbx.config.model import Config, Stamp

log = Logger()


@dataclass(frozen=True, slots=True)
class Signature:
    """The files of a configuration as they were when it was read."""

    stamps: tuple[tuple[Path, Stamp], ...]
    patterns: tuple[tuple[str, tuple[Path, ...]], ...]
    runs_programs: bool


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class ConfigLoader:
    """Reads the files of ``etc_dir``, keeping what it parsed until the files change or `forget` is called."""

    def __init__(self, etc_dir: Path, *, exec_allowed: bool = False) -> None:
        self.etc_dir = etc_dir
        self.exec_allowed = exec_allowed
        self._cache: dict[Path, tuple[Signature, Config]] = {}

    def path(self, name: str) -> Path:
        """Where the file ``name`` (relative to the directory, or absolute) is."""
        return self.etc_dir / name

    def exists(self, name: str) -> bool:
        return self.path(name).is_file()

    def load(self, name: str) -> Config:
        """The parsed file; its warnings are logged when it is parsed. Raises ConfigErrors."""
        path = self.path(name)
        cached = self._cache.get(path)
        if cached is not None and self.is_current(cached[0]):
            return cached[1]
        return self._keep(path, load_config(path, include_root=self.etc_dir, exec_allowed=self.exec_allowed))

    async def load_gently(self, name: str, pause: Callable[[], Awaitable[None]]) -> Config:
        """The file as it is now, read in slices with a ``pause`` after each: for large files while calls run.

        Raises ConfigErrors.
        """
        path = self.path(name)
        reading = read_config(path, include_root=self.etc_dir, exec_allowed=self.exec_allowed)
        return self._keep(path, await gently(reading, pause))

    def _keep(self, path: Path, config: Config) -> Config:
        for warning in config.warnings:
            log.warn("{warning}", warning=str(warning))
        self._cache[path] = (self.signature(config), config)
        return config

    def load_optional(self, name: str) -> Config | None:
        """The parsed file, or None when there is none."""
        return self.load(name) if self.exists(name) else None

    def signature(self, config: Config) -> Signature:
        """The state of the files that ``config`` was read from."""
        includes = [include for include in config.includes if include.directive != "exec"]
        return Signature(
            tuple(config.stamps.items()),
            tuple((include.pattern, include.files) for include in includes),
            self.exec_allowed and len(includes) < len(config.includes),
        )

    def is_current(self, signature: Signature) -> bool:
        """Whether reading again would give the same; never so when a program was run."""
        return (
            not signature.runs_programs
            and all(_stamp(path) == stamp for path, stamp in signature.stamps)
            and all(expand_pattern(pattern, self.etc_dir) == files for pattern, files in signature.patterns)
        )

    def forget(self) -> None:
        """Drop what is kept, once everything that reads the same file at start-up has done so."""
        self._cache.clear()

"""Configuration files of one directory, parsed once as long as they do not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.config.includes import expand_pattern
from pbx.config.reader import load_config

if TYPE_CHECKING:
    from pathlib import Path

    from pbx.config.model import Config

log = Logger()

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Signature:
    """What the files of a configuration looked like: equal signatures mean that nothing changed on disk."""

    stamps: tuple[tuple[Path, Stamp | None], ...]
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
        if cached is not None and not cached[0].runs_programs and self.signature(cached[1]) == cached[0]:
            return cached[1]
        # Stamped again on the next call, so a file that changes while it is being read counts as changed.
        config = load_config(path, include_root=self.etc_dir, exec_allowed=self.exec_allowed)
        for warning in config.warnings:
            log.warn("{warning}", warning=str(warning))
        self._cache[path] = (self.signature(config), config)
        return config

    def load_optional(self, name: str) -> Config | None:
        """The parsed file, or None when there is none."""
        return self.load(name) if self.exists(name) else None

    def signature(self, config: Config) -> Signature:
        """What the files of ``config`` look like now."""
        patterns = tuple(
            (include.pattern, expand_pattern(include.pattern, self.etc_dir))
            for include in config.includes
            if include.directive != "exec"
        )
        runs_programs = self.exec_allowed and any(include.directive == "exec" for include in config.includes)
        return Signature(tuple((path, _stamp(path)) for path in config.files), patterns, runs_programs)

    def forget(self) -> None:
        """Drop what is kept, once everything that reads the same file at start-up has done so."""
        self._cache.clear()

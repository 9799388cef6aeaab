"""Environments for public clients, each of its own, made once and kept under the user's cache directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSTALL_SECONDS = 240


def _cached(name: str, *inputs: Path) -> Path:
    """Where an environment made from these files belongs."""
    digest = hashlib.sha256(sys.version.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "obelisk-tests"
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{name}-{digest.hexdigest()[:16]}"


def _made(target: Path, make: Callable[[Path], None]) -> Path:
    """``target``, made in whole or not at all."""
    if not target.exists():
        work = Path(tempfile.mkdtemp(dir=target.parent))
        try:
            make(work / "env")
            (work / "env").rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def python_of() -> Callable[[str], Path]:
    """Gives the interpreter of a virtual environment with what ``requirements-NAME.txt`` pins, and nothing of ours."""

    def get(name: str) -> Path:
        requirements = HERE / f"requirements-{name}.txt"

        def make(directory: Path) -> None:
            _run(sys.executable, "-m", "venv", directory)
            pip = (directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
            _run(*pip, "-r", requirements)

        return _made(_cached(f"venv-{name}", requirements), make) / "bin" / "python"

    return get


@pytest.fixture(scope="session")
def node_packages() -> Callable[[str], Path]:
    """Gives a copy of the folder NAME with its locked node_modules."""

    def get(name: str) -> Path:
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        source = HERE / name

        def make(directory: Path) -> None:
            shutil.copytree(source, directory)
            _run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", cwd=directory)

        return _made(_cached(name, *sorted(path for path in source.iterdir() if path.is_file())), make)

    return get

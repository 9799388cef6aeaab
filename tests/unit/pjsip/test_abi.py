"""The committed ABI is the declarations', and the installed library has what they name."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pbx.pjsip._abi import ffi, generate, library, open_library


def test_generated_file_is_what_the_declarations_give() -> None:
    assert generate.OUTPUT.read_text(encoding="utf-8") == generate.generate(), (
        "run: python -m pbx.pjsip._abi.generate, and commit the result"
    )


def test_every_function_exists_in_the_library() -> None:
    lib = open_library()
    missing = []
    for name, where in generate.functions():
        try:
            getattr(lib, name)
        except AttributeError:
            missing.append(f"{name} ({where})")
        except ffi.error:
            missing.append(f"{name} ({where})")
    assert missing == []


@pytest.mark.parametrize(
    ("struct", "size"),
    [
        ("pjsip_rx_data", 4856),
        ("pjsip_tx_data", 1600),
        ("pjsip_module", 112),
        ("pjsip_transport", 344),
        ("pjsip_inv_session", 480),
        ("pj_caching_pool", 904),
        ("pjsip_transaction", 720),
        ("pjsip_tpfactory", 176),
        ("pj_sockaddr", 28),
    ],
)
def test_struct_sizes_are_the_librarys(struct: str, size: int) -> None:
    assert ffi.sizeof(struct) == size


def test_files_come_after_those_they_require(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("/* requires: c.h */\n")
    (tmp_path / "b.h").write_text("/* requires: */\n")
    (tmp_path / "c.h").write_text("/* requires: b.h */\n")
    assert [path.name for path in generate.ordered(tmp_path)] == ["b.h", "c.h", "a.h"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("int x;", "first line"), ("/* requires: gone.h */", "does not exist"), ("/* requires: a.h */", "each other")],
)
def test_bad_requirements_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.h").write_text(text)
    with pytest.raises(generate.DeclarationError, match=message):
        generate.ordered(tmp_path)


class _Distribution:
    version = "9.9"

    def __init__(self, files: list[Any]) -> None:
        self.files = files


def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.PackagePath("pjsua2/_pjsua2.cpython-311-x86_64-linux-gnu.so")
    entry.hash = importlib.metadata.FileHash("sha256=unknown")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: _Distribution([entry]))
    with pytest.raises(library.LibraryError, match=r"unknown.*known builds"):
        library.find_library()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(library.LibraryError, match="not installed"):
        library.find_library()


def test_a_wheel_for_another_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: _Distribution([]))
    with pytest.raises(library.LibraryError, match="no _pjsua2 library"):
        library.find_library()


def test_the_library_does_not_enter_the_global_scope() -> None:
    code = (
        "import ctypes\n"
        "from pbx.pjsip._abi import open_library\n"
        "open_library()\n"
        "assert not hasattr(ctypes.CDLL(None), 'pjsip_endpt_create')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_no_member_of_a_struct_has_a_callbacks_type() -> None:
    """cffi ends the process when it first meets a struct in the type of a callback: members are void *, and cast."""
    lines = [line for path in generate.ordered() for line in path.read_text(encoding="utf-8").splitlines()]
    callbacks = [line for line in lines if "(*" in line]
    assert callbacks
    assert [line for line in callbacks if not line.startswith("typedef ")] == []

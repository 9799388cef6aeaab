"""Compile ``declarations/*.h`` to ``_pjsip_abi.py`` (cffi, out-of-line ABI mode: no compiler, now or at installation).

Run ``python -m pbx.pjsip._abi.generate`` after changing a declaration and commit both. The first line of a declaration
file, ``/* requires: a.h b.h */``, names the files that come before it; ties are broken by name, so the output depends
on the declarations only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import cffi

HERE = Path(__file__).parent
DECLARATIONS = HERE / "declarations"
OUTPUT = HERE / "_pjsip_abi.py"
MODULE = "pbx.pjsip._abi._pjsip_abi"
REQUIRES = re.compile(r"/\*\s*requires:(?P<names>[^*]*)\*/")
FUNCTION = re.compile(r"\b(pj\w+)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*;")


class DeclarationError(Exception):
    """A declaration file does not say what it requires, requires an unknown file, or requires itself."""


def ordered(folder: Path = DECLARATIONS) -> list[Path]:
    """The declaration files, each after those it requires."""
    needs: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.h")):
        match = REQUIRES.match(path.read_text(encoding="ascii"))
        if match is None:
            raise DeclarationError(f"{path.name}: the first line must be /* requires: ... */")
        needs[path.name] = match["names"].split()
    done: list[str] = []

    def visit(name: str, via: tuple[str, ...]) -> None:
        if name in done:
            return
        if name not in needs:
            raise DeclarationError(f"{via[-1]}: requires {name}, which does not exist")
        if name in via:
            raise DeclarationError(f"{' -> '.join((*via, name))}: files require each other")
        for needed in sorted(needs[name]):
            visit(needed, (*via, name))
        done.append(name)

    for name in needs:
        visit(name, ())
    return [folder / name for name in done]


def functions() -> Iterator[tuple[str, str]]:
    """Every declared function with the file that declares it."""
    for path in ordered():
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="ascii"), flags=re.DOTALL)
        for match in FUNCTION.finditer(text):
            statement = text[: match.end()].rsplit(";", 2)[-2]
            if not statement.lstrip().startswith("typedef") and "{" not in statement.rsplit("}", 1)[-1]:
                yield match[1], path.name


def generate() -> str:
    """The text of ``_pjsip_abi.py``."""
    ffi = cffi.FFI()
    for path in ordered():
        ffi.cdef(path.read_text(encoding="ascii"))
    ffi.set_source(MODULE, None)
    target = HERE / f"_pjsip_abi.{os.getpid()}.tmp"
    try:
        ffi.emit_python_code(str(target))
        body = target.read_text(encoding="utf-8")
    finally:
        target.unlink(missing_ok=True)
    return body


def main() -> None:
    OUTPUT.write_text(generate(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The physical layer of a .conf file: bytes to lines, and what of a line is live text rather than comment.

comment = ";" anything to the end of the line
block   = ";--" (not followed by "-") ... "--;", nesting, over any number of lines
escape  = "\\;" stands for a semicolon
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pbx.config.model import SourceFile
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_LINE_BYTES = 8191
"""Asterisk's line buffer less its terminator, line end included; longer lines are skipped, as there."""
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_NESTED_COMMENTS = 128
"""Asterisk's own limit."""

BLANKS = "".join(map(chr, range(33)))
"""Whitespace to Asterisk: every character up to the space."""

_UTF8_BOM = b"\xef\xbb\xbf"


def read_source(path: Path) -> SourceFile:
    """Read a file into lines. Raises ConfigError when it is missing, not a regular file, too big, or holds a NUL."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError("not a regular file", path)
        if status.st_size > MAX_FILE_BYTES:
            raise ConfigError(f"larger than {MAX_FILE_BYTES} bytes", path)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError("no such file", path) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path) from error
    source = decode_source(path, data)
    source.has_bom = data.startswith(_UTF8_BOM)
    source.stamp = status.st_mtime_ns, status.st_size, status.st_ino
    return source


def decode_source(path: Path, data: bytes) -> SourceFile:
    """Split ``data`` into lines as UTF-8, or line by line as Latin-1 where it is not; a byte order mark is dropped."""
    data = data.removeprefix(_UTF8_BOM)
    if b"\0" in data:
        raise ConfigError("holds a NUL byte", path, data[: data.index(b"\0")].count(b"\n") + 1)
    raw = data.splitlines(keepends=True) if b"\r" not in data else _split_newlines(data)
    overlong = frozenset(number for number, line in enumerate(raw, 1) if len(line) > MAX_LINE_BYTES)
    try:
        return SourceFile(path, [line.decode() for line in raw], overlong=overlong)
    except UnicodeDecodeError:
        latin1 = frozenset(number for number, line in enumerate(raw, 1) if not _is_utf8(line))
        lines = [line.decode("latin-1" if number in latin1 else "utf-8") for number, line in enumerate(raw, 1)]
        return SourceFile(path, lines, latin1, overlong=overlong)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_newlines(data: bytes) -> list[bytes]:
    """Split at LF only: a lone CR is white space within a line."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def live_spans(text: str, depth: int) -> tuple[list[tuple[int, int]], int]:
    """The parts of a line that are not comment, and how many block comments are open after it.

    ``depth`` is how many are open before it. As in Asterisk a ``--;`` that ends none makes it negative, and what
    follows is comment until as many have begun. Raises ValueError when they nest deeper than MAX_NESTED_COMMENTS.
    """
    spans: list[tuple[int, int]] = []
    start: int | None = 0 if depth == 0 else None
    position = 0
    while (at := text.find(";", position)) >= 0:
        if at > position and text[at - 1] == "\\":
            position = at + 1
        elif text.startswith("--", at + 1) and not text.startswith("-", at + 3):
            if depth >= MAX_NESTED_COMMENTS:
                raise ValueError(f"block comments nest deeper than {MAX_NESTED_COMMENTS}")
            if start is not None:
                spans.append((start, at))
            start = None
            depth += 1
            position = at + 3
        elif at >= position + 2 and text.startswith("--", at - 2):
            depth -= 1
            position = at + 1
            if depth == 0:
                start = position
        elif depth:
            position = at + 1
        else:
            if start is not None:
                spans.append((start, at))
            return spans, 0
    if start is not None:
        spans.append((start, len(text)))
    return spans, depth


def live_text(text: str, depth: int) -> tuple[str, int]:
    """The live text of a line, stripped, with ``\\;`` read as ``;``, and the depth of block comments after it."""
    spans, depth = live_spans(text, depth)
    joined = "".join([text[start:end] for start, end in spans])
    return joined.replace("\\;", ";").strip(BLANKS), depth


def escape(value: str) -> str:
    """``value`` as it must be written so that its semicolons are not comments."""
    return value.replace(";", "\\;")

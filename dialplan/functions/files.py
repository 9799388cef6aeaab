"""func_env: ENV, STAT, FILE, FILE_COUNT_LINE, FILE_FORMAT, BASENAME, DIRNAME. Files are touched by threads."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, in_thread, scan_int
from dialplan.functions.encoding import to_bytes, to_text
from dialplan.registry import FunctionError, function
from pbx.core.channel import Channel

log = Logger()

#: Bytes of a file that functions read or write; what is longer they refuse.
MAX_FILE = 16 << 20
#: What ends a line, by the letter of the format.
TERMINATORS = {"u": b"\n", "d": b"\r\n", "m": b"\r"}
_ANY_END = re.compile(rb"\r\n|\r|\n")


def format_of(content: bytes) -> str:
    """``u``, ``d`` or ``m`` by the first line's end; ``x`` for a file without one."""
    found = _ANY_END.search(content)
    if found is None:
        return "x"
    return {b"\n": "u", b"\r\n": "d", b"\r": "m"}[found.group()]


def line_ends(content: bytes, terminator: bytes) -> list[int]:
    """Where each line's end begins."""
    ends: list[int] = []
    at = content.find(terminator)
    while at >= 0:
        ends.append(at)
        at = content.find(terminator, at + len(terminator))
    return ends


def byte_span(size: int, offset: int, length: int | None) -> tuple[int, int]:
    """The bytes that an offset and a length mean; negative ones count from the end. Raises FunctionError."""
    begin = offset if offset >= 0 else size + offset
    if begin < 0:
        raise FunctionError(f"offset '{offset}' refers to before the beginning of the file")
    end = size if length is None else begin + length if length >= 0 else size + length
    if length is not None and length < 0 and end < begin:
        raise FunctionError(f"length '{length}' exceeds the file length")
    return min(begin, size), min(end, size)


def line_span(content: bytes, terminator: bytes, offset: int, length: int | None) -> tuple[int, int]:
    """The bytes that an offset and a length in lines mean. Raises FunctionError."""
    ends = line_ends(content, terminator)
    width = len(terminator)
    if offset == 0:
        begin = 0
    elif offset > 0:
        if offset > len(ends):
            raise FunctionError(f"offset '{offset}' is behind the end of the file")
        begin = ends[offset - 1] + width
    elif -offset < len(ends):
        begin = ends[offset - 1] + width
    elif -offset == len(ends):
        begin = 0
    else:
        raise FunctionError(f"offset '{offset}' refers to before the beginning of the file")
    if length is None:
        return begin, len(content)
    if length < 0:
        if -length > len(ends):
            raise FunctionError(f"length '{length}' exceeds the file length")
        return begin, max(begin, ends[length])
    left = [end for end in ends if end >= begin]
    end = begin if length == 0 else left[length - 1] + width if length <= len(left) else len(content)
    return begin, end


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise FunctionError(f"'{path}' is longer than {MAX_FILE} bytes")
    return content


class _Place:
    """The arguments of FILE."""

    def __init__(self, args: Arguments) -> None:
        self.path = args["filename"]
        if not self.path or "\0" in self.path:
            raise ArgumentError("FILE requires a filename")
        self.offset = scan_int(args["offset"]) or 0
        self.length = scan_int(args["length"])
        self.options = args["options"]
        self.by_lines = "l" in self.options
        self.format = args["format"][:1].lower()

    @property
    def whole(self) -> bool:
        return self.offset == 0 and self.length is None

    def terminator(self, content: bytes) -> bytes:
        """What ends a line. Raises FunctionError for a file that has no lines."""
        form = self.format if self.format in TERMINATORS else format_of(content)
        if form not in TERMINATORS:
            raise FunctionError(f"'{self.path}' is not a line-based file")
        return TERMINATORS[form]

    def span(self, content: bytes) -> tuple[int, int]:
        if self.by_lines:
            return line_span(content, self.terminator(content), self.offset, self.length)
        return byte_span(len(content), self.offset, self.length)


def read_file(place: _Place) -> bytes:
    """What FILE reads. Raises OSError, FunctionError."""
    content = _read(place.path)
    begin, end = place.span(content)
    return content[begin:end]


def write_file(place: _Place, value: bytes) -> None:
    """What FILE writes. Raises OSError, FunctionError."""
    path = Path(place.path)
    if place.by_lines and "d" not in place.options:
        content = b"" if place.format in TERMINATORS else _read(place.path)
        value += place.terminator(content)
    if "a" in place.options:
        with path.open("ab") as file:
            file.write(value)
        return
    if place.whole:
        path.write_bytes(value)
        return
    content = _read(place.path)
    begin, end = place.span(content)
    if place.offset > len(content):
        content = content.ljust(place.offset, b"\0")
        begin = end = place.offset
    if len(content) + len(value) > MAX_FILE:
        raise FunctionError(f"'{place.path}' would be longer than {MAX_FILE} bytes")
    path.write_bytes(content[:begin] + value + content[end:])


_STAT: dict[str, Callable[[os.stat_result], str]] = {
    "e": lambda _found: "1",
    "s": lambda found: str(found.st_size),
    "f": lambda found: str(int(stat.S_ISREG(found.st_mode))),
    "d": lambda found: str(int(stat.S_ISDIR(found.st_mode))),
    "M": lambda found: str(int(found.st_mtime)),
    "A": lambda found: str(int(found.st_atime)),
    "C": lambda found: str(int(found.st_ctime)),
    "m": lambda found: f"{found.st_mode:o}",
}


class EnvironmentModule(FunctionModule):
    """The environment and the file system."""

    name = "func_env"
    description = "Environment/filesystem dialplan functions"

    @function("ENV", "varname", synopsis="Gets or sets the environment variable specified.")
    def func_env(self, channel: Channel | None, args: Arguments) -> str:
        return os.environ.get(args.raw, "")

    @func_env.writer
    def set_env(self, channel: Channel | None, args: Arguments, value: str) -> None:
        name = args.raw
        if not name or name.startswith("AST_") or "=" in name or "\0" in name + value:
            raise ArgumentError(f"ENV: '{name}' cannot be set")
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)

    @function(
        "STAT",
        "flag,filename",
        synopsis="Does a check on the specified file.",
        description=(
            "Flags: d is a directory, e exists, f is a regular file, m mode in octal, s size, A, C, M time of access, "
            "of change and of modification. 0 for a file that is not there."
        ),
        capability="dangerous",
    )
    async def func_stat(self, channel: Channel | None, args: Arguments) -> str:
        show = _STAT.get(args["flag"][:1])
        path = args["filename"]
        if "\0" in path:
            return "0"
        try:
            found = await in_thread(self.server, lambda: os.stat(path))  # noqa: PTH116 - the name is the dialplan's own
        except OSError:
            return "0"
        return "0" if show is None else show(found)

    @function(
        "FILE",
        "filename[,offset[,length[,options[,format]]]]",
        synopsis="Read or write text file.",
        description=(
            "Offset and length are in bytes, or in lines with option l, and count from the end when negative. For "
            "writing: a appends, d leaves the line's end out. The format of lines is u, d or m, or the file's own."
        ),
        see_also=("FILE_COUNT_LINE", "FILE_FORMAT"),
        capability="dangerous",
    )
    async def func_file(self, channel: Channel | None, args: Arguments) -> str:
        place = _Place(args)
        try:
            return to_text(await in_thread(self.server, lambda: read_file(place)))
        except OSError as error:
            raise FunctionError(f"Cannot open file '{place.path}' for reading: {error.strerror}") from None

    @func_file.writer
    async def set_file(self, channel: Channel | None, args: Arguments, value: str) -> None:
        place = _Place(args)
        try:
            await in_thread(self.server, lambda: write_file(place, to_bytes(value)))
        except OSError as error:
            raise FunctionError(f"Cannot open file '{place.path}' for writing: {error.strerror}") from None

    @function(
        "FILE_COUNT_LINE",
        "filename[,format]",
        synopsis="Obtains the number of lines of a text file.",
        description="-1 for a file that cannot be read. The format of lines is u, d or m, or the file's own.",
        capability="dangerous",
    )
    async def func_file_count_line(self, channel: Channel | None, args: Arguments) -> str:
        path, form = args["filename"], args["format"][:1].lower()
        content = await self._content(path)
        if content is None:
            return "-1"
        kind = form if form in TERMINATORS else format_of(content)
        return str(content.count(TERMINATORS[kind])) if kind in TERMINATORS else "0"

    @function(
        "FILE_FORMAT",
        "filename",
        synopsis="Return the newline format of a text file.",
        description="u, d or m; x for a file without lines, or that cannot be read.",
        capability="dangerous",
    )
    async def func_file_format(self, channel: Channel | None, args: Arguments) -> str:
        content = await self._content(args.raw)
        return "x" if content is None else format_of(content)

    async def _content(self, path: str) -> bytes | None:
        try:
            return await in_thread(self.server, lambda: _read(path))
        except (OSError, ValueError) as error:
            log.error("Unable to open '{path}': {error}", path=path, error=str(error))
            return None

    @function("BASENAME", "filename", synopsis="Return the name of a file.")
    def func_basename(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            return "."
        return posixpath.basename(args.raw.rstrip("/")) or "/"

    @function("DIRNAME", "filename", synopsis="Return the directory of a file.")
    def func_dirname(self, channel: Channel | None, args: Arguments) -> str:
        plain = args.raw.rstrip("/")
        if not plain:
            return "/" if args.raw else "."
        return posixpath.dirname(plain).rstrip("/") or ("/" if plain.startswith("/") else ".")

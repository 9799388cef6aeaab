"""extensions.lua as the engine sees it: what the file defines, and the state each channel has of it.

A `Generation` is one load of the file, with a Lua machine of its own; a reload makes a new one, and channels that have
begun keep the old one until they end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.contexts import MAX_INCLUDE_DEPTH
from dialplan.extension_table import ExtensionTable
from dialplan.lua._runtime import (
    DONE,
    FAILED,
    HELPER,
    PRINTED,
    REQUIRE,
    RESULT,
    SOURCE,
    TOOLS,
    Limits,
    LuaError,
    LuaMachine,
    Step,
)
from dialplan.lua.packing import unpack_value
from dialplan.lua.settings import LuaSettings, StateMode
from dialplan.patterns import Mode
from pbx.stages import at_once

if TYPE_CHECKING:
    from dialplan.lua.answers import Task

log = Logger()

#: Bytes of one script file.
MAX_SOURCE = 8 << 20
#: Bytes of one that is read without a pause, and definitions taken from it at once.
SMALL_SOURCE = 64 << 10
RECORDS_AT_ONCE = 1000

_MODULE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")


def decode(text: bytes) -> str:
    """Lua's bytes as text; bytes that are no UTF-8 survive the way back."""
    return text.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Text as Lua's bytes."""
    return text.encode("utf-8", "surrogateescape")


#: Extensions remembered by their place; when there are more, all are forgotten.
MAX_LOCATED = 4096


@dataclass(slots=True)
class LuaContext:
    """A context of the file: its extensions by name, the bytes Lua knows them by, and its includes."""

    table: ExtensionTable[bytes] = field(default_factory=ExtensionTable)
    includes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Definitions:
    """What a run of the file's body left in ``extensions`` and ``hints``."""

    contexts: dict[str, LuaContext] = field(default_factory=dict)
    #: Context to extension to devices.
    hints: dict[str, dict[str, str]] = field(default_factory=dict)

    #: Extensions found lately: each call asks for the same one several times, and callers dial the same numbers.
    _located: dict[tuple[str, str], tuple[str, bytes] | None] = field(default_factory=dict)

    def locate(self, context: str, exten: str) -> tuple[str, bytes] | None:
        """Where the function of an extension is: the context that has it and its key there."""
        asked = (context, exten)
        try:
            return self._located[asked]
        except KeyError:
            found = self._locate(context, exten, ())
            if len(self._located) >= MAX_LOCATED:
                self._located.clear()
            self._located[asked] = found
            return found

    def _locate(self, name: str, exten: str, path: tuple[str, ...]) -> tuple[str, bytes] | None:
        context = self.contexts.get(name)
        if context is None or name in path or len(path) >= MAX_INCLUDE_DEPTH:
            return None
        found = context.table.find(exten)
        if found is not None:
            return name, found[1]
        for include in context.includes:
            inner = self._locate(include, exten, (*path, name))
            if inner is not None:
                return inner
        return None

    def ask(self, context: str, exten: str, mode: Mode) -> bool:
        """Answer one of the three questions about a context and what it includes."""
        return self._ask(context, exten, mode, ())

    def _ask(self, name: str, exten: str, mode: Mode, path: tuple[str, ...]) -> bool:
        context = self.contexts.get(name)
        if context is None or name in path or len(path) >= MAX_INCLUDE_DEPTH:
            return False
        answer = context.table.ask(exten, mode)
        if answer is None:
            return False
        return answer or any(self._ask(include, exten, mode, (*path, name)) for include in context.includes)


def _records(survey: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    at = 0
    while at < len(survey):
        letter = survey[at : at + 1]
        (first,) = struct.unpack_from("<I", survey, at + 1)
        one_end = at + 5 + first
        (second,) = struct.unpack_from("<I", survey, one_end)
        yield letter, survey[at + 5 : one_end], survey[one_end + 4 : one_end + 4 + second]
        at = one_end + 4 + second


def parse_survey(survey: bytes) -> Generator[None, None, Definitions]:
    """The definitions from the records that the machine's survey gives, `RECORDS_AT_ONCE` before each yield."""
    found = Definitions()
    hint = ("", "")
    for number, (letter, one, two) in enumerate(_records(survey), 1):
        if not number % RECORDS_AT_ONCE:
            yield
        name = decode(one)
        if letter == b"c":
            found.contexts[name] = LuaContext()
        elif letter == b"e":
            found.contexts[name].table.put(decode(two), two)
        elif letter == b"i":
            found.contexts[name].includes.append(decode(two))
        elif letter == b"h":
            hint = (name, decode(two))
        elif letter == b"d":
            found.hints.setdefault(hint[0], {})[hint[1]] = name
    return found


#: A place in a script, and one in the parts of the machine itself.
_PLACE = re.compile(r"[^\s:()]+:\d+:")
_OWN_PLACE = re.compile(r"\(obelisk [^)]*\):\d+: ")


def clean_traceback(text: str) -> str:
    """A Lua traceback without the frames that are the exchange's own, and with a place in its first line."""
    head, marker, rest = text.partition("\nstack traceback:")
    frames = [
        line
        for line in rest.splitlines()
        if line.strip() and "(obelisk " not in line and not line.strip().startswith("[C]: in ?")
    ]
    scripts = [line for line in frames if not line.strip().startswith("[C]")]
    head = _OWN_PLACE.sub("", head) or "not enough memory"
    if _PLACE.match(head) is None:
        place = next((found for line in scripts if (found := _PLACE.match(line.strip())) is not None), None)
        head = head if place is None else f"{place[0]} {head}"
    return head + (marker + "\n" + "\n".join(frames) if marker and scripts else "")


@dataclass(frozen=True, slots=True)
class ExtensionFunction:
    """An extension of the file: what it is (``function``, or the kind of value that stands there), and its lines."""

    context: str
    exten: str
    kind: str
    file: str
    line: int
    last_line: int


def _fields(packed: bytes) -> Iterator[str]:
    at = 0
    while at < len(packed):
        (length,) = struct.unpack_from("<I", packed, at)
        yield decode(packed[at + 4 : at + 4 + length])
        at += 4 + length


class Generation:
    """One load of extensions.lua."""

    def __init__(self, number: int, machine: LuaMachine, directories: Sequence[Path], name: str) -> None:
        self.number = number
        self.machine = machine
        self.name = name
        self.definitions = Definitions()
        #: Channels that run this generation.
        self.calls = 0
        self._directories = tuple(directories)
        self._chunk = 0
        self._shared: int | None = None
        self._modules: dict[bytes, int] = {}
        self._module_files: list[Path] = []
        self._body: int | None = None

    @classmethod
    def load(cls, number: int, path: Path, settings: LuaSettings, etc: Path, *, tools: bool = False) -> Generation:
        """Read, compile and survey the file. Raises LuaError with Lua's text, OSError when it cannot be read.

        With ``tools`` the generation can be asked what runs where, at some cost.
        """
        return at_once(cls.stages(number, path, settings, etc, tools=tools))

    @classmethod
    def stages(
        cls, number: int, path: Path, settings: LuaSettings, etc: Path, *, tools: bool = False
    ) -> Generator[None, None, Generation]:
        """`load`, which gives way to calls where the file is large: each yield may be followed by other work."""
        source = path.read_bytes()
        limits = Limits(settings.instructions, settings.memory_slice << 10, settings.memory_total << 10)
        parts = (TOOLS,) if tools else ()
        machine = LuaMachine(limits, live_dangerously=settings.live_dangerously, parts=parts)
        made = cls(number, machine, settings.directories(etc), path.name)
        if len(source) > MAX_SOURCE:
            raise LuaError(f"{path.name}: {len(source)} bytes are more than a script may have ({MAX_SOURCE})")
        made._chunk = machine.compile(source, encode("@" + path.name))
        if len(source) > SMALL_SOURCE:
            yield
        state = machine.open(made._chunk)
        survey = made._run_body(state)
        if len(source) > SMALL_SOURCE:
            yield
        made.definitions = yield from parse_survey(survey)
        if settings.state is StateMode.SHARED:
            made._shared = state
        if tools:
            made._body = state
        elif made._shared is None:
            machine.close(state)
        return made

    # For tools

    def functions(self) -> list[ExtensionFunction]:
        """The extensions' functions and where they stand; needs ``tools``."""
        found = _fields(self._ask_tools(b"functions", self._body))
        rows = zip(*[found] * 6, strict=True)
        return [
            ExtensionFunction(context, exten, kind, file, int(line), int(last))
            for context, exten, kind, file, line, last in rows
        ]

    def files_read(self) -> list[Path]:
        """The files that ``require`` has read so far."""
        return list(self._module_files)

    def watch_lines(self) -> None:
        """Note which lines run in calls that begin from now on; needs ``tools``."""
        self._ask_tools(b"watch")

    def lines(self, *, run: bool) -> dict[tuple[str, int], set[int]]:
        """The lines that have run, or all that have code, by file and first line of their function.

        Code outside of functions is that of line 0. Needs ``tools``.
        """
        packed = self._ask_tools(b"lines_run") if run else self._ask_tools(b"lines_there", self._body)
        found = _fields(packed)
        return {
            (file, int(first)): {int(line) for line in lines.split(",") if line}
            for file, first, lines in zip(found, found, found, strict=True)
        }

    def where(self, state: int) -> str:
        """Where a call is, as ``file:line``; empty where no function of the file runs. Needs ``tools``."""
        return decode(self._ask_tools(b"where", state))

    def _ask_tools(self, name: bytes, state: int | None = None) -> bytes:
        answer = self.machine.ask_tools(name) if state is None else self.machine.ask_tools(name, state)
        return answer if isinstance(answer, bytes) else b""

    def _run_body(self, state: int) -> bytes:
        self.machine.watch.hold(True)
        try:
            return self._survey(state)
        finally:
            self.machine.watch.hold(False)

    def _survey(self, state: int) -> bytes:
        machine = self.machine
        step = machine.survey(state)
        while True:
            tag, name, text = step
            if tag & PRINTED:
                self.flush_printed()
                tag &= ~PRINTED
            if tag == DONE:
                return machine.surveyed(state)
            answer = self._help_at_load(name, text) if tag == HELPER else self.answer_file(tag, name)
            if tag not in (REQUIRE, SOURCE, HELPER):
                machine.close(state)
                if tag == FAILED:
                    raise LuaError(clean_traceback(decode(name)))
                what = f"the error {text!r}" if tag == RESULT else f"application {decode(name)}"
                raise LuaError(f"{self.name}: {what} outside of an extension")
            step = machine.resume(state, answer)

    @staticmethod
    def _help_at_load(name: bytes, packed: bytes | int) -> bytes | None:
        """``pbx.log`` in the body; nothing else of ``pbx`` runs while the file is loaded."""
        if name != b"log" or not isinstance(packed, bytes):
            return b"!it needs a call, and there is none while the file is loaded"
        arguments = unpack_value(packed)
        log.info("{place}{text}", place=arguments[1], text=arguments.get(3, arguments.get(2)))
        return None

    def open_call(self) -> int:
        """A channel's own state."""
        self.calls += 1
        return self.machine.open(self._chunk, self._shared)

    def close_call(self, state: int) -> None:
        """A channel has ended."""
        self.calls -= 1
        self.machine.close(state)

    def flush_printed(self, channel: str = "") -> None:
        """Log what scripts printed."""
        for line in decode(self.machine.take_printed()).splitlines():
            log.info("{file}: {line}", file=f"{self.name} on {channel}" if channel else self.name, line=line)

    # Files scripts may read

    def answer_file(self, tag: int, name: bytes) -> bytes | int | None:
        """What ``require`` or ``dofile`` gets: a chunk's number, a source, an error text, or None."""
        if tag == REQUIRE:
            return self._require(name)
        if tag == SOURCE:
            return self._source(decode(name))
        return None

    def _require(self, name: bytes) -> bytes | int:
        known = self._modules.get(name)
        if known is not None:
            return known
        text = decode(name)
        if _MODULE_NAME.match(text) is None:
            return encode(f"module '{text}' not found: module names are words divided by dots")
        relative = text.replace(".", "/")
        for candidate in (f"{relative}.lua", f"{relative}/init.lua"):
            path = self._confined(candidate)
            if path is None:
                continue
            try:
                number = self.machine.compile(path.read_bytes(), encode("@" + candidate))
            except LuaError as error:
                return encode(f"error loading module '{text}' from file '{candidate}':\n\t{error}")
            except OSError as error:
                return encode(f"module '{text}' cannot be read: {error.strerror}")
            self._modules[name] = number
            self._module_files.append(path)
            return number
        where = ", ".join(str(directory) for directory in self._directories)
        return encode(f"module '{text}' not found in {where}")

    def _source(self, name: str) -> bytes | None:
        path = self._confined(name)
        try:
            return None if path is None else path.read_bytes()
        except OSError:
            return None

    def _confined(self, name: str) -> Path | None:
        """The file of that name inside one of the configured directories, links followed; None otherwise."""
        if "\0" in name:
            return None
        for directory in self._directories:
            path = (directory / name).resolve()
            if path.is_relative_to(directory) and path.is_file() and path.stat().st_size <= MAX_SOURCE:
                return path
        return None


@dataclass(slots=True)
class CallState:
    """A channel's state of a generation."""

    generation: Generation
    state: int
    #: Tasks that run beside the extension, by number (see `dialplan.lua.answers`); None where there was none yet.
    tasks: dict[int, Task] | None = None


__all__ = ["CallState", "Definitions", "Generation", "LuaContext", "Step", "clean_traceback", "decode", "encode"]

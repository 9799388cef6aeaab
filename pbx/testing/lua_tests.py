"""Test files written in Lua: ``test("name", function(t) ... end)`` against a `ScriptedDialplan`.

A file is loaded once and each of its tests runs against a dialplan of its own, so that no test sees what another left
in the AstDB, in global variables or in calls. The methods of ``t``, of calls and of telephones are those of
`ScriptedDialplan`, `ScriptedCall` and `ScriptedPhone`; a table at the end of the arguments names options.
"""

from __future__ import annotations

import difflib
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialplan.lua._runtime import DONE, FAILED, HELPER, PRINTED, REQUIRE, TESTING, Limits, LuaError, LuaMachine, Step
from dialplan.lua.packing import PackingError, as_list, pack_value, unpack_value
from dialplan.lua.plan import clean_traceback, decode, encode
from pbx.errors import ObeliskError
from pbx.testing.coverage import DialplanCoverage
from pbx.testing.scripted import ScriptedDialplan
from pbx.testing.scripted_call import ScriptedCall

#: VM instructions between two questions of a test: more than a dialplan has, for a test may prepare much.
_INSTRUCTIONS = 100_000_000


@dataclass(frozen=True, slots=True)
class TestResult:
    """How a test ended; ``failure`` is empty for one that passed. Times are seconds: real, and virtual."""

    __test__ = False

    name: str
    place: str
    failure: str
    seconds: float
    virtual_seconds: float

    @property
    def passed(self) -> bool:
        return not self.failure


class LuaTests:
    """One test file."""

    def __init__(self, path: Path, etc: Path, coverage: DialplanCoverage | None = None) -> None:
        self.path = path
        self._etc = etc
        self._coverage = coverage
        #: What the file printed, in lines.
        self.printed: list[str] = []

    def run(self, only: str = "") -> Iterator[TestResult]:
        """Run the tests in turn, or those whose names hold ``only``. Raises LuaError for a file that does not load."""
        machine = LuaMachine(Limits(_INSTRUCTIONS), parts=(TESTING,))
        state = machine.open(machine.compile(self.path.read_bytes(), encode("@" + self.path.name)))
        failure = self._drive(machine, state, machine.begin_tools(b"load", state), None)
        if failure:
            raise LuaError(failure)
        for index, (name, place) in enumerate(_tests(machine), 1):
            if only in name:
                yield self._run_one(machine, state, index, name, place)

    def _run_one(self, machine: LuaMachine, state: int, index: int, name: str, place: str) -> TestResult:
        began = time.perf_counter()
        virtual = 0.0
        failure = ""
        with tempfile.TemporaryDirectory(prefix="obelisk-test-") as scratch:
            plan = ScriptedDialplan(self._etc, Path(scratch), coverage=self._coverage)
            plan.start()
            try:
                failure = self._drive(machine, state, machine.begin_tools(b"run", state, index), TestApi(plan))
                virtual = plan.now
            finally:
                try:
                    plan.stop()
                except AssertionError as error:
                    failure = failure or str(error)
        return TestResult(name, place.rstrip(": "), failure, time.perf_counter() - began, virtual)

    def _drive(self, machine: LuaMachine, state: int, step: Step, api: TestApi | None) -> str:
        """Answer the questions of a test until it has ended; why it failed, or nothing."""
        while True:
            tag, name, text = step
            if tag & PRINTED:
                self.printed += decode(machine.take_printed()).splitlines()
                tag &= ~PRINTED
            if tag == DONE:
                return ""
            if tag == FAILED:
                return _failure(decode(name))
            if tag == HELPER and isinstance(text, bytes):
                step = machine.resume(state, _answer(api, decode(name), text))
            elif tag == REQUIRE:
                step = machine.resume(state, self._require(machine, decode(name)))
            else:
                return f"{self.path.name}: what a dialplan may do, such as dofile, a test cannot"

    def _require(self, machine: LuaMachine, name: str) -> int | bytes:
        """A module from the directory of the test file: its chunk's number, or why there is none."""
        directory = self.path.parent.resolve()
        path = (directory / f"{name.replace('.', '/')}.lua").resolve()
        if not path.is_relative_to(directory) or not path.is_file():
            return encode(f"module '{name}' not found in {directory}")
        try:
            return machine.compile(path.read_bytes(), encode("@" + path.name))
        except (LuaError, OSError) as error:
            return encode(f"error loading module '{name}':\n\t{error}")


def _failure(traceback: str) -> str:
    """Why a test failed, with the lines that led there where there are several."""
    text, _, frames = clean_traceback(traceback).partition("\nstack traceback:\n")
    scripts = [line.strip() for line in frames.splitlines() if line.strip()[:1] not in ("[", "(")]
    return text + ("".join(f"\n    {line}" for line in scripts) if len(scripts) > 1 else "")


def _tests(machine: LuaMachine) -> Iterator[tuple[str, str]]:
    """Name and place of each test of a file that is loaded."""
    packed = machine.ask_tools(b"tests")
    at = 0
    fields: list[str] = []
    while isinstance(packed, bytes) and at < len(packed):
        (length,) = struct.unpack_from("<I", packed, at)
        fields.append(decode(packed[at + 4 : at + 4 + length]))
        at += 4 + length
    yield from zip(fields[::2], fields[1::2], strict=True)


def _answer(api: TestApi | None, name: str, packed: bytes) -> bytes | None:
    arguments = unpack_value(packed)
    count = arguments.pop("n")
    try:
        if api is None:
            raise ValueError("there is no dialplan outside of a test")
        value = api.ask(name, as_list(arguments, count) or [])
        return None if value is None else pack_value(value)
    except (AssertionError, ValueError, TypeError, LookupError, ObeliskError, PackingError) as error:
        return b"!" + encode(str(error))


class TestApi:
    """What Lua may ask of one test's dialplan."""

    __test__ = False

    def __init__(self, plan: ScriptedDialplan) -> None:
        self._plan = plan
        self._calls: list[ScriptedCall] = []

    def ask(self, name: str, arguments: list[Any]) -> Any:
        """Call a method: ``plan.NAME``, ``call.NAME`` or ``phone.NAME``, the latter with their key first."""
        kind, _, method = name.partition(".")
        target: object
        if kind == "plan":
            if method == "call":
                return self._call(arguments)
            if method == "phone":
                return self._plan.phone(_text(arguments, "phone")).name
            target = self._plan
        elif kind == "call":
            target = self._calls[arguments.pop(0) - 1]
            if method in _OF_PHONES:
                target = self._plan.phone(_text(arguments, method))
                arguments = arguments[1:]
        else:
            target = self._plan.phone(str(arguments.pop(0)))
        method = _RENAMED.get((kind, method), method)
        if method not in METHODS[kind] and method not in _OF_PHONES:
            close = difflib.get_close_matches(method, METHODS[kind], 1)
            hint = f": do you mean {close[0]}?" if close else ""
            raise LookupError(f"a {kind} has no '{method}'{hint}")
        found = getattr(target, method)
        if not callable(found):
            return found
        positional, options = _split(arguments)
        return _simple(_call(found, method, positional, options))

    def _call(self, arguments: list[Any]) -> int:
        """``t.call("100", {...})`` or ``t.call{exten = "100", ...}``: the number of the call."""
        positional, options = _split(arguments)
        exten = options.pop("exten", None)
        if not positional and exten is not None:
            positional = [exten]
        given = {key: str(value) if key != "variables" else value for key, value in options.items()}
        self._calls.append(_call(self._plan.call, "call", [str(each) for each in positional], given))
        return len(self._calls)


#: What a call may ask of a telephone as well, by its name: ``call:answers("PJSIP/bob", {after = 2})``.
_OF_PHONES = frozenset(("answers", "busy", "congested", "is_away", "rejects", "rings"))
METHODS: dict[str, frozenset[str]] = {
    "plan": frozenset((
        "advance", "call", "db", "evaluate", "expect_log", "log", "now", "phone", "set_db", "set_variable", "sound",
        "stub_application", "stub_function", "variable", "write", "answer_web",
    )),
    "call": frozenset((
        "answered", "cause", "ended", "evaluate", "expect_answered", "expect_app", "expect_at", "expect_dialed",
        "expect_ended", "expect_no_app", "expect_not_answered", "expect_running", "expect_silence", "expect_sounds",
        "expect_talking_to", "expect_value", "expect_variable", "fall_silent", "hang_up", "place", "position", "press",
        "set_variable", "sounds", "variable", "wait", *_OF_PHONES,
    )),
    "phone": frozenset((*_OF_PHONES, "hang_up", "press", "ringing", "talking")),
}  # fmt: skip
_RENAMED = {("call", "hangup"): "hang_up", ("phone", "hangup"): "hang_up", ("call", "var"): "variable"}


def _call(function: Callable[..., Any], name: str, positional: Sequence[Any], options: dict[str, Any]) -> Any:
    try:
        return function(*positional, **options)
    except TypeError as error:
        # Python's own words about a wrong call, with the name that Lua knows.
        raise TypeError(f"{name}: {str(error).partition('() ')[2] or error}") from None


def _split(arguments: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments, and the options that a table at their end names; a list in a table is given out as arguments."""
    options: dict[str, Any] = {}
    if arguments and isinstance(arguments[-1], dict) and any(isinstance(key, str) for key in arguments[-1]):
        table = arguments.pop()
        options = {key: value for key, value in table.items() if isinstance(key, str)}
        arguments.extend(value for key, value in sorted((k, v) for k, v in table.items() if isinstance(k, int)) if key)
    positional: list[Any] = []
    for each in arguments:
        listed = as_list(each) if isinstance(each, dict) else None
        positional.extend(listed if listed is not None else [each])
    return positional, options


def _text(arguments: list[Any], name: str) -> str:
    if not arguments or not isinstance(arguments[0], str):
        raise ValueError(f'{name}: a device such as "PJSIP/bob" is needed')
    return arguments[0]


def _simple(value: Any) -> Any:
    """A value as Lua can have it."""
    if isinstance(value, tuple | list):
        return [_simple(each) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool | dict) else str(value)

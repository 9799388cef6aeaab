"""Which parts of a dialplan ran in tests: priorities of extensions.conf, extensions and lines of extensions.lua."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dialplan.extensions import HINT_PRIORITY, Priority
from dialplan.lua.module import LuaModule
from dialplan.lua.plan import Generation
from dialplan.watch import WatchedEngine
from pbx.testing.dialplan import DialplanHarness

_CONF = "pbx_config"


@dataclass(slots=True)
class LuaExtension:
    """An extension of extensions.lua: where its function stands, whether it ran."""

    file: str
    line: int
    ran: bool = False


@dataclass(slots=True)
class DialplanCoverage:
    """Gathers what runs in every `ScriptedDialplan` it is given to; all are of one configuration.

    A function of Lua that no extension, global or local variable of the file's functions leads to before a call is
    made, such as one made by another function as it runs, has its lines counted only once it has run.
    """

    #: Context to extension (with ``/caller`` where there is one) to priority: file and line, and whether it ran.
    priorities: dict[tuple[str, str, int], str] = field(default_factory=dict)
    priorities_run: set[tuple[str, str, int]] = field(default_factory=set)
    lua: dict[tuple[str, str], LuaExtension] = field(default_factory=dict)
    #: By file and first line of a function: its lines with code, and those that ran.
    lines: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    lines_run: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    _steps: dict[int, tuple[str, str, int]] = field(default_factory=dict)

    # Gathering

    def begin(self, harness: DialplanHarness) -> None:
        """A dialplan was loaded."""
        self._steps = {}
        for name, fragment in harness.engine.contexts.fragments(_CONF).items():
            for extension in fragment:
                caller = "" if extension.caller_match is None else f"/{extension.caller_match}"
                for number, step in extension.priorities.items():
                    if number != HINT_PRIORITY:
                        key = (name, extension.name + caller, number)
                        self._steps[id(step)] = key
                        self.priorities[key] = f"{step.file}:{step.line}"
        generation = _generation(harness)
        if generation is not None:
            generation.watch_lines()
            for each in generation.functions():
                self.lua.setdefault((each.context, each.exten), LuaExtension(each.file, each.line))

    def ran(self, step: Priority | None) -> None:
        """A step of extensions.conf runs; None: one of Lua."""
        key = None if step is None else self._steps.get(id(step))
        if key is not None:
            self.priorities_run.add(key)

    def end(self, harness: DialplanHarness) -> None:
        """A dialplan is about to be unloaded."""
        engine, generation = harness.engine, _generation(harness)
        if isinstance(engine, WatchedEngine):
            for key in engine.lua_extensions:
                if key in self.lua:
                    self.lua[key].ran = True
        if generation is None:
            return
        for which, found in ((self.lines, generation.lines(run=False)), (self.lines_run, generation.lines(run=True))):
            for function, numbers in found.items():
                if function[1]:
                    which.setdefault(function, set()).update(numbers)
        for function, numbers in self.lines_run.items():
            self.lines.setdefault(function, set(numbers))

    # Telling

    @property
    def total(self) -> tuple[int, int]:
        """How many priorities, extensions and lines of functions ran, and how many there are."""
        there = len(self.priorities) + len(self.lua) + sum(len(lines) for lines in self.lines.values())
        ran = len(self.priorities_run) + sum(each.ran for each in self.lua.values())
        ran += sum(len(lines & self.lines_run.get(key, set())) for key, lines in self.lines.items())
        return ran, there

    @property
    def percent(self) -> float:
        """How much of the dialplan ran; 100 of an empty one."""
        ran, there = self.total
        return 100.0 * ran / there if there else 100.0

    def report(self) -> Iterator[str]:
        """The lines of a report."""
        contexts = {key[0] for key in self.priorities} | {key[0] for key in self.lua}
        for context in sorted(contexts):
            yield f"[{context}]"
            for (owner, exten, number), place in self.priorities.items():
                if owner == context:
                    yield _row(f"{exten},{number}", place, (owner, exten, number) in self.priorities_run)
            for (owner, exten), each in sorted(self.lua.items()):
                if owner == context:
                    yield _row(exten, f"{each.file}:{each.line}", each.ran)
        if self.lines:
            yield "functions of Lua"
        for (file, first), lines in sorted(self.lines.items()):
            missed = lines - self.lines_run.get((file, first), set())
            text = f"{len(lines) - len(missed)} of {len(lines)} lines"
            yield f"  {f'{file}:{first}':32} {text}" + (f", not run: {_ranges(missed)}" if missed else "")
        ran, there = self.total
        yield f"total: {ran} of {there} priorities, extensions and lines ({self.percent:.0f} %)"


def _row(name: str, place: str, ran: bool) -> str:
    return f"  {name:32} {place:32} {'run' if ran else 'NOT RUN'}"


def _ranges(numbers: Iterable[int]) -> str:
    """``3, 5-7``."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _generation(harness: DialplanHarness) -> Generation | None:
    """The plan in Lua, if there is one."""
    entry = harness.server.modules.find(LuaModule.name)
    module = None if entry is None else entry.instance
    return module.generation if isinstance(module, LuaModule) else None

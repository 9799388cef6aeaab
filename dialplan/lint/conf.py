"""Reads extensions.conf for the checks, by the exchange's own reader and compiler."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialplan.extensions import HINT_PRIORITY, Extension, Fragment, Include
from dialplan.extensions_conf.compiler import Compiler, Origin, Plan, survey
from dialplan.lint.findings import Place
from dialplan.lint.text import parse_text
from dialplan.lint.world import Step, World, is_open
from pbx.config import load_config
from pbx.config.errors import flatten
from pbx.errors import ConfigError

FILE = "extensions.conf"
REGISTRAR = "pbx_config"

_GLOBAL = re.compile(r"\$\{(?:GLOBAL\()?(\w+)\)?\}")
#: Names that were meant as patterns: digits with X, N, Z, a set or a mark among them.
_LIKE_PATTERN = re.compile(r"(?=.*[0-9XNZ]{2}|.*[\].!])[0-9*#+-]*[XNZ[.!][0-9XNZ.!\[\]*#+-]*\Z")


def finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("a check cannot wait")


class ConfReader:
    """Reads the file into a world."""

    def __init__(self, world: World, directory: Path) -> None:
        self._world = world
        self._directory = directory
        self._globals: dict[str, str] = {}

    def place(self, path: Path | str | None, line: int | None) -> Place:
        """A place, its file named from the directory."""
        if path is None:
            return Place(FILE, line or 0)
        found = Path(path)
        if found.is_absolute() and found.is_relative_to(self._directory):
            found = found.relative_to(self._directory)
        return Place(str(found), line or 0)

    def tell(self, error: ConfigError, check: str = "syntax") -> None:
        """A ConfigError as a finding."""
        self._world.tell(check, self.place(error.path, error.line), error.message)

    def read(self) -> None:
        """Read the file if there is one."""
        path = self._directory / FILE
        world = self._world
        if not world.found(path):
            return
        try:
            config = load_config(path, include_root=self._directory)
            plan = survey(config)
        except ConfigError as error:
            for each in flatten(error):
                self.tell(each)
            world.incomplete = True
            return
        world.report.files.update(self.place(each, 0).file for each in config.stamps)
        for warning in config.warnings:
            self.tell(warning)
        for item in plan.globals:
            self._globals[item.key] = item.value
            if item.value:
                world.filled.add(item.key)
        compiler = Compiler(plan, self._substitute, lambda _context, _exten, text: text)
        origins: list[Origin] = []
        compiler.origins = origins
        finish(compiler.run())
        for noted in plan.warnings:
            self.tell(noted, noted.check)
        self._collect(plan, origins)
        world.contexts.merge(REGISTRAR, {name: _timeless(each) for name, each in plan.fragments.items()})

    async def _substitute(self, text: str) -> str:
        """What [globals] says; a function is not asked, for it may do something."""
        return _GLOBAL.sub(lambda match: self._globals.get(match[1], match[0]), text)

    def _collect(self, plan: Plan, origins: list[Origin]) -> None:
        """Every step, extension and include, with its place."""
        paths = {(origin.item.path.name, origin.item.line): origin.item.path for origin in origins}
        world = self._world
        for fragment in plan.fragments.values():
            for extension in fragment:
                for step in extension.priorities.values():
                    place = self.place(paths.get((step.file, step.line), step.file), step.line)
                    self._extension(fragment, extension, place)
                    if step.number == HINT_PRIORITY:
                        continue
                    problems: list[str] = []
                    data = parse_text(step.data, problems.append)
                    for problem in problems:
                        world.tell("unbalanced-brackets", place, problem)
                    world.steps.append(
                        Step(
                            place, step.application, data, fragment.name, extension.name, step.number,
                            open=is_open(extension.name),
                        )
                    )  # fmt: skip
            world.report.extensions += len(fragment.table)
        for section in plan.contexts:
            for item in section.items:
                key = item.key.lower()
                if key in ("switch", "lswitch", "eswitch"):
                    switch = "/".join(item.value.partition("/")[::2])
                    world.include_places[section.name, f"switch:{switch}"] = self.place(item.path, item.line)
                elif key == "include":
                    name = Include.parse(item.value).context
                    world.include_places[section.name, name] = self.place(item.path, item.line)

    def _extension(self, fragment: Fragment, extension: Extension, place: Place) -> None:
        key = (fragment.name, extension.name)
        if key in self._world.extension_places:
            return
        self._world.extension_places[key] = place
        note_pattern(self._world, extension.name, place)


def note_pattern(world: World, name: str, place: Place) -> None:
    """Tell of a name that was meant as a pattern."""
    if not name.startswith("_") and len(name) > 1 and _LIKE_PATTERN.match(name):
        world.tell("pattern-without-underscore", place, f"'{name}' is that very text: '_{name}' would be a pattern")


def _timeless(fragment: Fragment) -> Fragment:
    """A fragment whose includes hold at any time."""
    return replace(fragment, includes=[Include(each.name, each.context) for each in fragment.includes])

"""Reads extensions.lua for the checks: loads it in its own Lua machine, and looks at the source for calls of ``app``.

What the file defines is what it has defined once it is loaded. What its functions do is read from the tokens of the
source, of the file and of what it requires by a constant name: calls written ``app.NAME(...)`` or ``app["NAME"](...)``,
and ``channel.NAME`` in all its forms. A local name for one of these is followed where it is declared once and set
nowhere else, and so is a field of a module's table; what goes through any other name is not seen.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dialplan.extensions import Fragment, SwitchEntry
from dialplan.lint.conf import note_pattern
from dialplan.lint.findings import Place
from dialplan.lint.lua_aliases import resolve
from dialplan.lint.lua_calls import LuaScanner
from dialplan.lint.lua_modules import Exports, exports, required, resolve_modules
from dialplan.lint.lua_tokens import Token, tokens
from dialplan.lint.world import World
from dialplan.lua._runtime import LuaError, LuaMachine
from dialplan.lua.plan import Generation, encode
from dialplan.lua.settings import read_settings
from dialplan.patterns import is_pattern, places_of
from pbx.config.errors import flatten
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "extensions.lua"
REGISTRAR = "pbx_lua"

_PLACED = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+): (?P<text>.*)", re.DOTALL)


class LuaReader:
    """Reads the file into a world."""

    def __init__(self, world: World, directory: Path, config: ConfigLoader) -> None:
        self._world = world
        self._directory = directory
        self._config = config
        self._scanned: set[Path] = set()

    def read(self) -> None:
        """Read the file if there is one."""
        path = self._directory / FILE
        world = self._world
        if not world.found(path):
            return
        try:
            settings = read_settings(self._config)
        except ConfigError as error:
            for each in flatten(error):
                world.tell("syntax", Place(Path(each.path or "lua.conf").name, each.line or 0), each.message)
            return
        try:
            generation = Generation.load(1, path, settings, self._directory, tools=True)
        except LuaError as error:
            world.incomplete = True
            self._failed(str(error))
            return
        except OSError as error:
            world.tell("syntax", Place(FILE), f"cannot be read: {error.strerror}")
            return
        world.lua = generation.definitions
        world.report.extensions += sum(len(each.table) for each in world.lua.contexts.values())
        for function in generation.functions():
            place = Place(self._file(function.file), function.line) if function.line else Place(FILE)
            world.extension_places["lua:" + function.context, function.exten] = place
            self._extension(function.context, function.exten, place, function.kind)
        self._check_contexts()
        fragments = {name: Fragment(name, switches=[SwitchEntry("Lua")]) for name in world.lua.contexts}
        world.contexts.merge(REGISTRAR, fragments)
        self._modules = Modules(settings.directories(self._directory), generation.machine)
        for file in [path, *generation.files_read()]:
            self._scan(file)
        # Those that are required when an extension runs.
        while pending := self._modules.found - self._scanned:
            for file in sorted(pending):
                self._scan(file)

    def _failed(self, text: str) -> None:
        """A file that does not load: Lua's text, without its traceback."""
        head = text.partition("\nstack traceback:")[0]
        match = _PLACED.match(head)
        if match is None:
            self._world.tell("syntax", Place(FILE), head)
            return
        hint = ""
        if re.search(r"near 'goto'|<name> expected near 'goto'", match["text"]):
            hint = ' (goto is a word of Lua: write app["goto"](...) or app.Goto(...))'
        self._world.tell("syntax", Place(self._file(match["file"]), int(match["line"])), match["text"] + hint)

    def _file(self, name: str) -> str:
        """A chunk's name as a file of the directory: those of modules are below a directory of lua.conf."""
        if (self._directory / name).exists():
            return name
        try:
            directories = read_settings(self._config).directories(self._directory)
        except ConfigError:
            return name
        for directory in directories:
            if (directory / name).exists():
                return self._shown(directory / name)
        return name

    def _shown(self, path: Path) -> str:
        resolved, root = path.resolve(), self._directory.resolve()
        return str(resolved.relative_to(root)) if resolved.is_relative_to(root) else str(path)

    def _extension(self, context: str, exten: str, place: Place, kind: str) -> None:
        world = self._world
        if kind != "function":
            world.tell("lua-not-a-function", place, f"extensions[{context!r}][{exten!r}] is a {kind}, not a function")
        note_pattern(world, exten, place)
        if exten in ("_.", "_!"):
            world.tell("catch-all-pattern", place, f"'{exten}' takes 'h', 't' and 'i' as well: write '_X{exten[1]}'")
        if is_pattern(exten) and places_of(exten[1:]) is None:
            world.tell("syntax", place, f"'{exten}' is no pattern: a ']' is missing")

    def _check_contexts(self) -> None:
        world = self._world
        for name, context in world.lua.contexts.items():
            for include in context.includes:
                if include not in world.lua.contexts:
                    where = "extensions.lua" if world.contexts.context(include) else "either file"
                    message = f"'{name}' includes '{include}', which is not in {where}"
                    world.tell("no-such-context", Place(FILE), message)

    def _scan(self, path: Path) -> None:
        self._scanned.add(path)
        try:
            found = self._modules.tokens_of(path)
        except LuaError as error:
            self._failed(str(error))
        except OSError:
            return
        else:
            name = self._shown(path)
            self._world.report.files.add(name)
            LuaScanner(self._world, name, found).run()


class Modules:
    """What a plan requires by a constant name, from the directories that lua.conf names."""

    def __init__(self, directories: Sequence[Path], machine: LuaMachine) -> None:
        self._directories = directories
        self._machine = machine
        self._exports: dict[str, Exports] = {}
        #: The files of all that is required in those whose tokens were asked for.
        self.found: set[Path] = set()

    def tokens_of(self, path: Path) -> list[Token]:
        """A file's tokens, with ``app`` and ``channel`` wherever they are meant. Raises OSError, LuaError."""
        source = path.read_bytes()
        self._machine.forget(self._machine.compile(source, encode(f"@{path.name}")))
        read = list(tokens(source.decode("utf-8", "replace")))
        self.found |= {file for name in required(read) if (file := self._file(name)) is not None}
        return resolve(resolve_modules(read, self._exports_of))

    def _exports_of(self, module: str) -> Exports:
        found = self._exports.get(module)
        if found is None:
            self._exports[module] = found = {}  # a module that needs itself gives nothing
            path = self._file(module)
            if path is not None:
                with contextlib.suppress(OSError, LuaError):
                    found = self._exports[module] = exports(self.tokens_of(path))
        return found

    def _file(self, module: str) -> Path | None:
        relative = module.replace(".", "/")
        for candidate in (f"{relative}.lua", f"{relative}/init.lua"):
            for directory in self._directories:
                path = (directory / candidate).resolve()
                if "\0" not in module and path.is_relative_to(directory) and path.is_file():
                    return path
        return None

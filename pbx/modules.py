"""Loadable modules: each feature has a name clients know (``res_pjsip_registrar``), its dependencies and three verbs.

`ModuleRegistry` loads in dependency order, keeps what declined apart from what failed, and refuses to unload what
another running module needs, as Asterisk's loader does. modules.conf decides what starts (autoload, load, noload,
require, preload).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from twisted.logger import Logger

from pbx.config.errors import raise_if_any
from pbx.config.types import is_true
from pbx.errors import ConfigError, ObeliskError

if TYPE_CHECKING:
    from pbx.config import Config
    from pbx.server import Server

log = Logger()


class ModuleError(ObeliskError):
    """A module could not be loaded, unloaded or reloaded; the text says which and why."""

    #: Asterisk's ast_module_reload_result.
    reload_status: ClassVar[int] = 3


class ModuleMissing(ModuleError):
    """There is no module of that name."""

    reload_status = 2


class ModuleNotRunning(ModuleError):
    """A module is known and does not run."""

    reload_status = 5


class NothingToReload(ModuleError):
    """A module has nothing that it could take anew."""

    reload_status = 6


class ModuleDeclined(ModuleError):
    """A module chose not to load (its configuration is missing, for instance); the exchange goes on without it."""


class ModuleBusy(ModuleError):
    """A module is in use, by calls or by other modules, and was not unloaded."""


class ModuleState(Enum):
    """Where a module is; the values are the words of ``module show``."""

    NOT_RUNNING = "Not Running"
    RUNNING = "Running"
    DECLINED = "Declined"


class Module:
    """A feature. Subclasses name themselves and act on the server they are given."""

    name: ClassVar[str]
    description: ClassVar[str] = ""
    support_level: ClassVar[str] = "core"
    requires: ClassVar[tuple[str, ...]] = ()
    #: Whether it is part of Asterisk's core: it loads whatever modules.conf says, and its name has no ``.so``.
    builtin: ClassVar[bool] = False

    def __init__(self, server: Server) -> None:
        self.server = server

    def check(self) -> None:
        """Read the module's configuration as `load` would, with no other effect (``obelisk check``).

        Raises ConfigError, or ConfigErrors for several.
        """

    async def load(self) -> None:
        """Start; raise ModuleDeclined to stay out, leaving nothing behind."""

    async def unload(self) -> None:
        """Stop and withdraw everything `load` offered; raise ModuleBusy to refuse."""

    async def reload(self) -> None:
        """Take a changed configuration; on error raise and stay as before."""

    @property
    def use_count(self) -> int:
        """How many calls or objects use the module now."""
        return 0

    @property
    def report(self) -> str:
        """What the last load or reload brought, for who asked for it; empty where there is nothing to say."""
        return ""


@dataclass(slots=True)
class ModuleEntry:
    """A module's row in the registry."""

    kind: type[Module]
    state: ModuleState = ModuleState.NOT_RUNNING
    instance: Module | None = None
    reason: str = ""


@dataclass(slots=True)
class ModulePolicy:
    """modules.conf as values; names are without ``.so``."""

    autoload: bool = True
    preload: list[str] = field(default_factory=list)
    load: list[str] = field(default_factory=list)
    noload: set[str] = field(default_factory=set)
    require: set[str] = field(default_factory=set)


def read_policy(config: Config) -> ModulePolicy:
    """modules.conf as a policy. Raises ConfigErrors naming each line that is wrong."""
    policy = ModulePolicy()
    errors: list[ConfigError] = []
    for section in config.sections_named("modules"):
        for item in section.items:
            key, name = item.key.lower(), plain_name(item.value)
            if key == "autoload":
                policy.autoload = is_true(item.value)
            elif key not in _POLICY_KEYS:
                errors.append(ConfigError(f"unknown option '{item.key}'", item.path, item.line))
            elif not name:
                errors.append(ConfigError(f"'{item.key}' names no module", item.path, item.line))
            elif key == "noload":
                policy.noload.add(name)
            else:
                (policy.preload if key.startswith("preload") else policy.load).append(name)
                if key.endswith("require"):
                    policy.require.add(name)
    raise_if_any(errors)
    return policy


_POLICY_KEYS = frozenset(("load", "noload", "preload", "require", "load-require", "preload-require"))


def plain_name(name: str) -> str:
    """Module names are accepted with or without ``.so``."""
    return name.removesuffix(".so")


class ModuleRegistry:
    """All modules of the program and which of them run."""

    def __init__(self, server: Server, kinds: Iterable[type[Module]]) -> None:
        self._server = server
        self._entries = {kind.name: ModuleEntry(kind) for kind in kinds}
        self._started: list[str] = []

    def kinds(self) -> list[type[Module]]:
        """Every module class there is, in the order given."""
        return [entry.kind for entry in self._entries.values()]

    def entries(self) -> Sequence[tuple[str, ModuleEntry]]:
        """Rows in the order of their names."""
        return sorted(self._entries.items())

    def find(self, name: str) -> ModuleEntry | None:
        return self._entries.get(plain_name(name))

    def is_running(self, name: str) -> bool:
        entry = self.find(name)
        return entry is not None and entry.state is ModuleState.RUNNING

    def users_of(self, name: str) -> list[str]:
        """Running modules that need ``name``."""
        return [
            other
            for other, entry in self._entries.items()
            if entry.state is ModuleState.RUNNING and name in entry.kind.requires
        ]

    async def start(self, policy: ModulePolicy) -> None:
        """Load what ``policy`` asks for; raises ModuleError when a required module is not running afterwards."""
        builtin = [name for name, entry in self._entries.items() if entry.kind.builtin]
        wanted = [*policy.preload, *policy.load, *policy.require, *builtin]
        if policy.autoload:
            wanted += self._entries
        for name in dict.fromkeys(map(plain_name, wanted)):
            if name in policy.noload and name not in policy.require:
                continue
            if name not in self._entries:
                log.warn("modules.conf: there is no module {name}", name=name)
                continue
            try:
                await self._load(name, policy.noload - policy.require, ())
            except ModuleDeclined as declined:
                log.info("module {name} declined to load: {reason}", name=name, reason=str(declined))
            except ModuleError as error:
                log.error("module {name} failed to load: {reason}", name=name, reason=str(error))
        for name in sorted(policy.require):
            if not self.is_running(name):
                entry = self.find(name)
                reason = "there is no such module" if entry is None else entry.reason
                raise ModuleError(f"modules.conf requires {name}, which is not running: {reason}")

    async def load(self, name: str) -> None:
        """Load a module and what it needs. Raises ModuleError when unknown, already running or failed."""
        name = plain_name(name)
        if name not in self._entries:
            raise ModuleError(f"there is no module {name}")
        if self.is_running(name):
            raise ModuleError(f"module {name} is already loaded")
        await self._load(name, set(), ())

    async def _load(self, name: str, barred: set[str], path: tuple[str, ...]) -> None:
        entry = self._entries[name]
        if entry.state is ModuleState.RUNNING:
            return
        if name in path:
            raise ModuleError(f"modules need each other: {' -> '.join((*path, name))}")
        for needed in entry.kind.requires:
            if needed in barred or needed not in self._entries:
                self._declined(entry, f"it needs {needed}, which is not to be loaded")
            await self._load_needed(name, needed, barred, path)
        instance = entry.kind(self._server)
        try:
            await instance.load()
        except ObeliskError as error:
            entry.state, entry.reason = ModuleState.DECLINED, str(error)
            if isinstance(error, ModuleError):
                raise
            raise ModuleError(f"{name}: {error}") from error
        entry.state, entry.instance, entry.reason = ModuleState.RUNNING, instance, ""
        self._started.append(name)

    async def _load_needed(self, name: str, needed: str, barred: set[str], path: tuple[str, ...]) -> None:
        try:
            await self._load(needed, barred, (*path, name))
        except ModuleError as error:
            self._declined(self._entries[name], f"it needs {needed}, which did not load: {error}")

    @staticmethod
    def _declined(entry: ModuleEntry, reason: str) -> None:
        entry.state, entry.reason = ModuleState.DECLINED, reason
        raise ModuleDeclined(reason)

    async def unload(self, name: str, *, force: bool = False) -> None:
        """Unload a module. Raises ModuleBusy when it is used (unless ``force``), ModuleError when not running."""
        name = plain_name(name)
        entry = self._entries.get(name)
        if entry is None or entry.instance is None:
            raise ModuleError(f"module {name} is not loaded")
        users = self.users_of(name)
        if users:
            raise ModuleBusy(f"module {name} is needed by {', '.join(users)}")
        if entry.instance.use_count and not force:
            raise ModuleBusy(f"module {name} is in use ({entry.instance.use_count})")
        await entry.instance.unload()
        entry.state, entry.instance = ModuleState.NOT_RUNNING, None
        self._started.remove(name)

    async def reload(self, name: str | None = None) -> list[str]:
        """Reload one running module, or all of them in load order; gives the names reloaded.

        Raises ModuleError with every failure's text after all have been tried; ModuleMissing, ModuleNotRunning or
        NothingToReload for a name.
        """
        if name is not None:
            name = plain_name(name)
            entry = self.find(name)
            if entry is None:
                raise ModuleMissing(f"module {name} is not loaded")
            if not self.is_running(name):
                raise ModuleNotRunning(f"module {name} is not running")
            if entry.kind.reload is Module.reload:
                raise NothingToReload(f"module {name} has nothing to reload")
        names = [name] if name is not None else list(self._started)
        failures: list[str] = []
        done: list[str] = []
        for each in names:
            instance = self._entries[each].instance
            if instance is None:
                continue
            try:
                await instance.reload()
                done.append(each)
            except ObeliskError as error:
                log.error("module {name} failed to reload: {reason}", name=each, reason=str(error))
                failures.append(f"{each}: {error}")
        if failures:
            raise ModuleError("; ".join(failures))
        return done

    def report(self, name: str) -> str:
        """What a running module has to say of its last load or reload."""
        entry = self.find(name)
        return "" if entry is None or entry.instance is None else entry.instance.report

    async def stop(self) -> None:
        """Unload everything in the reverse order of loading, whatever is still in use."""
        for name in reversed(list(self._started)):
            entry = self._entries[name]
            if entry.instance is None:
                continue
            try:
                await entry.instance.unload()
            except ObeliskError as error:
                log.warn("module {name} did not unload: {reason}", name=name, reason=str(error))
            entry.state, entry.instance = ModuleState.NOT_RUNNING, None
        self._started.clear()

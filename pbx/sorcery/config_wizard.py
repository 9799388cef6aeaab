"""Objects from configuration files: ``config,pjsip.conf,criteria=type=endpoint``.

A file is read once for all object types that come from it, and what it says is taken whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pbx.config.errors import flatten
from pbx.config.options import ConfigObject, OptionError, Schema
from pbx.config.types import is_true
from pbx.errors import ConfigError
from pbx.sorcery.wizards import LocalWizard

if TYPE_CHECKING:
    from pbx.config.loader import Signature
    from pbx.config.model import Config, Section

O = TypeVar("O", bound=ConfigObject)

MAX_UNCLAIMED = 100
"""Sections without an owner that are remembered for each type word."""


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """The data of a ``config`` mapping."""

    file: str
    criteria: tuple[tuple[str, str], ...] = ()
    explicit_name: str = ""
    single_object: bool = False
    whole_file: bool = True

    @classmethod
    def parse(cls, data: str) -> ConfigSource:
        """From ``file[,criteria=field=value][,explicit_name=x][,single_object=yes][,integrity=file|object]``."""
        file, *settings = (part.strip() for part in data.split(","))
        if not file:
            raise ValueError("the config wizard needs a file name")
        criteria: list[tuple[str, str]] = []
        explicit_name, single_object, whole_file = "", False, True
        for setting in settings:
            name, _, value = setting.partition("=")
            if name == "criteria":
                key, equals, wanted = value.partition("=")
                if not key or not equals:
                    raise ValueError(f"'{setting}' must be criteria=field=value")
                criteria.append((key, wanted))
            elif name == "explicit_name" and value:
                explicit_name = value
            elif name == "single_object":
                single_object = is_true(value)
            elif name == "integrity" and value in ("file", "object"):
                whole_file = value == "file"
            elif name != "buckets":
                raise ValueError(f"unknown setting '{setting}' of the config wizard")
        return cls(file, tuple(criteria), explicit_name, single_object, whole_file)


class SectionIndex:
    """The sections of a file by the value of a field, so that each type looks at its own only."""

    def __init__(self, config: Config) -> None:
        self.sections = config.sections
        self._by_field: dict[str, dict[str, list[Section]]] = {}

    def having(self, key: str, value: str) -> list[Section]:
        return self.by_field(key).get(value, [])

    def by_field(self, key: str) -> dict[str, list[Section]]:
        """Sections by their value of ``key``; those without it under the empty text."""
        index = self._by_field.get(key)
        if index is None:
            index = self._by_field[key] = {}
            for section in self.sections:
                index.setdefault(section.get(key) or "", []).append(section)
        return index


@dataclass(slots=True)
class Candidate:
    """What a file would make of one wizard's objects."""

    objects: dict[str, ConfigObject] = field(default_factory=dict)
    signature: Signature | None = None
    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)


Hook = Callable[[O], "O | None"]


class ConfigWizard(LocalWizard[O]):
    """Objects of a file; they change only when the file does."""

    name = "config"
    writable = False

    def __init__(self, schema: Schema[O], source: ConfigSource) -> None:
        super().__init__(schema)
        self.source = source
        self.signature: Signature | None = None
        self._ignore = frozenset(key.lower() for key, _ in source.criteria)

    def prepare(self, index: SectionIndex, apply: Hook[O] | None) -> Candidate:
        """Read the wizard's sections without changing anything; an object that has not changed stays the same one."""
        candidate = Candidate()
        objects: dict[str, O] = {}
        places: dict[str, Section] = {}
        kind = self.schema.kind.type_name
        for section in self._mine(index):
            first = places.setdefault(section.name, section)
            if first is not section:
                candidate.errors.append(
                    section.error(f"[{section.name}] of type '{kind}' is already at {first.path}:{first.line}")
                )
                continue
            if self.source.single_object and len(places) > 1:
                other = next(iter(places.values()))
                candidate.errors.append(
                    section.error(f"only one '{kind}' is allowed, and [{other.name}] at line {other.line} is one")
                )
                continue
            old = self.objects.get(section.name)
            try:
                built = self._build(section, apply, candidate.warnings)
            except ConfigError as error:
                (candidate.errors if self.source.whole_file else candidate.warnings).extend(flatten(error))
                if old is not None and not self.source.whole_file:
                    objects[old.id] = old
                continue
            objects[built.id] = old if old is not None and old == built else built
        candidate.objects.update(objects)
        return candidate

    def commit(self, candidate: Candidate) -> None:
        """Take what `prepare` found."""
        kind = self.schema.kind
        self.signature = candidate.signature
        self.objects = {name: each for name, each in candidate.objects.items() if isinstance(each, kind)}

    def _mine(self, index: SectionIndex) -> Iterator[Section]:
        source = self.source
        if not source.criteria and not source.explicit_name:
            yield from index.sections
            return
        if source.explicit_name:
            for section in index.sections:
                if section.name == source.explicit_name and all(self.schema.find(item.key) for item in section):
                    yield section
        if source.criteria:
            (key, value), *others = source.criteria
            for section in index.having(key, value):
                if all(section.get(other) == wanted for other, wanted in others):
                    yield section

    def _build(self, section: Section, apply: Hook[O] | None, warnings: list[ConfigError]) -> O:
        built = self.schema.build(section.name, section, ignore=self._ignore, warnings=warnings)
        if apply is None:
            return built
        try:
            return apply(built) or built
        except OptionError as error:
            item = section.last(error.option)
            raise (section if item is None else item).error(f"[{section.name}] {error}") from error
        except ValueError as error:
            raise section.error(f"[{section.name}] {error}") from error

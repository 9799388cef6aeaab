"""The configuration files that objects come from: read whole or not at all, and what in them nobody takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.config.errors import flatten, raise_if_any
from pbx.config.model import Config, Section
from pbx.errors import ConfigError
from pbx.sorcery.config_wizard import MAX_UNCLAIMED, Candidate, ConfigWizard, SectionIndex

if TYPE_CHECKING:
    from pbx.config.loader import ConfigLoader
    from pbx.sorcery.catalog import Catalog

log = Logger()


@dataclass(slots=True)
class LoadReport:
    """What a load or reload did."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged_files: list[str] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)


class ObjectFiles:
    """Reads the files of the catalogs whose wizard is ``config``."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        #: By file and ``type=`` word, where such sections stand.
        self._type_words: dict[str, dict[str, list[ConfigError]]] = {}

    def read(self, chosen: Sequence[Catalog[Any]], *, tolerant: bool) -> LoadReport:
        """Read what has changed on disk of the files that ``chosen`` come from; see `Sorcery.start` and `reload`."""
        report = LoadReport()
        errors: list[ConfigError] = []
        ready: list[tuple[ConfigWizard[Any], Candidate]] = []
        for file, users in _by_file(chosen).items():
            try:
                ready += self._prepare(file, users, report, tolerant=tolerant)
            except ConfigError as error:
                errors += flatten(error)
        changed: dict[int, None] = {}
        for wizard, candidate in ready:
            wizard.commit(candidate)
            changed[id(wizard)] = None
        done = [
            (catalog, catalog.refresh())
            for catalog in chosen
            if any(id(wizard) in changed for wizard in catalog.wizards)
        ]
        for _, changes in done:
            for change in changes:
                report.created += change.old is None
                report.deleted += change.new is None
                report.updated += change.old is not None and change.new is not None
        for catalog, changes in done:
            catalog.announce(changes, loaded=True)
        for warning in report.warnings:
            log.warn("{warning}", warning=str(warning))
        raise_if_any(errors)
        return report

    def _prepare(
        self, file: str, users: list[tuple[Catalog[Any], ConfigWizard[Any]]], report: LoadReport, *, tolerant: bool
    ) -> list[tuple[ConfigWizard[Any], Candidate]]:
        """What ``file`` says to each of its users; raises ConfigErrors when any of it is wrong, unless ``tolerant``."""
        path = self._loader.path(file)
        if not self._loader.exists(file):
            missing = ConfigError("no such file", path)
            if any(wizard.objects for _, wizard in users):
                raise missing
            report.warnings.append(missing)
            config = Config(path)
        else:
            users = [user for user in users if not self._is_current(user[1])]
            if not users:
                report.unchanged_files.append(file)
                return []
            config = self._loader.load(file)
        index = SectionIndex(config)
        candidates = [(wizard, wizard.prepare(index, catalog.apply)) for catalog, wizard in users]
        wrong = sorted(
            (error for _, candidate in candidates for error in candidate.errors),
            key=lambda error: (error.path or "", error.line or 0),
        )
        if not tolerant:
            raise_if_any(wrong)
        for error in wrong:
            log.error("{error}: the object is left out", error=str(error))
        # A file with errors is read again at the next reload, changed or not, so that they are said again.
        signature = None if wrong else self._loader.signature(config)
        for _, candidate in candidates:
            candidate.signature = signature if config.stamps else None
            report.warnings += candidate.warnings
        self._remember_types(file, index)
        return candidates

    def _is_current(self, wizard: ConfigWizard[Any]) -> bool:
        return wizard.signature is not None and self._loader.is_current(wizard.signature)

    def _remember_types(self, file: str, index: SectionIndex) -> None:
        self._type_words[file] = {
            word: [_unclaimed(section, word) for section in sections[:MAX_UNCLAIMED]]
            for word, sections in index.by_field("type").items()
        }

    def unclaimed(self, catalogs: Sequence[Catalog[Any]]) -> list[ConfigError]:
        """Sections of typed files that none of ``catalogs`` took: a misspelt ``type=``, or none at all."""
        found: list[ConfigError] = []
        for file, words in self._type_words.items():
            sources = [wizard.source for _, wizard in _by_file(catalogs).get(file, ())]
            claimed = {value for source in sources for key, value in source.criteria if key == "type"}
            if claimed and all(source.criteria for source in sources):
                found += [error for word, places in words.items() if word not in claimed for error in places]
        return found


def _by_file(catalogs: Sequence[Catalog[Any]]) -> dict[str, list[tuple[Catalog[Any], ConfigWizard[Any]]]]:
    files: dict[str, list[tuple[Catalog[Any], ConfigWizard[Any]]]] = {}
    for catalog in catalogs:
        for wizard in catalog.wizards:
            if isinstance(wizard, ConfigWizard):
                files.setdefault(wizard.source.file, []).append((catalog, wizard))
    return files


def _unclaimed(section: Section, word: str) -> ConfigError:
    item = section.last("type")
    if item is None:
        return section.error(f"[{section.name}] has no 'type' and is ignored")
    return item.error(f"[{section.name}] is ignored: nothing loaded knows the type '{word}'")

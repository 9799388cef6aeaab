"""Sorcery: the objects of the exchange (endpoints, auths, contacts...), whatever they are kept in.

A module registers its object classes and says where they come from unless sorcery.conf says otherwise; everybody then
asks by class and id. Objects are immutable: to change one is to replace it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pbx.config.options import ConfigObject, OptionError, Schema
from pbx.errors import ConfigError
from pbx.sorcery.catalog import Catalog, Observer, satisfies
from pbx.sorcery.config_wizard import ConfigSource, ConfigWizard
from pbx.sorcery.files import LoadReport, ObjectFiles
from pbx.sorcery.wizards import AstDbWizard, LocalWizard, MemoryWizard, NotLocal, RemoteWizard, SorceryError

if TYPE_CHECKING:
    from pbx.astdb import AstDb
    from pbx.config.loader import ConfigLoader

O = TypeVar("O", bound=ConfigObject)

MAPPING_FILE = "sorcery.conf"

WizardFactory = Callable[[Schema[Any], str], "LocalWizard[Any] | RemoteWizard[Any]"]
"""Makes a wizard from a schema and the data of its mapping; raises ValueError for bad data."""


class Sorcery:
    """The objects of one exchange."""

    def __init__(self, loader: ConfigLoader, astdb: AstDb | None = None) -> None:
        self._loader = loader
        self._catalogs: dict[type[ConfigObject], Catalog[Any]] = {}
        self._modules: dict[type[ConfigObject], str] = {}
        self._factories: dict[str, WizardFactory] = {
            "config": lambda schema, data: ConfigWizard(schema, ConfigSource.parse(data)),
            "memory": lambda schema, _data: MemoryWizard(schema),
        }
        if astdb is not None:
            self._factories["astdb"] = lambda schema, data: AstDbWizard(schema, astdb, _family(data))
        self._files = ObjectFiles(loader)

    # Types

    def register_wizard(self, name: str, factory: WizardFactory) -> Callable[[], None]:
        """Offer a kind of storage under the name that sorcery.conf uses; the result withdraws it."""
        self._factories[name] = factory

        def withdraw() -> None:
            if self._factories.get(name) is factory:
                del self._factories[name]

        return withdraw

    def register_type(
        self,
        kind: type[O],
        *,
        module: str = "res_pjsip",
        default: str | Sequence[str] = "memory",
        indexes: Sequence[str] = (),
        apply: Callable[[O], O | None] | None = None,
    ) -> Callable[[], None]:
        """Add an object type; the result withdraws it with its objects.

        ``default`` is one mapping (``config,pjsip.conf,criteria=type=aor``) or several in the order to ask; lines for
        the type in sorcery.conf's ``[module]`` replace it. Fields in ``indexes`` are found without a search. ``apply``
        may replace an object just read, or raise OptionError or ValueError. Raises ConfigError for a bad sorcery.conf.
        """
        if kind in self._catalogs:
            raise SorceryError(f"{kind.__name__} is registered twice")
        catalog: Catalog[O] = Catalog(kind, indexes, apply)
        catalog.check_fields(indexes)
        for mapping, place in self._mappings(
            module, kind.type_name, (default,) if isinstance(default, str) else default
        ):
            try:
                catalog.wizards.append(self._wizard(catalog.schema, mapping))
            except ValueError as error:
                raise place(f"{kind.type_name}: {error}") from error
        for wizard in catalog.wizards:
            if isinstance(wizard, LocalWizard):
                wizard.open()
        catalog.refresh()
        self._catalogs[kind] = catalog
        self._modules[kind] = module

        def withdraw() -> None:
            if self._catalogs.get(kind) is catalog:
                del self._catalogs[kind]
                del self._modules[kind]

        return withdraw

    def _mappings(
        self, module: str, type_name: str, default: Sequence[str]
    ) -> list[tuple[str, Callable[[str], ConfigError]]]:
        config = self._loader.load_optional(MAPPING_FILE)
        section = None if config is None else config.section(module)
        if section is not None:
            items = [item for item in section if item.key.lower() == type_name]
            if items:
                return [(item.value, item.error) for item in items]
        return [(mapping, ConfigError) for mapping in default]

    def _wizard(self, schema: Schema[O], mapping: str) -> LocalWizard[O] | RemoteWizard[O]:
        name, _, data = mapping.partition(",")
        factory = self._factories.get(name.strip())
        if factory is None:
            raise ValueError(f"unknown wizard '{name.strip()}' (known: {', '.join(sorted(self._factories))})")
        return factory(schema, data.strip())

    def types(self) -> list[type[ConfigObject]]:
        """The registered classes."""
        return list(self._catalogs)

    def class_of(self, type_name: str) -> type[ConfigObject] | None:
        """The class whose ``type=`` word is ``type_name``, or None."""
        return next((kind for kind in self._catalogs if kind.type_name == type_name), None)

    def module_of(self, kind: type[ConfigObject]) -> str:
        """The module that registered a class: the section of sorcery.conf it belongs to."""
        return self._modules[kind]

    def fields(self, built: ConfigObject, *, secrets: bool = True) -> list[tuple[str, str]]:
        """An object as (option, text) pairs, every option; without ``secrets``, those are left out."""
        schema = self._catalog(type(built)).schema
        pairs: list[tuple[str, str]] = schema.fields(built)
        if secrets:
            return pairs
        return [pair for pair in pairs if (option := schema.find(pair[0])) is None or not option.secret]

    def changed(self, built: O, fields: Sequence[tuple[str, str]]) -> O:
        """``built`` with other texts for some options, not yet stored. Raises ConfigErrors."""
        schema = self._catalog(type(built)).schema
        named = [schema.find(name) for name, _ in fields]
        kept = [pair for pair in schema.changes(built) if schema.find(pair[0]) not in named]
        return self.build(type(built), built.id, [*kept, *fields])

    def _catalog(self, kind: type[O]) -> Catalog[O]:
        try:
            return cast("Catalog[O]", self._catalogs[kind])
        except KeyError:
            raise SorceryError(f"object type {kind.__name__} is not registered") from None

    # Reading

    def get(self, kind: type[O], object_id: str) -> O | None:
        """The object of that id, or None. Raises NotLocal when only another machine can tell."""
        catalog = self._catalogs.get(kind)
        if catalog is None:
            raise SorceryError(f"object type {kind.__name__} is not registered")
        found = cast("O | None", catalog.view.get(object_id))
        if found is None and catalog.has_remote:
            raise NotLocal(f"{kind.type_name} '{object_id}' is not held locally")
        return found

    def all(self, kind: type[O]) -> list[O]:
        """Every object held locally, in the order of files and creation."""
        return list(self._catalog(kind).view.values())

    def find(self, kind: type[O], predicate: Callable[[O], bool] | None = None, /, **fields: object) -> list[O]:
        """Local objects that satisfy ``predicate`` and whose fields equal (tuples: hold) the values given."""
        catalog = self._catalog(kind)
        catalog.check_fields(fields)
        return catalog.find(predicate, fields)

    def find_one(self, kind: type[O], predicate: Callable[[O], bool] | None = None, /, **fields: object) -> O | None:
        """The first that `find` gives, or None."""
        return next(iter(self.find(kind, predicate, **fields)), None)

    async def fetch(self, kind: type[O], object_id: str) -> O | None:
        """The object of that id from the first wizard that knows it, wherever it is."""
        for wizard in self._catalog(kind).wizards:
            if isinstance(wizard, RemoteWizard):
                found = await wizard.fetch(object_id)
            else:
                found = wizard.objects.get(object_id)
            if found is not None:
                return found
        return None

    async def fetch_all(self, kind: type[O]) -> list[O]:
        """Every object, wherever it is; the first wizard that knows an id decides."""
        merged: dict[str, O] = {}
        for wizard in self._catalog(kind).wizards:
            held = await wizard.fetch_all() if isinstance(wizard, RemoteWizard) else list(wizard.objects.values())
            for each in held:
                merged.setdefault(each.id, each)
        return list(merged.values())

    async def fetch_find(
        self, kind: type[O], predicate: Callable[[O], bool] | None = None, /, **fields: object
    ) -> list[O]:
        """As `find`, wherever the objects are."""
        catalog = self._catalog(kind)
        catalog.check_fields(fields)
        if not catalog.has_remote:
            return catalog.find(predicate, fields)
        return [
            each
            for each in await self.fetch_all(kind)
            if all(satisfies(each, name, value) for name, value in fields.items())
            and (predicate is None or predicate(each))
        ]

    # Writing

    def build(self, kind: type[O], object_id: str, fields: Sequence[tuple[str, str]]) -> O:
        """A new object from option texts, not yet stored. Raises ConfigErrors."""
        catalog = self._catalog(kind)
        built = catalog.schema.build(object_id, fields)
        if catalog.apply is None:
            return built
        try:
            return catalog.apply(built) or built
        except OptionError as error:
            raise ConfigError(str(error)) from error
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def create(self, built: ConfigObject) -> None:
        """Store a new object in the first wizard that can. Raises SorceryError when the id is taken or none can."""
        catalog = self._catalog(type(built))
        if built.id in catalog.view:
            raise SorceryError(f"{built.type_name} '{built.id}' exists already")
        for wizard in catalog.wizards:
            if isinstance(wizard, LocalWizard) and wizard.writable:
                wizard.store(built)
                catalog.announce(catalog.refresh_one(built.id))
                return
        raise SorceryError(f"objects of type {built.type_name} cannot be created: they come from a file")

    def update(self, built: ConfigObject) -> None:
        """Replace the object of the same id. Raises SorceryError when there is none or it is read-only."""
        catalog = self._catalog(type(built))
        self._holder(catalog, built.id).store(built)
        catalog.announce(catalog.refresh_one(built.id))

    def save(self, built: ConfigObject) -> None:
        """Create or replace."""
        if built.id in self._catalog(type(built)).view:
            self.update(built)
        else:
            self.create(built)

    def delete(self, kind: type[ConfigObject], object_id: str) -> None:
        """Remove an object. Raises SorceryError when there is none or it is read-only."""
        catalog = self._catalog(kind)
        self._holder(catalog, object_id).remove(object_id)
        catalog.announce(catalog.refresh_one(object_id))

    @staticmethod
    def _holder(catalog: Catalog[Any], object_id: str) -> LocalWizard[Any]:
        name = catalog.kind.type_name
        holders = [w for w in catalog.wizards if isinstance(w, LocalWizard) and object_id in w.objects]
        if not holders:
            raise SorceryError(f"there is no {name} '{object_id}'")
        for wizard in holders:
            if wizard.writable:
                return wizard
        raise SorceryError(f"{name} '{object_id}' comes from a file and cannot be changed here")

    def observe(
        self,
        kind: type[O],
        *,
        created: Callable[[O], object] | None = None,
        updated: Callable[[O, O], object] | None = None,
        deleted: Callable[[O], object] | None = None,
        loaded: Callable[[], object] | None = None,
    ) -> Callable[[], None]:
        """Be told of changes, after they are in force; ``updated`` gets (new, old). The result ends it."""
        observers = self._catalog(kind).observers
        observer = Observer(created, updated, deleted, loaded)
        observers.append(observer)

        def withdraw() -> None:
            if observer in observers:
                observers.remove(observer)

        return withdraw

    # Files

    def start(self, *kinds: type[ConfigObject]) -> LoadReport:
        """Read the files of the given types for the first time, when there is nothing to fall back to.

        Objects that are wrong are logged as errors and left out, as Asterisk does, so that one bad line does not take
        every phone with it. Raises ConfigErrors for a file that cannot be read at all.
        """
        return self._read(kinds, tolerant=True)

    def load(self, *kinds: type[ConfigObject]) -> LoadReport:
        """Read the files of the given types, or of all. See `reload`."""
        return self._read(kinds, tolerant=False)

    def reload(self, *kinds: type[ConfigObject]) -> LoadReport:
        """Read again what has changed on disk.

        Each file is taken whole or, when anything in it is wrong, not at all; then ConfigErrors is raised with every
        error of every file, after the good files are in force. Observers are told last.
        """
        return self._read(kinds, tolerant=False)

    def _read(self, kinds: Sequence[type[ConfigObject]], *, tolerant: bool) -> LoadReport:
        chosen = [self._catalog(kind) for kind in kinds] if kinds else list(self._catalogs.values())
        return self._files.read(chosen, tolerant=tolerant)

    def unclaimed(self) -> list[ConfigError]:
        """Sections of typed files that no registered type took: a misspelt ``type=``, or none at all."""
        return self._files.unclaimed(list(self._catalogs.values()))


def _family(data: str) -> str:
    if not data:
        raise ValueError("the astdb wizard needs a family")
    return data

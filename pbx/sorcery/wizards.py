"""Where sorcery keeps objects: in a configuration file, in memory, in the AstDB; and the shape of a wizard elsewhere.

Local wizards hold all their objects in a dictionary, so that reading is immediate. A wizard that must ask another
machine is a `RemoteWizard`; its answers come later, through `pbx.sorcery.Sorcery.fetch`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.logger import Logger

from pbx.config.options import ConfigObject, Schema
from pbx.errors import ConfigError, ObeliskError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pbx.astdb import AstDb

log = Logger()

O = TypeVar("O", bound=ConfigObject)


class SorceryError(ObeliskError):
    """An object could not be created, changed or deleted; the text says why."""


class NotLocal(SorceryError):
    """The answer must be asked from another machine: use ``await sorcery.fetch(...)``."""


class LocalWizard(Generic[O]):
    """A wizard whose objects are all at hand in ``objects``, by id."""

    name = "memory"
    writable = True

    def __init__(self, schema: Schema[O]) -> None:
        self.schema = schema
        self.objects: dict[str, O] = {}

    def open(self) -> None:
        """Read what the wizard has kept from before. Called once, before anything else."""

    def store(self, built: O) -> None:
        """Keep ``built``, replacing what had its id."""
        self.objects[built.id] = built

    def remove(self, object_id: str) -> None:
        """Forget an object; it is there."""
        del self.objects[object_id]


class MemoryWizard(LocalWizard[O]):
    """Objects that live as long as the program: ``memory``."""


class AstDbWizard(LocalWizard[O]):
    """Objects kept in the AstDB: ``astdb,<family>``. Family and JSON are those of Asterisk's res_sorcery_astdb."""

    name = "astdb"

    def __init__(self, schema: Schema[O], astdb: AstDb, family: str) -> None:
        super().__init__(schema)
        self._astdb = astdb
        self.family = f"{family}/{schema.kind.type_name}"

    def open(self) -> None:
        prefix = f"/{self.family}/"
        for path, text in self._astdb.show(self.family):
            built = self._decode(path.removeprefix(prefix), text)
            if built is not None:
                self.objects[built.id] = built

    def _decode(self, object_id: str, text: str) -> O | None:
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise ValueError("not a JSON object")
            pairs = [
                (str(name), str(each))
                for name, value in values.items()
                for each in (value if isinstance(value, list) else [value])
                if each is not None and self.schema.find(str(name)) is not None
            ]
            return self.schema.build(object_id, pairs)
        except (ValueError, ConfigError) as error:
            log.warn(
                "AstDB entry /{family}/{id} is ignored: {error}", family=self.family, id=object_id, error=str(error)
            )
            return None

    def store(self, built: O) -> None:
        super().store(built)
        values: dict[str, str | list[str]] = {}
        for name, text in self.schema.fields(built):
            known = values.get(name)
            if known is None:
                values[name] = text
            elif isinstance(known, list):
                known.append(text)
            else:
                values[name] = [known, text]
        self._astdb.put(self.family, built.id, json.dumps(values, separators=(",", ":")))

    def remove(self, object_id: str) -> None:
        super().remove(object_id)
        self._astdb.delete(self.family, object_id)


class RemoteWizard(ABC, Generic[O]):
    """A wizard that answers later, such as ``realtime``."""

    name = "remote"
    writable = False

    def __init__(self, schema: Schema[O]) -> None:
        self.schema = schema

    @abstractmethod
    async def fetch(self, object_id: str) -> O | None:
        """The object of that id, or None."""

    @abstractmethod
    async def fetch_all(self) -> Sequence[O]:
        """Every object."""

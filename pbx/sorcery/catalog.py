"""The book-keeping of one object type: its wizards in order, the merged view of them, indexes and observers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twisted.logger import Logger

from pbx.config.options import ConfigObject, Schema, schema_of
from pbx.sorcery.wizards import LocalWizard, RemoteWizard, SorceryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

log = Logger()

O = TypeVar("O", bound=ConfigObject)


@dataclass(frozen=True, slots=True)
class Observer(Generic[O]):
    """Whom to tell of changes to a type."""

    created: Callable[[O], object] | None = None
    updated: Callable[[O, O], object] | None = None
    deleted: Callable[[O], object] | None = None
    loaded: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Change(Generic[O]):
    """One difference in the view: ``new`` is None when deleted, ``old`` when created."""

    new: O | None
    old: O | None


class Catalog(Generic[O]):
    """All objects of one type. ``view`` has, for each id, the object of the first local wizard that knows it."""

    def __init__(self, kind: type[O], indexes: Sequence[str], apply: Callable[[O], O | None] | None) -> None:
        self.kind = kind
        self.schema: Schema[O] = schema_of(kind)
        self.apply = apply
        self.wizards: list[LocalWizard[O] | RemoteWizard[O]] = []
        self.view: dict[str, O] = {}
        self.observers: list[Observer[O]] = []
        self._indexes: dict[str, dict[Any, dict[str, O]]] = {name: {} for name in indexes}

    @property
    def has_remote(self) -> bool:
        return any(isinstance(wizard, RemoteWizard) for wizard in self.wizards)

    def leading(self) -> Iterable[LocalWizard[O]]:
        """The local wizards that are asked before any remote one."""
        for wizard in self.wizards:
            if isinstance(wizard, RemoteWizard):
                return
            yield wizard

    def refresh(self) -> list[Change[O]]:
        """Rebuild the view after wizards changed as a whole; gives the differences, deletions first."""
        view: dict[str, O] = {}
        for wizard in self.leading():
            for object_id, built in wizard.objects.items():
                view.setdefault(object_id, built)
        old = self.view
        self.view = view
        changes = [Change(None, each) for object_id, each in old.items() if object_id not in view]
        changes += [
            Change(each, before) for object_id, each in view.items() if (before := old.get(object_id)) is not each
        ]
        for change in changes:
            self._reindex(change)
        return changes

    def refresh_one(self, object_id: str) -> list[Change[O]]:
        """Bring one id of the view up to date."""
        old = self.view.get(object_id)
        new = next((w.objects[object_id] for w in self.leading() if object_id in w.objects), None)
        if new is old:
            return []
        if new is None:
            del self.view[object_id]
        else:
            self.view[object_id] = new
        change = Change(new, old)
        self._reindex(change)
        return [change]

    def _reindex(self, change: Change[O]) -> None:
        for name, index in self._indexes.items():
            if change.old is not None:
                for value in _keys(getattr(change.old, name)):
                    bucket = index.get(value)
                    if bucket is not None and bucket.pop(change.old.id, None) is not None and not bucket:
                        del index[value]
            if change.new is not None:
                for value in _keys(getattr(change.new, name)):
                    index.setdefault(value, {})[change.new.id] = change.new

    def find(self, predicate: Callable[[O], bool] | None, wanted: dict[str, Any]) -> list[O]:
        """Objects of the view that satisfy everything; a field that is a tuple satisfies one of its members."""
        candidates: Iterable[O] = self.view.values()
        for name, value in wanted.items():
            index = self._indexes.get(name)
            if index is not None:
                candidates = index.get(value, {}).values()
                break
        return [
            each
            for each in candidates
            if all(satisfies(each, name, value) for name, value in wanted.items())
            and (predicate is None or predicate(each))
        ]

    def check_fields(self, names: Iterable[str]) -> None:
        """Raise SorceryError when one of ``names`` is no field."""
        for name in names:
            if name not in self.kind.__dataclass_fields__:
                raise SorceryError(f"{self.kind.__name__} has no field {name}")

    def announce(self, changes: Iterable[Change[O]], loaded: bool = False) -> None:
        """Tell the observers. What an observer raises is logged: one of them must not hide a change from the others."""
        for change in changes:
            for observer in list(self.observers):
                try:
                    if change.new is None:
                        if observer.deleted is not None and change.old is not None:
                            observer.deleted(change.old)
                    elif change.old is None:
                        if observer.created is not None:
                            observer.created(change.new)
                    elif observer.updated is not None:
                        observer.updated(change.new, change.old)
                except Exception:
                    log.failure("an observer of {kind} failed", kind=self.kind.__name__)
        if loaded:
            for observer in list(self.observers):
                try:
                    if observer.loaded is not None:
                        observer.loaded()
                except Exception:
                    log.failure("an observer of {kind} failed", kind=self.kind.__name__)


def satisfies(built: ConfigObject, name: str, value: object) -> bool:
    """Whether a field has ``value``, or holds it when it is a tuple and ``value`` is not."""
    has = getattr(built, name)
    if isinstance(has, tuple) and not isinstance(value, tuple):
        return value in has
    return bool(has == value)


def _keys(value: object) -> Iterable[object]:
    return (*value, value) if isinstance(value, tuple) else (value,)

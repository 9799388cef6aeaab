"""Objects for one request: from sorcery at once where they are held here, after a fetch where they are elsewhere.

Code that handles a request asks `Lookup.get`. When only another machine can tell, `Unfetched` comes up to the
distributor, which puts the request aside, fetches the object and starts the request again with what it found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pbx.config.options import ConfigObject
from pbx.errors import ObeliskError
from pbx.sorcery import NotLocal

if TYPE_CHECKING:
    from pbx.sorcery import Sorcery

O = TypeVar("O", bound=ConfigObject)

MAX_FETCHES = 16
"""Objects one request may have fetched; a request needs an endpoint under a few names, its auths and an AOR."""


class Unfetched(ObeliskError):
    """``kind`` ``object_id`` must be fetched before the request can go on."""

    def __init__(self, kind: type[ConfigObject], object_id: str) -> None:
        self.kind = kind
        self.object_id = object_id
        super().__init__(f"{kind.type_name} '{object_id}' is not held locally")


class Lookup:
    """Reads objects; remembers those that were fetched for this request."""

    __slots__ = ("_fetched", "_sorcery", "authorized")

    def __init__(self, sorcery: Sorcery) -> None:
        self._sorcery = sorcery
        self._fetched: dict[tuple[type[ConfigObject], str], ConfigObject | None] = {}
        #: the request was authorised before, so that is not reported again
        self.authorized = False

    def get(self, kind: type[O], object_id: str) -> O | None:
        """The object or None. Raises Unfetched."""
        try:
            return self._sorcery.get(kind, object_id)
        except NotLocal:
            key = (kind, object_id)
            if key in self._fetched:
                return cast("O | None", self._fetched[key])
            raise Unfetched(kind, object_id) from None

    async def fetch(self, missing: Unfetched) -> Lookup:
        """A lookup that knows ``missing`` too. Raises ObeliskError when too much was fetched or the fetch failed."""
        if len(self._fetched) >= MAX_FETCHES:
            raise ObeliskError(f"more than {MAX_FETCHES} objects had to be fetched")
        more = Lookup(self._sorcery)
        found = await self._sorcery.fetch(missing.kind, missing.object_id)
        more._fetched = {**self._fetched, (missing.kind, missing.object_id): found}
        return more

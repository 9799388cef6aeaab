"""What may be subscribed to: event packages, and the body formats in which they say what they know.

Modules register both; a package and a format fit when they speak of the same kind of data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from pbx.pjsip.pubsub.bodies import ExtensionBody, MessageBody

if TYPE_CHECKING:
    from pbx.pjsip.objects import Endpoint

Data = ExtensionBody | MessageBody
T = TypeVar("T", ExtensionBody, MessageBody)

#: Formats that name the wrapping of a list, not of its entries.
LIST_FORMATS = frozenset(("multipart/related", "application/rlmi+xml"))


@dataclass(frozen=True, slots=True)
class View:
    """One subscriber's view of one resource. ``entity`` is the resource's URI, ``watcher`` the subscriber's."""

    endpoint: Endpoint
    resource: str
    entity: str
    watcher: str
    user_agent: str


class Source(Protocol):
    """A resource being watched for one subscriber."""

    def data(self) -> Data | None:
        """What is known now; None when the resource is no more."""

    def close(self) -> None:
        """Watch it no longer."""


class EventPackage(Protocol):
    """An event package (RFC 6665 7.2)."""

    @property
    def name(self) -> str:
        """As in Event."""

    @property
    def kind(self) -> type[Data]:
        """What its sources give."""

    @property
    def default_accept(self) -> str:
        """The format of a subscriber that names none."""

    def refusal(self, endpoint: Endpoint, resource: str) -> int:
        """The code that refuses a subscription to a resource; 0 when it may be."""

    def display_name(self, endpoint: Endpoint, resource: str) -> str:
        """How people call the resource, or empty."""

    def open(self, view: View, changed: Callable[[bool], object]) -> Source | None:
        """Watch a resource; ``changed`` is called at each change, with True when it is the last."""


class Formats:
    """The body formats there are, by media type."""

    def __init__(self) -> None:
        self._formats: dict[str, tuple[type[Data], Callable[[Data], bytes]]] = {}

    def register(self, media_type: str, kind: type[T], make: Callable[[T], bytes]) -> Callable[[], None]:
        """Offer a format; the result withdraws it. Raises ValueError when there is one."""
        if media_type in self._formats:
            raise ValueError(f"there is a format for {media_type} already")

        def checked(data: Data) -> bytes:
            if not isinstance(data, kind):
                raise TypeError(f"{media_type} cannot say {type(data).__name__}")
            return make(data)

        self._formats[media_type] = (kind, checked)

        def withdraw() -> None:
            self._formats.pop(media_type, None)

        return withdraw

    def choose(self, accepted: Iterable[str], kind: type[Data]) -> str | None:
        """The first of the accepted media types that says data of this kind."""
        for media_type in accepted:
            found = self._formats.get(media_type)
            if found is not None and found[0] is kind:
                return media_type
        return None

    def make(self, media_type: str, data: Data) -> bytes | None:
        """The body; None when the format was taken away."""
        found = self._formats.get(media_type)
        return None if found is None else found[1](data)

"""What an operation answers: a value, something `Created`, `Accepted` or `Binary`; or it raises `AriError`."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.errors import ObeliskError


class AriError(ObeliskError):
    """The operation's answer is an error: a status code and the text of its ``message``.

    Without a text the operation's own text for that code is used.
    """

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Created:
    """201 with a value; ``location`` is a path below /ari."""

    location: str
    value: object


@dataclass(frozen=True, slots=True)
class Accepted:
    """202: it will be done later."""


@dataclass(frozen=True, slots=True)
class Binary:
    """200 with bytes that are not JSON."""

    data: bytes
    content_type: str

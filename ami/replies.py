"""What an action answers, and how that is written: ``Response``, ``ActionID``, ``EventList``, ``Message``, the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ami.encoding import clean, headers_text, to_bytes
from pbx.errors import ObeliskError

SUCCESS = "Success"
ERROR = "Error"
GOODBYE = "Goodbye"

Header = tuple[str, str]


class ActionError(ObeliskError):
    """An action could not be done; the text becomes the Message of the Error."""


@dataclass(slots=True)
class Reply:
    """A single reply. ``text`` is header lines written already, after the others."""

    message: str = ""
    headers: Sequence[Header] = ()
    response: str = SUCCESS
    text: str = ""

    def encode(self, action_id: str) -> bytes:
        parts = [f"Response: {self.response}\r\n"]
        if action_id:
            parts.append(f"ActionID: {clean(action_id)}\r\n")
        if self.message:
            parts.append(f"Message: {clean(self.message)}\r\n")
        if self.headers:
            parts.append(headers_text(self.headers))
        parts += (self.text, "\r\n")
        return to_bytes("".join(parts))


@dataclass(slots=True)
class Item:
    """One entry of a list: its event's name and the lines after the ActionID (before it, where ``id_last``)."""

    event: str
    text: str
    id_last: bool = False


@dataclass(slots=True)
class ListReply:
    """A list: the start, the items, and the event ``complete`` that counts them."""

    message: str
    items: Iterable[Item]
    complete: str
    #: More headers of the closing event, after ListItems.
    trailer: Sequence[Header] = field(default_factory=tuple)
    #: Written already, after the trailer.
    trailer_text: str = ""

    def encode(self, action_id: str) -> bytes:
        identity = f"ActionID: {clean(action_id)}\r\n" if action_id else ""
        parts = [f"Response: Success\r\n{identity}EventList: start\r\nMessage: {clean(self.message)}\r\n\r\n"]
        count = 0
        for item in self.items:
            count += 1
            if item.id_last:
                parts.append(f"Event: {item.event}\r\n{item.text}{identity}\r\n")
            else:
                parts.append(f"Event: {item.event}\r\n{identity}{item.text}\r\n")
        parts.append(f"Event: {self.complete}\r\n{identity}EventList: Complete\r\nListItems: {count}\r\n")
        parts.append(headers_text(self.trailer))
        parts.append(f"{self.trailer_text}\r\n")
        return to_bytes("".join(parts))


@dataclass(slots=True)
class RawReply:
    """Bytes as they go out: for actions whose layout is their own."""

    data: bytes

    def encode(self, action_id: str) -> bytes:
        return self.data


AnyReply = Reply | ListReply | RawReply


def error_reply(message: str) -> Reply:
    return Reply(message, response=ERROR)

"""Bodies of SIP messages: finding the session description, alone or inside multipart (RFC 5621). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: More parts than this are not looked at; real messages have two or three.
MAX_PARTS = 16

_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_REQUIRED = re.compile(rb"^content-disposition[ \t]*:[^\r\n]*handling=required", re.IGNORECASE | re.MULTILINE)
_CONTENT_TYPE = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*([^;\s]+)", re.IGNORECASE | re.MULTILINE)


def parts_of(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """(media type in lower case, bytes) of each part of a multipart body; ``content_type`` is the header's value."""
    for kind, _, content in _parts(content_type, body):
        yield kind, content


def unknown_required(content_type: str, body: bytes) -> str | None:
    """The type of a part that must be understood (RFC 3261 20.11: ``handling=required``) and is no SDP; else None."""
    for kind, head, _ in _parts(content_type, body):
        if kind != "application/sdp" and _REQUIRED.search(head):
            return kind
    return None


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """(media type, headers, bytes) of each part."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        return
    boundary = b"--" + (match[1] or match[2]).encode("utf-8", "surrogateescape")
    pieces = (b"\r\n" + body).split(b"\n" + boundary, MAX_PARTS + 1)
    for piece in pieces[1 : MAX_PARTS + 1]:
        if piece.startswith(b"--"):
            return
        # What stands before the line break belongs to the delimiter's line; the last break belongs to the next one.
        _, _, piece = piece.partition(b"\n")
        piece = piece.removesuffix(b"\r")
        end = _END_OF_HEAD.search(piece)
        if piece.startswith((b"\r\n", b"\n")):
            head, content = b"", piece.lstrip(b"\r").removeprefix(b"\n")
        elif end is None:
            continue
        else:
            head, content = piece[: end.start()], piece[end.end() :]
        found = _CONTENT_TYPE.search(head)
        yield (found[1].decode("utf-8", "replace").lower() if found else "text/plain"), head, content


def session_description(content_type: str, body: bytes) -> bytes | None:
    """The SDP of a message: its body, or the first such part of a multipart body; None where there is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/sdp":
        return body or None
    if kind.startswith("multipart/"):
        for part_kind, content in parts_of(content_type, body):
            if part_kind == "application/sdp":
                return content or None
    return None

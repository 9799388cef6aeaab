"""Paths to operations. Segments are decoded one by one after the path was split, so an id may hold a slash.

A literal segment beats a wildcard at its place, for every method, as in Asterisk.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from ari.table import Operation


class Node:
    """A place in the tree of paths."""

    __slots__ = ("literals", "operations", "wildcard")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.wildcard: Node | None = None
        self.operations: dict[str, Operation] = {}

    @property
    def allow(self) -> str:
        """The ``Allow`` header of this path."""
        return ",".join(sorted({*self.operations, "OPTIONS"}))


class Router:
    """All paths below ``/ari``."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self._root = Node()
        for each in operations:
            self.add(each)

    def add(self, operation: Operation) -> None:
        """Add an operation. Raises ValueError when its method and path are taken."""
        node = self._root
        for segment in operation.path.strip("/").split("/"):
            if segment.startswith("{"):
                if node.wildcard is None:
                    node.wildcard = Node()
                node = node.wildcard
            else:
                node = node.literals.setdefault(segment, Node())
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.path} is registered twice")
        node.operations[operation.method] = operation

    def find(self, path: str) -> tuple[Node, list[str]] | None:
        """The node of a path as it was sent (``channels/1.0/play``), and the values of its wildcards in order."""
        node = self._root
        values: list[str] = []
        for raw in path.split("/"):
            if not raw:
                # Asterisk looks no further than an empty segment.
                break
            segment = unquote(raw, errors="surrogateescape") if "%" in raw else raw
            following = node.literals.get(segment)
            if following is None:
                following = node.wildcard
                if following is None:
                    return None
                values.append(segment)
            node = following
        return (node, values) if node.operations else None

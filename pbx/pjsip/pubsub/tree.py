"""What one subscription watches: a resource, or a list of resources and lists (RFC 4662), as a tree of nodes.

Leaves hold what their package says; a list's body is made of the parts of its children that changed, or of all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pbx.pjsip.pubsub import bodies
from pbx.pjsip.pubsub.objects import ResourceList
from pbx.pjsip.pubsub.packages import View

if TYPE_CHECKING:
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.pubsub.packages import EventPackage, Formats, Source
    from pbx.pjsip.uri import SipUri
    from pbx.sorcery import Sorcery

#: How deep lists may lie in lists, and how many resources one subscription watches.
MAX_DEPTH = 8
MAX_RESOURCES = 1000


@dataclass(slots=True)
class Plan:
    """A tree before anything is watched: what `plan` found."""

    resource: str
    full_state: bool = False
    display_name: str = ""
    children: list[Plan] = field(default_factory=list)

    def shape(self) -> tuple[object, ...]:
        """What tells whether a list changed: its entries and their names."""
        return (self.resource, self.display_name, *(child.shape() for child in self.children))


def list_of(sorcery: Sorcery, resource: str, event: str) -> ResourceList | None:
    """The list of that name for the event package."""
    found = sorcery.get(ResourceList, resource)
    return found if found is not None and found.event == event else None


def plan(sorcery: Sorcery, package: EventPackage, endpoint: Endpoint, resource: str, *, lists: bool) -> Plan | int:
    """What a subscription to ``resource`` watches, or the code that refuses it; lists count where ``lists`` is set."""
    found = list_of(sorcery, resource, package.name) if lists else None
    if found is None:
        return package.refusal(endpoint, resource) or Plan(resource)
    root = Plan(resource, found.full_state)
    _plan_children(sorcery, package, endpoint, found, root, {resource}, 1)
    return root if root.children else 500


def _plan_children(
    sorcery: Sorcery,
    package: EventPackage,
    endpoint: Endpoint,
    source: ResourceList,
    parent: Plan,
    visited: set[str],
    depth: int,
) -> None:
    """Each resource once in the whole tree; what may not be watched is left out, and so are lists without any."""
    for resource in source.list_item:
        if resource in visited or len(visited) > MAX_RESOURCES:
            continue
        inner = list_of(sorcery, resource, package.name)
        if inner is None:
            if package.refusal(endpoint, resource):
                continue
            visited.add(resource)
            name = package.display_name(endpoint, resource) if source.resource_display_name else ""
            parent.children.append(Plan(resource, display_name=name))
        elif depth < MAX_DEPTH:
            visited.add(resource)
            child = Plan(resource, inner.full_state)
            _plan_children(sorcery, package, endpoint, inner, child, visited, depth + 1)
            if child.children:
                parent.children.append(child)


class Node:
    """A resource or list of one subscription, being watched."""

    def __init__(self, plan: Plan, uri: SipUri) -> None:
        """``uri`` is ours in the dialog: the node's own has the resource as its user."""
        self.resource = plan.resource
        self.full_state = plan.full_state
        self.display_name = plan.display_name
        self.uri = replace(uri, user=plan.resource)
        self.children = [Node(child, uri) for child in plan.children]
        self.active = True
        self.version = 0
        self._source: Source | None = None
        self._body = b""
        self._changed = False

    @property
    def is_list(self) -> bool:
        return bool(self.children)

    def leaves(self) -> Iterator[Node]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def open(self, package: EventPackage, view: View, changed: Callable[[Node, bool], object]) -> bool:
        """Watch every leaf; False when one cannot be, and then none is."""
        for leaf in self.leaves():
            own = replace(view, resource=leaf.resource, entity=str(leaf.uri))

            def told(last: bool, leaf: Node = leaf) -> None:
                changed(leaf, last)

            leaf._source = package.open(own, told)
            if leaf._source is None:
                self.close()
                return False
        return True

    def refresh(self, formats: Formats, media_type: str) -> bool:
        """Read what is known now; False when that is nothing any more."""
        data = None if self._source is None else self._source.data()
        body = None if data is None else formats.make(media_type, data)
        if body is None:
            return False
        self._body = body
        self._changed = True
        return True

    def end(self) -> None:
        """The node's subscription is over, and its children's."""
        self.active = False
        for child in self.children:
            child.end()

    def close(self) -> None:
        """Watch nothing any more."""
        for leaf in self.leaves():
            source, leaf._source = leaf._source, None
            if source is not None:
                source.close()

    def body(self, media_type: str, *, full: bool) -> tuple[str, bytes] | None:
        """(media type, bytes) of a NOTIFY; None when nothing changed and not all is wanted."""
        if not self.children:
            if not (full or self._changed):
                return None
            self._changed = False
            return media_type, self._body
        full = full or self.full_state
        parts: list[bodies.Part] = []
        resources: list[bodies.Resource] = []
        for child in self.children:
            found = child.body(media_type, full=full)
            if found is None:
                continue
            content_id = self._content_id()
            parts.append(bodies.Part(content_id, *found))
            resources.append(
                bodies.Resource(
                    child.display_name or child.resource,
                    str(child.uri),
                    secrets.token_hex(4),
                    child.active,
                    content_id,
                )
            )
        if not parts:
            return None
        listing = bodies.rlmi(self.resource, str(self.uri), self.version, full, resources)
        self.version += 1
        boundary = secrets.token_hex(8)
        parts.insert(0, bodies.Part(self._content_id(), "application/rlmi+xml", listing))
        return bodies.multipart_type(boundary), bodies.multipart(boundary, parts)

    def _content_id(self) -> str:
        host = f"[{self.uri.host}]" if ":" in self.uri.host else self.uri.host
        return f"{secrets.token_hex(8)}@{host}"

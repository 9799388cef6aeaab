"""Who hears whom, apart from how it is done: legs as nodes, connections as edges, Local pairs as pipes.

A *port* is something the conference has a slot for (a stream, a player, a recorder); legs come and go with or without
one. `AudioGraph` keeps what was asked for and works out which slots must be connected; the engine carries the
difference to the conference. Pure: no C, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_NOBODY: frozenset[int] = frozenset()


class Node:
    """A leg's place in the graph. ``slot`` is set while it has a stream, ``peer`` when it is one end of a pipe."""

    __slots__ = (
        "hosts",
        "muted_in",
        "muted_out",
        "name",
        "peer",
        "players",
        "recorders",
        "sinks",
        "slot",
        "soloists",
        "sources",
        "tappers",
        "taps",
        "voices",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.slot: int | None = None
        self.peer: Node | None = None
        self.sources: dict[Node, None] = {}  # ordered sets
        self.sinks: dict[Node, None] = {}
        self.taps: dict[Node, None] = {}
        self.tappers: dict[Node, None] = {}
        self.voices: dict[Node, None] = {}
        self.hosts: dict[Node, None] = {}
        self.players: set[int] = set()
        self.soloists: set[int] = set()
        #: By slot: whether it gets both directions; None: silence alone.
        self.recorders: dict[int, bool | None] = {}
        self.muted_in = False
        self.muted_out = False

    def __repr__(self) -> str:
        return f"<Node {self.name} slot={self.slot}>"


class AudioGraph:
    """Edges between nodes, and the slot connections that make them true.

    ``connect`` and ``disconnect`` are called with (source slot, sink slot) as the realised connections change; the
    engine gives the conference's methods.
    """

    def __init__(
        self, connect: Callable[[int, int], object], disconnect: Callable[[int, int], object], silence_slot: int
    ) -> None:
        self._connect = connect
        self._disconnect = disconnect
        self._silence = silence_slot
        self._heard: dict[int, set[int]] = {}
        self._listeners: dict[int, int] = {}
        #: Called with a slot that is listened to for the first time since nobody did.
        self.first_listener: Callable[[int], object] | None = None

    # -- edges ---------------------------------------------------------------------------------------------------

    def connect(self, source: Node, sink: Node) -> None:
        """Add an edge; asking twice counts once."""
        if sink not in source.sinks:
            source.sinks[sink] = None
            sink.sources[source] = None
            self._refresh_from(sink)

    def disconnect(self, source: Node, sink: Node) -> None:
        if sink in source.sinks:
            del source.sinks[sink]
            del sink.sources[source]
            self._refresh_from(sink)

    def tap(self, node: Node, sink: Node) -> None:
        """Let ``sink``'s far end hear what ``node``'s far end hears."""
        if node is not sink and node not in sink.taps:
            sink.taps[node] = None
            node.tappers[sink] = None
            self._refresh_from(sink)

    def untap(self, node: Node, sink: Node) -> None:
        """Undo `tap`; no error where there is none."""
        if node in sink.taps:
            del sink.taps[node]
            del node.tappers[sink]
            self._refresh_from(sink)

    def add_voice(self, voice: Node, host: Node) -> None:
        """Let whoever listens to ``host``'s far end hear ``voice``'s as well."""
        if voice is not host and voice not in host.voices:
            host.voices[voice] = None
            voice.hosts[host] = None
            self._refresh_to(host)

    def remove_voice(self, voice: Node, host: Node) -> None:
        """Undo `add_voice`; no error where there is none."""
        if voice in host.voices:
            del host.voices[voice]
            del voice.hosts[host]
            self._refresh_to(host)

    def pipe(self, one: Node, other: Node) -> None:
        """Make two nodes ends of a pipe. Raises ValueError where either already has a stream or another peer."""
        if one is other or one.peer is not None or other.peer is not None:
            raise ValueError(f"{one.name} and {other.name} cannot be made a pair")
        if one.slot is not None or other.slot is not None:
            raise ValueError(f"{one.name} or {other.name} has a stream")
        one.peer, other.peer = other, one
        self._refresh_to(one)
        self._refresh_to(other)

    def attach(self, node: Node, slot: int) -> None:
        """The node has a stream now. Raises ValueError for the end of a pipe."""
        if node.peer is not None:
            raise ValueError(f"{node.name} is one end of a pair")
        node.slot = slot
        self._refresh_from(node)
        self._refresh_to(node)

    def detach(self, node: Node) -> None:
        """The stream is going: every connection of its slot is undone, the edges stay."""
        slot = node.slot
        if slot is None:
            return
        self._realise(slot, set())
        node.slot = None
        self._refresh_to(node)

    def mute(self, node: Node, *, inbound: bool, outbound: bool) -> None:
        if node.muted_in != inbound:
            node.muted_in = inbound
            self._refresh_to(node)
        if node.muted_out != outbound:
            node.muted_out = outbound
            self._refresh_from(node)

    def remove(self, node: Node) -> None:
        """Take the node out of every edge and pipe, with its stream. Players and recorders on it lose their leg."""
        self.detach(node)
        for sink in list(node.sinks):
            self.disconnect(node, sink)
        for source in list(node.sources):
            self.disconnect(source, node)
        for other in list(node.taps):
            self.untap(other, node)
        for other in list(node.tappers):
            self.untap(node, other)
        for other in list(node.voices):
            self.remove_voice(other, node)
        for other in list(node.hosts):
            self.remove_voice(node, other)
        for player in (*node.players, *node.soloists):
            self.remove_player(node, player)
        for recorder in list(node.recorders):
            self.remove_recorder(node, recorder)
        peer = node.peer
        if peer is not None:
            node.peer = peer.peer = None
            self._refresh_to(node)
            self._refresh_to(peer)

    # -- players and recorders -----------------------------------------------------------------------------------

    def add_player(self, node: Node, slot: int, *, alone: bool = False) -> None:
        """What ``slot`` plays is heard by the node's far end; ``alone``: and nothing else."""
        (node.soloists if alone else node.players).add(slot)
        self._refresh_from(node)

    def remove_player(self, node: Node, slot: int) -> None:
        if slot in node.players or slot in node.soloists:
            node.players.discard(slot)
            node.soloists.discard(slot)
            self._refresh_from(node)

    def add_recorder(self, node: Node, slot: int, *, both: bool, muted: bool = False) -> None:
        """``slot`` gets what the node's far end says and, with ``both``, what it hears; silence fills the gaps.

        ``muted``: it gets silence alone.
        """
        node.recorders[slot] = None if muted else both
        self._refresh_recorders(node)

    def remove_recorder(self, node: Node, slot: int) -> None:
        if node.recorders.pop(slot, None) is not None:
            self._realise(slot, set())

    # -- working out ---------------------------------------------------------------------------------------------

    def heard_from(self, node: Node) -> set[int]:
        """Slots one hears when listening to the node's far end."""
        return set(self._said_by(node, set()))

    def heard_by(self, node: Node) -> set[int]:
        """Slots the node's far end hears."""
        return set(self._into(node, set()))

    def _said_by(self, node: Node, seen: set[object]) -> Iterator[int]:
        if node.muted_in:
            return
        if node.slot is not None:
            yield node.slot
        elif node.peer is not None and node.peer not in seen:
            seen.add(node.peer)
            yield from self._into(node.peer, seen)
        for voice in node.voices:
            if (voice, node) not in seen:
                seen.add((voice, node))
                yield from self._said_by(voice, seen)

    def _into(self, node: Node, seen: set[object]) -> Iterator[int]:
        if node.muted_out:
            return
        if node.soloists:
            # What is played meanwhile is heard in their place.
            yield from node.players or node.soloists
            return
        yield from node.players
        for source in node.sources:
            yield from self._said_by(source, seen)
        for other in node.taps:
            if (node, other) not in seen:
                seen.add((node, other))
                yield from self._into(other, seen)

    def _refresh_from(self, node: Node) -> None:
        """What the node's far end hears may have changed."""
        if node.peer is None and not node.tappers:  # nobody else hears it: as in most calls
            self._refresh(node)
            return
        for affected in self._downstream([node]):
            self._refresh(affected)

    def _refresh_to(self, node: Node) -> None:
        """What others hear of the node may have changed."""
        if not node.sinks and not node.hosts:  # as of a leg that is joined to nobody yet, or no longer
            self._refresh_recorders(node)
            return
        sinks, speakers = self._hearers(node)
        for affected in self._downstream(sinks):
            self._refresh(affected)
        for speaker in speakers:
            self._refresh_recorders(speaker)

    @staticmethod
    def _hearers(node: Node) -> tuple[list[Node], list[Node]]:
        """Those that listen to the node, and those that speak with its voice, itself among them."""
        speakers, waiting = {node: None}, [node]
        sinks: dict[Node, None] = {}
        while waiting:
            one = waiting.pop()
            sinks.update(one.sinks)
            for host in one.hosts:
                if host not in speakers:
                    speakers[host] = None
                    waiting.append(host)
        return list(sinks), list(speakers)

    def _downstream(self, nodes: list[Node]) -> list[Node]:
        """The nodes, and those that hear through pipes and taps what goes into them. Finite whatever loops there are.

        The far ends of pipes are among them, for what is recorded there.
        """
        changed: dict[Node, None] = dict.fromkeys(nodes)
        ends: dict[Node, None] = {}
        waiting = list(changed)
        while waiting:
            one = waiting.pop()
            hearing = list(one.tappers)
            peer = one.peer
            if peer is not None and peer not in ends:
                sinks, speakers = self._hearers(peer)
                ends.update(dict.fromkeys(speakers))
                hearing += sinks
            for each in hearing:
                if each not in changed:
                    changed[each] = None
                    waiting.append(each)
        return list({**changed, **ends})

    def _refresh(self, node: Node) -> None:
        if node.slot is not None:
            self._realise(node.slot, self.heard_by(node))
        self._refresh_recorders(node)

    def _refresh_recorders(self, node: Node) -> None:
        for slot, both in node.recorders.items():
            heard: set[int] = set() if both is None else self.heard_from(node)
            if both:
                heard |= self.heard_by(node)
            self._realise(slot, heard | {self._silence})

    def _realise(self, sink: int, wanted: set[int]) -> None:
        """Make ``sink`` hear exactly ``wanted``."""
        present = self._heard.get(sink, _NOBODY)
        if wanted == present:
            return
        for source in present - wanted:
            self._disconnect(source, sink)
            self._listeners[source] -= 1
            if not self._listeners[source]:
                del self._listeners[source]
        for source in wanted - present:
            if source not in self._listeners and self.first_listener is not None:
                self.first_listener(source)
            self._connect(source, sink)
            self._listeners[source] = self._listeners.get(source, 0) + 1
        if wanted:
            self._heard[sink] = wanted
        else:
            self._heard.pop(sink, None)

    @property
    def realised(self) -> set[tuple[int, int]]:
        """All (source slot, sink slot) connections that exist now."""
        return {(source, sink) for sink, sources in self._heard.items() for source in sources}

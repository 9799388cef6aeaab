"""Who hears whom, worked out without any sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.media.graph import AudioGraph, Node

SILENCE = 1


class Wires:
    """Stands where the conference is: holds the connections, and refuses nonsense as it would."""

    def __init__(self) -> None:
        self.made: set[tuple[int, int]] = set()
        self.graph = AudioGraph(self._connect, self._disconnect, SILENCE)
        self._slot = 9

    def _connect(self, source: int, sink: int) -> None:
        assert (source, sink) not in self.made
        self.made.add((source, sink))

    def _disconnect(self, source: int, sink: int) -> None:
        self.made.remove((source, sink))

    def to(self, slot: int) -> set[int]:
        return {source for source, sink in self.made if sink == slot}

    def leg(self, name: str) -> Node:
        node = Node(name)
        self._slot += 1
        self.graph.attach(node, self._slot)
        return node


def slots(*nodes: Node) -> tuple[int, ...]:
    found = [node.slot for node in nodes]
    assert all(slot is not None for slot in found)
    return tuple(slot for slot in found if slot is not None)


def test_connections_made_before_the_streams_become_real_with_them() -> None:
    wires = Wires()
    a, b = Node("a"), Node("b")
    wires.graph.connect(a, b)
    wires.graph.attach(a, 10)
    assert wires.made == set()
    wires.graph.attach(b, 11)
    assert wires.made == {(10, 11)}


def test_connecting_twice_counts_once_and_disconnecting_nothing_is_no_error() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    wires.graph.connect(a, b)
    wires.graph.connect(a, b)
    wires.graph.disconnect(b, a)
    assert wires.made == {slots(a, b)}
    wires.graph.disconnect(a, b)
    assert wires.made == set()


def test_a_stream_that_is_replaced_keeps_its_connections() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    wires.graph.connect(a, b)
    wires.graph.connect(b, a)
    wires.graph.detach(a)
    assert wires.made == set()
    wires.graph.attach(a, 50)
    assert wires.made == {(50, 11), (11, 50)}


def test_a_leg_may_hear_itself() -> None:
    wires = Wires()
    a = wires.leg("a")
    wires.graph.connect(a, a)
    assert wires.made == {(10, 10)}
    wires.graph.remove(a)
    assert wires.made == set()


def test_what_goes_into_one_end_of_a_pipe_comes_out_of_the_other() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    one, two = Node("one"), Node("two")
    wires.graph.pipe(one, two)
    wires.graph.connect(a, one)
    assert wires.made == set()
    wires.graph.connect(two, b)
    assert wires.made == {slots(a, b)}
    wires.graph.connect(b, two)
    wires.graph.connect(one, a)
    assert wires.made == {slots(a, b), slots(b, a)}
    wires.graph.remove(one)
    assert wires.made == set()


def test_pipes_in_a_chain() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    ends = [Node(str(number)) for number in range(6)]
    for left, right in zip(ends[::2], ends[1::2], strict=True):
        wires.graph.pipe(left, right)
    wires.graph.connect(a, ends[0])
    wires.graph.connect(ends[1], ends[2])
    wires.graph.connect(ends[5], b)
    assert wires.made == set()
    wires.graph.connect(ends[3], ends[4])
    assert wires.made == {slots(a, b)}
    wires.graph.disconnect(ends[1], ends[2])
    assert wires.made == set()


def test_a_ring_of_pipes_ends() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    one, two, three, four = (Node(name) for name in ("1", "2", "3", "4"))
    wires.graph.pipe(one, two)
    wires.graph.pipe(three, four)
    wires.graph.connect(two, three)
    wires.graph.connect(four, one)
    wires.graph.connect(a, one)
    wires.graph.connect(two, b)
    assert wires.made == {slots(a, b)}


def test_a_pipe_has_two_ends_without_streams() -> None:
    wires = Wires()
    a, one, two = wires.leg("a"), Node("1"), Node("2")
    with pytest.raises(ValueError):
        wires.graph.pipe(a, one)
    wires.graph.pipe(one, two)
    with pytest.raises(ValueError):
        wires.graph.attach(one, 77)
    with pytest.raises(ValueError):
        wires.graph.pipe(one, Node("3"))


def test_muting() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    wires.graph.connect(a, b)
    wires.graph.connect(b, a)
    wires.graph.mute(a, inbound=True, outbound=False)
    assert wires.made == {slots(b, a)}
    wires.graph.mute(a, inbound=True, outbound=True)
    assert wires.made == set()
    wires.graph.mute(a, inbound=False, outbound=False)
    assert wires.made == {slots(a, b), slots(b, a)}


def test_a_player_is_heard_by_the_far_end_through_a_pipe_too() -> None:
    wires = Wires()
    b, one, two = wires.leg("b"), Node("1"), Node("2")
    wires.graph.pipe(one, two)
    wires.graph.connect(two, b)
    wires.graph.add_player(one, 40)
    assert wires.made == {(40, 10)}
    wires.graph.remove_player(one, 40)
    assert wires.made == set()


def test_a_recorder_hears_the_leg_and_with_both_what_the_leg_hears() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    wires.graph.connect(b, a)
    wires.graph.add_recorder(a, 60, both=False)
    wires.graph.add_recorder(a, 61, both=True)
    wires.graph.add_player(a, 40)
    assert wires.to(60) == {SILENCE, 10}
    assert wires.to(61) == {SILENCE, 10, 11, 40}
    wires.graph.detach(a)
    assert wires.to(60) == {SILENCE}
    assert wires.to(61) == {SILENCE, 11, 40}
    wires.graph.remove(a)
    assert wires.made == set()


def test_first_listener_is_told_once() -> None:
    wires = Wires()
    told: list[int] = []
    wires.graph.first_listener = told.append
    a, b, c = wires.leg("a"), wires.leg("b"), wires.leg("c")
    wires.graph.connect(a, b)
    wires.graph.connect(a, c)
    assert told == [10]
    wires.graph.remove(b)
    wires.graph.remove(c)
    d = wires.leg("d")
    wires.graph.connect(a, d)
    assert told == [10, 10]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("connect", "disconnect", "attach", "detach", "pipe", "mute", "play", "solo", "record", "remove"),
                *("tap", "untap", "voice", "silence"),
            ]
        ),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=60,
)


@given(OPERATIONS)
def test_what_is_realised_is_always_what_was_asked_for(operations: list[tuple[str, int, int]]) -> None:
    wires = Wires()
    graph = wires.graph
    nodes = [Node(str(number)) for number in range(6)]
    slot = 100
    for what, first, second in operations:
        one, other = nodes[first], nodes[second]
        slot += 1
        if what == "connect":
            graph.connect(one, other)
        elif what == "disconnect":
            graph.disconnect(one, other)
        elif what == "attach" and one.peer is None and one.slot is None:
            graph.attach(one, slot)
        elif what == "detach":
            graph.detach(one)
        elif what == "pipe" and not (one is other or one.peer or other.peer or one.slot or other.slot):
            graph.pipe(one, other)
        elif what == "mute":
            graph.mute(one, inbound=bool(second & 1), outbound=bool(second & 2))
        elif what == "play":
            graph.add_player(one, slot)
        elif what == "solo":
            graph.add_player(one, slot, alone=True)
        elif what == "tap":
            graph.tap(one, other)
        elif what == "untap":
            graph.untap(one, other)
        elif what == "voice":
            graph.add_voice(one, other)
        elif what == "silence":
            graph.remove_voice(one, other)
        elif what == "record":
            graph.add_recorder(one, slot, both=bool(second & 1))
        elif what == "remove":
            graph.remove(one)
            nodes[first] = Node(one.name)
        wanted: set[tuple[int, int]] = set()
        for node in nodes:
            if node.slot is not None:
                wanted |= {(source, node.slot) for source in graph.heard_by(node)}
            for recorder, both in node.recorders.items():
                heard = graph.heard_from(node) | (graph.heard_by(node) if both else set()) | {SILENCE}
                wanted |= {(source, recorder) for source in heard}
        assert wires.made == wanted == graph.realised


def test_who_taps_a_leg_hears_what_it_hears() -> None:
    wires = Wires()
    a, b, spy = wires.leg("a"), wires.leg("b"), wires.leg("spy")
    wires.graph.connect(a, b)
    wires.graph.tap(b, spy)
    assert wires.to(12) == set(slots(a))
    wires.graph.disconnect(a, b)
    assert wires.to(12) == set()
    wires.graph.connect(a, b)
    wires.graph.untap(b, spy)
    assert wires.to(12) == set()


def test_a_voice_is_heard_with_its_host() -> None:
    wires = Wires()
    host, other, voice = wires.leg("host"), wires.leg("other"), wires.leg("voice")
    wires.graph.add_voice(voice, host)
    wires.graph.connect(host, other)
    assert wires.to(11) == set(slots(host, voice))
    wires.graph.remove(voice)
    assert wires.to(11) == set(slots(host))


def test_a_soloist_is_heard_alone_unless_something_else_is_played() -> None:
    wires = Wires()
    a, b = wires.leg("a"), wires.leg("b")
    wires.graph.connect(a, b)
    wires.graph.add_player(b, 90, alone=True)
    assert wires.to(11) == {90}
    wires.graph.add_player(b, 91)
    assert wires.to(11) == {91}
    wires.graph.remove_player(b, 91)
    wires.graph.remove_player(b, 90)
    assert wires.to(11) == set(slots(a))

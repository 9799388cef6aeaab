"""strictrtp: whom a stream believes (Asterisk: rtp.conf, ``strictrtp`` and ``probation``)."""

from __future__ import annotations

from pbx.media.source_learner import LEARNING_SECONDS, SourceLearner

PHONE, NAT, ATTACKER = ("192.0.2.1", 4000), ("198.51.100.7", 61000), ("203.0.113.9", 9)


def learner(*, check_time: bool = True) -> SourceLearner:
    made = SourceLearner(probation=4, check_time=check_time)
    assert made.aim(PHONE, 100.0)
    return made


def send(to: SourceLearner, source: tuple[str, int], count: int, start: float, sequence: int = 65533) -> list[bool]:
    """Packets every 20 ms."""
    return [to.stray(source, (sequence + n) & 0xFFFF, start + n * 0.02, 0) for n in range(count)]


def test_the_address_of_the_sdp_is_believed_at_once() -> None:
    assert learner().admitted == (PHONE,)


def test_another_source_is_learned_by_four_packets_after_its_first() -> None:
    stream = learner()
    assert send(stream, NAT, 5, 100.0) == [False, False, False, False, True]
    assert set(stream.admitted) == {NAT, PHONE}
    assert not stream.settle(NAT, 104.0)
    assert stream.settle(NAT, 100.1 + LEARNING_SECONDS)
    assert set(stream.admitted) == {NAT}
    assert not any(send(stream, ATTACKER, 50, 106.0))


def test_a_gap_begins_the_probation_again() -> None:
    stream = learner()
    assert not any(send(stream, NAT, 4, 100.0, 10))
    assert send(stream, NAT, 4, 100.2, 20) == [False, False, False, True]


def test_competing_sources_hold_each_other_up() -> None:
    stream = learner()
    for n in range(20):
        assert not stream.stray(NAT, n, 100 + n / 50, 0)
        assert not stream.stray(ATTACKER, n, 100 + n / 50, 0)


def test_nobody_is_learned_while_the_right_source_sends() -> None:
    stream = learner()
    for n in range(50):
        assert not stream.stray(ATTACKER, n, 100 + n / 50, accepted=n)


def test_a_flood_is_not_learned_unless_only_sequence_numbers_count() -> None:
    assert not any(learner().stray(ATTACKER, n, 100.0, 0) for n in range(200))
    assert learner(check_time=False).stray(ATTACKER, 0, 100.0, 0) is False
    stream = learner(check_time=False)
    assert [stream.stray(NAT, n, 100.0, 0) for n in range(5)][-1]


def test_time_alone_locks_nothing_that_was_never_heard() -> None:
    stream = learner()
    assert not stream.settle(None, 200.0)
    assert not stream.locked
    assert send(stream, NAT, 5, 200.0)[-1]


def test_new_sdp_begins_learning_again_and_keeps_the_known_source_until_the_new_one_is_heard() -> None:
    stream = learner()
    stream.settle(PHONE, 110.0)
    assert stream.locked
    assert not stream.aim(PHONE, 111.0)
    assert stream.locked
    moved = ("192.0.2.1", 5000)
    assert stream.aim(moved, 120.0, heard=PHONE)
    assert set(stream.admitted) == {PHONE, moved}
    assert stream.settle(moved, 121.0)
    assert set(stream.admitted) == {moved}


def test_a_phone_behind_nat_may_move_with_a_re_invite_that_names_the_same_address() -> None:
    stream = learner()
    assert send(stream, NAT, 5, 100.0)[-1]
    stream.settle(NAT, 110.0)
    assert not send(stream, ATTACKER, 5, 111.0)[-1]
    assert stream.aim(PHONE, 120.0, heard=NAT)
    assert send(stream, ("198.51.100.7", 61001), 5, 120.0)[-1]


def test_hold_without_an_address_admits_only_the_known_source() -> None:
    stream = learner()
    assert stream.aim(None, 101.0, heard=PHONE)
    assert stream.admitted == (PHONE,)
    fresh = SourceLearner(probation=4, check_time=True)
    assert fresh.aim(None, 100.0)
    assert fresh.admitted == ()

from __future__ import annotations

from pbx.testing.clock import EPOCH, FakeClock


def test_wall_time_and_timers_move_together() -> None:
    clock = FakeClock()
    seen: list[float] = []
    clock.call_later(2.5, lambda: seen.append(clock.now()))
    assert clock.next_timer_seconds() == 2.5
    clock.advance(2.0)
    assert seen == []
    assert clock.now() == EPOCH + 2.0
    clock.pump([0.25, 0.25])
    assert seen == [EPOCH + 2.5]
    assert clock.next_timer_seconds() is None


def test_sleep_ends_when_its_time_has_come() -> None:
    clock = FakeClock(start=0.0)
    woken: list[None] = []
    clock.sleep(1.0).addCallback(woken.append)
    clock.advance(0.9)
    assert woken == []
    clock.advance(0.2)
    assert woken == [None]

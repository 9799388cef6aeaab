from __future__ import annotations

import signal

import pytest

from pbx.cli.supervisor import MAX_DELAY_SECONDS, delay_before, describe_end


def test_the_first_crash_is_mended_at_once_and_a_loop_slows_down() -> None:
    delays = [delay_before(count) for count in range(1, 12)]
    assert delays[0] == 0.0
    assert delays[1:4] == [0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY_SECONDS


@pytest.mark.parametrize(
    ("status", "text"), [(-signal.SIGABRT, "signal SIGABRT"), (3, "exit status 3"), (-250, "signal 250")]
)
def test_an_end_in_words(status: int, text: str) -> None:
    assert describe_end(status) == text

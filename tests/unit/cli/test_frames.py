from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.cli import frames


@given(st.lists(st.tuples(st.sampled_from([b"O", b"C", b"M"]), st.text(max_size=50)), max_size=8), st.integers(1, 20))
def test_frames_survive_any_cutting(messages: list[tuple[bytes, str]], size: int) -> None:
    stream = b"".join(frames.encode(kind, text) for kind, text in messages)
    buffer = frames.FrameBuffer()
    received = []
    for start in range(0, len(stream), size):
        received += buffer.feed(stream[start : start + size])
    assert received == [(kind, text.encode()) for kind, text in messages]


def test_long_output_comes_in_pieces() -> None:
    text = "ä" * frames.MAX_PAYLOAD
    received = frames.FrameBuffer().feed(frames.encode_output(text))
    assert len(received) == 2
    assert b"".join(payload for _, payload in received).decode() == text
    assert frames.encode_output("") == b""


def test_too_long_a_frame_is_refused_on_both_sides() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        frames.encode(frames.COMMAND, "x" * (frames.MAX_PAYLOAD + 1))
    with pytest.raises(frames.FrameError):
        frames.FrameBuffer().feed(b"GET / HTTP/1.1\r\n\r\n")

"""A far end that turns to another codec of those agreed on, in the middle of a call and without a word in SIP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import MediaSettings
from pbx.media.parameters import AgreedCodec
from pbx.media.source_learner import StrictMode
from pbx.media.strict_rtp import TURN_SECONDS
from pbx.testing.media import MediaKit
from pbx.testing.rtp import throughout, tone

ULAW, ALAW = AgreedCodec("ulaw", 0, 0), AgreedCodec("alaw", 8, 8)


async def turns_and_turns_back(kit: MediaKit) -> None:
    a, b = kit.party("a", others=(ALAW,)), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    for payload_type, frequency in ((0, 700), (8, 1100), (0, 1500)):
        a.peer.payload_type = payload_type
        a.peer.packets.clear()
        await kit.wait(TURN_SECONDS)
        await a.peer.send_samples(tone(frequency, 0.5))
        assert throughout(b.peer.heard(), frequency, 0.4) > 6500
        # We send what we are sent (Asterisk: asymmetric_rtp_codec = no).
        await b.peer.send_samples(tone(frequency, 0.4))
        assert {packet.payload_type for packet in a.peer.packets[-5:]} == {payload_type}
        assert throughout(a.peer.heard(), frequency, 0.3) > 6500
    assert a.leg.stream_parameters is not None
    assert set(a.leg.stream_parameters.others) == {ALAW}


@ensureDeferred
async def test_the_stream_follows(kit: MediaKit) -> None:
    await turns_and_turns_back(kit)


@ensureDeferred
async def test_the_stream_follows_without_strictrtp(kits: Callable[[MediaSettings], MediaKit]) -> None:
    await turns_and_turns_back(kits(MediaSettings(rtp_start=31900, rtp_end=31949, strict_rtp=StrictMode.NO)))


@pytest.mark.parametrize("payload_type", [3, 9, 13, 126])
@ensureDeferred
async def test_what_was_not_agreed_on_is_dropped(kit: MediaKit, payload_type: int) -> None:
    a = kit.party("a", others=(ALAW,))
    a.peer.payload_type = payload_type
    for _ in range(10):
        a.peer.send(b"\xff" * 160)
        await kit.wait(0.01)
    assert a.leg.frames_received == 0
    assert a.leg.stream_parameters == a.parameters


@ensureDeferred
async def test_digits_come_with_either_codec(kit: MediaKit) -> None:
    a = kit.party("a", others=(ALAW,))
    digits: list[str] = []

    def heard(digit: str, duration_ms: int | None) -> None:
        if duration_ms is not None:
            digits.append(digit)

    a.leg.set_digit_listener(heard)
    a.peer.send_digit("5")
    await kit.until(lambda: digits == ["5"])
    a.peer.payload_type = 8
    await a.peer.send_samples(tone(700, 0.2))
    a.peer.send_digit("6")
    await kit.until(lambda: digits == ["5", "6"])

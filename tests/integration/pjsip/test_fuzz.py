"""Garbage on the UDP and TCP ports: the host answers OPTIONS afterwards."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path
from typing import Any

TORTURE = sorted((Path(__file__).parents[2] / "unit" / "pjsip" / "torture").glob("*.dat"))
SEED = 4475
ROUNDS = 1500


def damaged(rng: random.Random, raw: bytes) -> bytes:
    """``raw`` with a few bytes changed, left out, doubled, or moved."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data) + 1)
        deed = rng.randrange(5)
        if deed == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif deed == 1:
            del data[place : place + rng.randint(1, 20)]
        elif deed == 2:
            data[place:place] = data[place : place + rng.randint(1, 60)]
        elif deed == 3:
            data[place:place] = rng.choice(
                [b"\r\n", b"\0", b'"', b"<", b">", b";", b",", b":", b"%", b"\xff", b"[", b"\\"]
            )
        else:
            data[place:place] = rng.choice(
                [b"99999999999", b"-1", b"\r\n ", b";hide", b"sip:", b"tel:", b"*", b"A" * 300]
            )
    return bytes(data)


def test_damaged_messages_over_udp(process: Any) -> None:
    rng = random.Random(SEED)
    sources = [path.read_bytes() for path in TORTURE]
    sources += [process.request(method, "Contact: <sip:a@127.0.0.1>") for method in ("INVITE", "OPTIONS", "BYE", "ACK")]
    for number in range(ROUNDS):
        process.udp.send(damaged(rng, rng.choice(sources))[:60_000])
        if number % 50 == 49:
            process.assert_alive()


def test_noise_over_udp(process: Any) -> None:
    rng = random.Random(SEED)
    for number in range(300):
        process.udp.send(rng.randbytes(rng.randint(0, 1500)))
        if number % 50 == 49:
            process.assert_alive()


def test_damaged_messages_over_tcp(process: Any) -> None:
    rng = random.Random(SEED)
    source = process.request("INVITE", "Contact: <sip:a@127.0.0.1;transport=tcp>", protocol="TCP")
    for number in range(200):
        with socket.create_connection(("127.0.0.1", process.ports["tcp"]), 5.0) as stream, contextlib.suppress(OSError):
            for _ in range(5):
                stream.sendall(damaged(rng, source))
        if number % 25 == 24:
            process.assert_alive()


def test_every_torture_message(process: Any) -> None:
    for path in TORTURE:
        process.udp.send(path.read_bytes())
        process.assert_alive()

"""One call's misfortune is not another's: broken scripts, vanished phones, garbage."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import FOREIGN_SECONDS, THROUGHOUT_SHARE, assert_heard, write_tone
from pbx.testing.phone import PhoneCall

pytestmark = pytest.mark.e2e

#: Everything that listens, listens.
INTERFACES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\nbindport = 8088\n",
    "ari.conf": "[general]\nenabled = yes\n",
    "manager.conf": "[general]\nenabled = yes\nbindaddr = @host@\n",
}
LUA = """
extensions = { default = {
  ["600"] = function() app.Answer(); app.Echo() end,
  bob = function() app.Dial("PJSIP/bob", 20) end,
  boom = function() app.Answer(); local nothing; return nothing.field end,
  loop = function() app.Answer(); while true do end end,
  hog = function() app.Answer(); local t = {}; while true do t[#t + 1] = ("x"):rep(10000) .. #t end end,
  pattern = function() app.Answer(); return (('"'):rep(200)):find(('(".-"'):rep(4) .. "b") end,
} }
"""


async def _echo(server: Any, phones: Any, tmp_path: Path) -> PhoneCall:
    bob = await phones("bob", server)
    call: PhoneCall = await bob.call(server.sip_uri("600"))
    await call.confirmed()
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await call.record(tmp_path / "echo.wav")
    return call


async def _still_echoing(
    call: PhoneCall, phones: Any, tmp_path: Path, seconds: float, *, beside_a_hog: bool = False
) -> None:
    """The call that nobody meant any harm hears itself throughout.

    A script that computes until its budget is spent takes a processor for that time. The exchange's audio has threads
    of its own, but the phone's clock, which plays and records, then shares what is left (of two processors: one) with
    everything else that the test runs: it may falter for a fifth of the time before the exchange is to blame.
    """
    await phones.sleep(1.0)
    await call.stop_recording()
    share, foreign = (0.8, 0.4) if beside_a_hog else (THROUGHOUT_SHARE, FOREIGN_SECONDS)
    assert_heard(tmp_path / "echo.wav", 440, seconds, share=share, foreign_seconds=foreign)
    await call.hangup()
    await call.disconnected()


@pytest_twisted.ensureDeferred
async def test_lua_error_ends_that_call_only(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("extensions.lua", "stack traceback", "boom")
    echo = await _echo(server, phones, tmp_path)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("boom"))
    await call.disconnected()
    await server.wait_log(r"extensions\.lua:5: .*nothing")
    await _still_echoing(echo, phones, tmp_path, 0.9)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("extension", ["loop", "hog", "pattern"])
async def test_runaway_script_ends_that_call_only(
    live_server: Any, phones: Any, tmp_path: Path, extension: str
) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("extensions.lua", "stack traceback", "memory", extension)
    echo = await _echo(server, phones, tmp_path)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri(extension))
    await call.disconnected(timeout=15)
    await server.wait_log(r"extensions\.lua")
    await _still_echoing(echo, phones, tmp_path, 0.9, beside_a_hog=True)


@pytest_twisted.ensureDeferred
async def test_broken_file_keeps_the_old_plan(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("extensions.lua", "pbx_lua")
    (server.etc / "extensions.lua").write_text("extensions = { default = { ['600'] = function( end } }")
    said = await server.cli("dialplan reload")
    await server.wait_log(r"extensions\.lua:1:")
    assert "extensions.lua:1:" in said + server.log_text()
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("600"))
    await call.confirmed()
    await call.hangup()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_phone_that_vanishes(live_server: Any, phones: Any, transport: str) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("bob")
    alice = await phones("alice", server)
    bob = await phones("bob", server, transport=transport)
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    bob.kill()
    await phones.sleep(0.5)
    await call.hangup()
    await call.disconnected()
    await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_rtp_timeout_ends_the_call_of_a_vanished_phone(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, pjsip="[bob](+)\nrtp_timeout = 2\n[alice](+)\nrtp_timeout = 2\n")
    live_server.allow("bob", "RTP", "rtp")
    alice = await phones("alice", server)
    bob = await phones("bob", server)
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    bob.kill()
    await call.disconnected(timeout=10)
    await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_garbage_on_every_port_during_a_call(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA, files=INTERFACES)
    live_server.allow(r".")  # whatever is logged about garbage, the call and the server must live
    echo = await _echo(server, phones, tmp_path)
    await echo.media_state("active")
    host, _, rtp = echo.media[0]["remote"].rpartition(":")
    chance = random.Random(4475)
    sip = (server.host, server.sip_port)
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        for target in (sip, (host, int(rtp)), (host, int(rtp) + 1)):
            for length in (0, 1, 2, 3, 11, 12, 13, 28, 500, 1400, 4000, 4001, 9000):
                udp.sendto(chance.randbytes(length), target)
                udp.sendto(b"\x80\x00" + chance.randbytes(length), target)
                udp.sendto(b"\x80\xc8" + chance.randbytes(length), target)
    starts = (
        *(b"", b"INVITE ", b"SIP/2.0 200 OK\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n", b"\x16\x03\x01"),
        *(b"Action: Login\r\n", b"POST /ari/channels HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"\0\0\0\1"),
    )
    console = str(server.path("astrundir") / "asterisk.ctl")
    for start in starts:
        for port in (server.sip_port, 5038, 8088):
            with socket.create_connection((server.host, port), timeout=2) as tcp, suppress(OSError):
                tcp.sendall(start + chance.randbytes(3000))
        with socket.socket(socket.AF_UNIX) as stream, suppress(OSError):
            stream.connect(console)
            stream.sendall(start + chance.randbytes(3000))
    with socket.create_connection(sip, timeout=2) as tcp:
        tcp.sendall(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999999\r\n\r\n")
    await _still_echoing(echo, phones, tmp_path, 0.9)
    assert "Traceback" not in server.log_text()


@pytest_twisted.ensureDeferred
async def test_connections_that_say_nothing_do_not_stop_calls(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow(r"connection|TCP|tcp")
    silent = [socket.create_connection((server.host, server.sip_port), timeout=2) for _ in range(50)]
    try:
        echo = await _echo(server, phones, tmp_path)
        await _still_echoing(echo, phones, tmp_path, 0.7)
    finally:
        for connection in silent:
            connection.close()

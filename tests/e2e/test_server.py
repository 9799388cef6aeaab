"""The program: it starts, answers its console, reloads, stops, and comes back after an abort."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from pbx.testing.phone import Phone
from pbx.testing.server import LiveServer, ServerError

pytestmark = pytest.mark.e2e


# Registrations reach the disk at most this long after they were made.
ASTDB_SECONDS = 1.2


@pytest_twisted.ensureDeferred
async def test_starts_answers_and_stops(live_server: Any) -> None:
    server: LiveServer = await live_server()
    assert "Obelisk" in await server.cli("core show version")
    assert "fully booted" in await server.cli("core waitfullybooted")
    assert "0 active channels" in await server.cli("core show channels")
    assert "System uptime" in await server.cli("core show uptime")
    assert re.search(r"Call data records: +Enabled\n", await server.cli("core show settings"))
    assert "No such command" in await server.cli("no such thing")
    await server.check_clean()
    assert await server.stop() == 0


@pytest_twisted.ensureDeferred
async def test_the_console_is_reached_by_the_line_that_run_prints(live_server: Any) -> None:
    server: LiveServer = await live_server(supervise=True)
    program, *words = (await server.wait_log(r"^Console: (.*?)   "))[1].split()
    if shutil.which(program) is None:
        pytest.fail(f"there is no command {program}")
    assert "-m" not in words or program == sys.executable
    code, output = await server.program(*words[words.index("console") :], "-x", "core show version")
    assert code == 0
    assert "Obelisk" in output


@pytest_twisted.ensureDeferred
async def test_two_servers_side_by_side(live_server: Any) -> None:
    first: LiveServer = await live_server()
    second: LiveServer = await live_server()
    assert first.address != second.address
    assert "0 active calls" in await first.cli("core show channels")
    await first.stop()
    assert "0 active calls" in await second.cli("core show channels")


@pytest_twisted.ensureDeferred
async def test_stops_gracefully_when_the_last_call_has_ended(live_server: Any, phones: Any) -> None:
    server: LiveServer = await live_server(
        extensions="extensions = { default = { ['600'] = function() app.Answer(); app.Wait(20) end } }"
    )
    live_server.check_at_end = False
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("600"))
    await call.confirmed()
    stopping = ensureDeferred(server.cli("core stop gracefully"))
    assert "system" in (await server.cli("core show uptime")).lower()
    assert server.running
    assert not stopping.called
    await call.hangup()
    await server.wait_ended(10.0)
    assert await stopping == ""
    assert server.exit_code == 0


@pytest_twisted.ensureDeferred
async def test_wrong_configuration_names_its_place(live_server: Any) -> None:
    live_server.allow("no_such_option")
    server: LiveServer = await live_server(pjsip="[x]\ntype = endpoint\nno_such_option = 1\n")
    await server.wait_log(r"pjsip\.conf:\d+: \[x\] .*no_such_option")
    assert "0 active channels" in await server.cli("core show channels")
    code, said = await server.program("check", "-C", str(server.etc))
    assert code == 1
    assert "no_such_option" in said
    with pytest.raises(ServerError, match=r"rtp\.conf:2"):
        await live_server(files={"rtp.conf": "[general]\nrtpstart = many\n"})


@pytest_twisted.ensureDeferred
async def test_originate_from_the_console(live_server: Any, phones: Any) -> None:
    server: LiveServer = await live_server(
        extensions="extensions = { default = { ['600'] = function() app.Answer(); app.Echo() end } }"
    )
    alice = await phones("alice", server)
    await server.cli("channel originate PJSIP/alice extension 600@default")
    incoming = await alice.incoming()
    await incoming.answer()
    await incoming.confirmed()
    channel = (await server.channels())[0].partition("!")[0]
    assert channel.startswith("PJSIP/alice-")
    assert channel in await server.cli("core show channels concise")
    await server.cli(f"channel request hangup {channel}")
    await incoming.disconnected()


#: Seconds after an abort within which the exchange carries calls again.
BACK_SECONDS = 3.0
SUPERVISED = {
    "extensions": "extensions = { default = { alice = function() app.Dial('PJSIP/alice', 10) end } }",
    "files": {
        "logger.conf": "[general]\ndateformat = %s.%3q\n\n"
        "[logfiles]\nconsole => notice,warning,error,verbose\nfull.txt => notice,warning,error,verbose\n"
    },
    "supervise": True,
}


def _kept_waiting(pid: int) -> float:
    """Seconds in which a process (its main thread) was ready to run and other processes had all the processors."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


async def _outage(server: LiveServer, number: int) -> float:
    """End the exchange by a signal; seconds until the next one says that it is ready.

    What the exchange and its supervisor waited for a processor is the machine's and not counted: on a machine with
    nothing else to do it is nothing.
    """
    before, waited = server.worker_pid, _kept_waiting(server.pid)
    killed = time.time()
    os.kill(before, number)
    await server.wait_replaced(before, 30.0)
    await server.booted(30.0)
    waited = _kept_waiting(server.pid) - waited + _kept_waiting(server.worker_pid)
    ready = re.findall(r"^\[(\d+\.\d+)\] .*Asterisk Ready", server.log_text(), re.MULTILINE)
    return max(map(float, ready)) - killed - waited


async def _rings_and_talks(server: LiveServer, alice: Phone, bob: Phone) -> None:
    call = await bob.call(server.sip_uri("alice"))
    incoming = await alice.incoming()
    await incoming.answer()
    await call.confirmed()
    await call.hangup()
    await incoming.disconnected()


@pytest_twisted.ensureDeferred
async def test_supervised_server_is_back_after_an_abort(live_server: Any, phones: Any) -> None:
    server: LiveServer = await live_server(**SUPERVISED)
    live_server.check_at_end = False
    alice, bob = await phones("alice", server), await phones("bob", server)
    await server.sleep(ASTDB_SECONDS)
    assert 0 < await _outage(server, signal.SIGABRT) < BACK_SECONDS
    assert "alice" in await server.cli("pjsip show contacts")
    await _rings_and_talks(server, alice, bob)
    await server.wait_log("was started again: signal SIGABRT")


#: Runs in every Python that has its directory on the path: the server obeys a signal by breaking a promise to PJMEDIA.
ASSERTS_ON_SIGNAL = """
import signal

def violate(*_):
    from pbx.pjsip._abi import ffi
    from pbx.pjsip._abi.library import open_library
    open_library().pjmedia_conf_remove_port(ffi.NULL, 0)

signal.signal(signal.SIGRTMIN, violate)
"""


@pytest_twisted.ensureDeferred
async def test_a_failed_assertion_in_mid_call_is_in_the_log_of_the_next_server(
    live_server: Any, phones: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ASSERTS_ON_SIGNAL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server: LiveServer = await live_server(**SUPERVISED)
    live_server.check_at_end = False
    alice, bob = await phones("alice", server), await phones("bob", server)
    call = await bob.call(server.sip_uri("alice"))
    await (await alice.incoming()).answer()
    await call.confirmed()
    await server.sleep(ASTDB_SECONDS)
    assert 0 < await _outage(server, signal.SIGRTMIN) < BACK_SECONDS
    contacts = await server.cli("pjsip show contacts")
    assert "alice" in contacts
    assert "bob" in contacts
    full = (server.path("astlogdir") / "full.txt").read_text()
    told = full[full.index("the exchange crashed and was started again: signal SIGABRT") :]
    assert "pjmedia_conf_remove_port" in told
    assert "Assertion" in told
    # The call is lost, the phones are not: they are called at the addresses that they had registered before.
    await _rings_and_talks(server, alice, bob)


@pytest_twisted.ensureDeferred
async def test_shipped_configuration_starts(live_server: Any) -> None:
    shipped = Path(__file__).parents[2] / "conf"
    assert (shipped / "pjsip.conf").exists()
    assert (shipped / "extensions.lua").exists()
    server: LiveServer = await live_server(extensions=(shipped / "extensions.lua").read_text())
    assert "default" in await server.cli("dialplan show") or "extensions" in await server.cli("dialplan show")

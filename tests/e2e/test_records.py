"""Call detail records of real calls, and a caller who proves who it is by digits."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.sipp import run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

CDR = "[general]\nunanswered = yes\n[csv]\nloguniqueid = yes\n"
LUA = """
extensions = { default = {
  echo = function() app.Answer(); app.Echo() end,
  door = function() app.Authenticate("4711", "a"); app.Log("NOTICE", "let in"); app.Wait(20) end,
  bob = function() app.Dial("PJSIP/bob", 20) end,
} }
"""


def rows(server: Any) -> list[list[str]]:
    """Master.csv, or nothing while there is none."""
    path = server.path("astlogdir") / "cdr-csv" / "Master.csv"
    return list(csv.reader(path.read_text().splitlines())) if path.exists() else []


async def until_rows(server: Any, count: int) -> list[list[str]]:
    for _ in range(100):
        found = rows(server)
        if len(found) >= count:
            return found
        await server.sleep(0.05)
    raise AssertionError(f"{count} records are not there: {rows(server)}")


@pytest_twisted.ensureDeferred
async def test_every_call_of_a_load_generator_has_its_record(live_server: Any) -> None:
    from twisted.internet import reactor

    server = await live_server(
        extensions=LUA, trunks={"sipp": f"{process_address(os.getpid())}:5070"}, files={"cdr.conf": CDR}
    )
    result = await run_sipp(
        SCENARIOS / "uac_hangup.xml", server.address, reactor=reactor, service="echo", calls=5, transport="u1"
    )
    assert result.successful == 5
    await server.wait_no_channels()
    found = await until_rows(server, 5)
    assert {(row[2], row[3], row[7], row[14]) for row in found} == {("echo", "default", "Echo", "ANSWERED")}
    assert len({row[16] for row in found}) == 5
    assert "csv" in await server.cli("cdr show status")


@pytest_twisted.ensureDeferred
async def test_two_phones_and_a_door_with_a_number(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, files={"cdr.conf": CDR})
    alice, bob = await phones("alice", server), await phones("bob", server)
    call = await alice.call(server.sip_uri("bob"))
    at_bob = await bob.incoming()
    await at_bob.answer()
    await call.confirmed()
    assert "PJSIP/bob" in await server.cli("cdr show active")
    await at_bob.hangup()
    await call.disconnected()
    given_up = await alice.call(server.sip_uri("bob"))
    ringing = await bob.incoming()
    await given_up.hangup()
    await ringing.disconnected()
    found = await until_rows(server, 2)
    assert [(row[2], row[6].partition("-")[0], row[14]) for row in found] == [
        ("bob", "PJSIP/bob", "ANSWERED"),
        ("bob", "PJSIP/bob", "NO ANSWER"),
    ]
    door = await alice.call(server.sip_uri("door"))
    await door.confirmed()
    await door.media_state("active")
    await door.send_dtmf("1#4711#")
    await server.wait_log("let in", 10)
    await door.hangup()
    found = await until_rows(server, 3)
    assert (found[2][0], found[2][2], found[2][14]) == ("4711", "door", "ANSWERED")

"""Subroutines that Dial runs on the called telephone, hangup handlers of both legs, and a hundred calls in loops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.ami import AmiClient
from pbx.testing.sipp import run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

CONF = """
[default]
exten => 200,1,Set(CHANNEL(hangup_handler_push)=bye,s,1(caller))
 same => n,Dial(PJSIP/bob,20,gb(before^s^1(red))U(ask^${CALLERID(num)}))
 same => n,Log(NOTICE,dialled: ${DIALSTATUS} ${GOSUB_RETVAL})
 same => n,Hangup
exten => h,1,Log(NOTICE,h of ${CALLERID(num)})

exten => loop,1,Answer
 same => n,Set(I=0)
 same => n,While($[${I} < 5])
 same => n,Set(I=$[${I} + 1])
 same => n,Gosub(sum,s,1(${I},${TOTAL}))
 same => n,Set(TOTAL=${GOSUB_RETVAL})
 same => n,EndWhile
 same => n,If($[${TOTAL} = 15])
 same => n,Log(NOTICE,the sum is right)
 same => n,Hangup
 same => n,EndIf
 same => n,Wait(20)
exten => forever,1,Goto(1)

[sum]
exten => s,1,Return($[0${ARG2} + ${ARG1}])

[before]
exten => s,1,Set(PJSIP_HEADER(add,X-Colour)=${ARG1})
 same => n,Set(CHANNEL(hangup_handler_push)=bye,s,1(called))
 same => n,Return

[ask]
exten => s,1,Read(DIGIT,beep,1)
 same => n,Set(GOSUB_RESULT=${IF($["${DIGIT}" = "1"]?:CONTINUE)})
 same => n,Return(${ARG1} got ${DIGIT})

[bye]
exten => s,1,Log(NOTICE,bye ${ARG1}: ${HANGUPCAUSE})
 same => n,System(echo ${ARG1} >> ${ASTLOGDIR}/bye)
 same => n,Return
"""
MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@

[admin]
secret = sesame
read = all
write = all
"""


async def started(live_server: Any) -> Any:
    files = {"extensions.conf": CONF, "manager.conf": MANAGER_CONF}
    return await live_server(files=files, trunks={"sipp": f"{process_address(os.getpid())}:5070"})


@pytest_twisted.ensureDeferred
async def test_the_called_telephone_decides_and_both_have_handlers(live_server: Any, phones: Any) -> None:
    from twisted.internet import reactor

    server = await started(live_server)
    manager = await AmiClient.connect(reactor, server.host)
    await manager.login("admin", "sesame")
    alice, bob = await phones("alice", server), await phones("bob", server)

    call = await alice.call(server.sip_uri("200"))
    at_bob = await bob.incoming()
    assert at_bob.header("X-Colour") == "red"
    await at_bob.answer()
    await at_bob.confirmed()
    assert call.state != "CONFIRMED"
    await at_bob.send_dtmf("1")
    await call.confirmed()
    assert "bye,s,1(caller)" in await server.cli("core show hanguphandlers all")
    await call.hangup()
    await at_bob.disconnected()
    await server.wait_log("bye called: 16")
    await server.wait_log("h of alice\n(.*\n)*.*bye caller: 16")
    assert (await manager.event("HangupHandlerRun"))["Handler"] == "bye,s,1(called)"

    call = await alice.call(server.sip_uri("200"))
    at_bob = await bob.incoming()
    await at_bob.answer()
    await at_bob.confirmed()
    await at_bob.send_dtmf("5")
    await at_bob.disconnected()
    await call.disconnected()
    await server.wait_log("dialled: ANSWER alice got 5")
    await server.wait_no_channels()
    await manager.close()
    said = (server.path("astlogdir") / "bye").read_text().split()
    assert sorted(said) == ["called", "called", "caller", "caller"]


@pytest_twisted.ensureDeferred
async def test_a_hundred_calls_beside_one_that_never_ends(live_server: Any, phones: Any) -> None:
    from twisted.internet import reactor

    server = await started(live_server)
    alice = await phones("alice", server)
    forever = await alice.call(server.sip_uri("forever"))
    result = await run_sipp(SCENARIOS / "uac_until_bye.xml", server.address, reactor=reactor, service="loop", calls=100)
    assert result.successful == 100
    lines = (server.path("astlogdir") / "full.txt").read_text().splitlines()
    assert sum("NOTICE[" in line and line.endswith("the sum is right") for line in lines) == 100
    assert forever.state not in ("CONFIRMED", "DISCONNECTED")
    await forever.hangup()
    await forever.disconnected()
    await server.wait_no_channels()

"""Telephones call by extensions.conf, and the plan changes in the middle of a call."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

pytestmark = pytest.mark.e2e

CONF = """
[general]
static = yes
writeprotect = no

[globals]
SECONDS = 10

[dialled](!)
exten => _2XX,1,NoOp(${CALLERID(num)} dials ${EXTEN})
 same => n,Goto(to-${EXTEN:1})
 same => n(to-22),Hangup(1)
 same => n(to-00),Dial(PJSIP/bob,$[${SECONDS} * 2])
exten => h,1,Log(NOTICE,cause ${HANGUPCAUSE} after ${EXTEN})

[default](dialled)
include => more

[more]
exten => 201,1,Answer()
"""


@pytest_twisted.ensureDeferred
async def test_two_phones_and_a_plan_that_changes(live_server: Any, phones: Any) -> None:
    server = await live_server(files={"extensions.conf": CONF})
    alice, bob = await phones("alice", server), await phones("bob", server)
    refused = await alice.call(server.sip_uri("222"))
    await refused.disconnected()
    assert refused.code == 404
    call = await alice.call(server.sip_uri("200"))
    at_bob = await bob.incoming()
    await at_bob.answer()
    await call.confirmed()
    assert "'_2XX' =>" in await server.cli("dialplan show 200@default")
    await server.cli("dialplan add extension 300,1,Answer into more")
    assert "successfully saved" in await server.cli("dialplan save")
    (server.etc / "extensions.conf").write_text((server.etc / "extensions.conf").read_text().replace("_2XX", "_4XX"))
    assert "Dialplan reloaded." in await server.cli("dialplan reload")
    assert len(await server.channels()) == 2
    assert "There is no existence of 200@default" in await server.cli("dialplan show 200@default")
    await at_bob.hangup()
    await call.disconnected()
    await server.wait_log("cause 16 after h")
    again = await alice.call(server.sip_uri("300"))
    await again.confirmed()
    await again.disconnected()
    gone = await alice.call(server.sip_uri("200"))
    await gone.disconnected()
    assert gone.code == 404

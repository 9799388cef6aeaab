"""A telephone's registration, ringing, answer, hold and hangup as states of its extension."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ami import AmiClient

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = {
  bob = function() app.Dial("PJSIP/bob", 20) end,
} }
hints = { default = { ["200"] = "PJSIP/bob&Custom:bob", ["_30X"] = "PJSIP/bob" } }
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


@pytest_twisted.ensureDeferred
async def test_the_state_of_an_extension_follows_its_telephone(live_server: Any, phones: Any) -> None:
    from twisted.internet import reactor

    server = await live_server(extensions=LUA, files={"manager.conf": MANAGER_CONF})
    client = await AmiClient.connect(reactor, server.host)
    await client.login("admin", "sesame")
    asked = await client.action("ExtensionState", Exten="200", Context="default")
    assert (asked["Status"], asked["StatusText"]) == ("4", "Unavailable")
    alice, bob = await phones("alice", server), await phones("bob", server)
    assert (await client.event("DeviceStateChange", Device="PJSIP/bob"))["State"] == "NOT_INUSE"
    assert (await client.event("ExtensionStatus", Exten="200"))["StatusText"] == "Idle"
    assert (await client.action("ExtensionState", Exten="305"))["Hint"] == "PJSIP/bob"
    call = await alice.call(server.sip_uri("bob"))
    at_bob = await bob.incoming()
    await at_bob.ring()
    assert (await client.event("ExtensionStatus", Exten="200", Status="8"))["StatusText"] == "Ringing"
    await client.event("ExtensionStatus", Exten="305", Status="8")
    await at_bob.answer()
    await call.confirmed()
    await client.event("ExtensionStatus", Exten="200", Status="1")
    assert "State:InUse" in await server.cli("core show hint 200")
    await call.hangup()
    await at_bob.disconnected()
    await client.event("DeviceStateChange", Device="PJSIP/bob", State="NOT_INUSE")
    assert (await client.event("ExtensionStatus", Exten="200", Status="0"))["Hint"] == "PJSIP/bob&Custom:bob"
    await client.action("Setvar", Variable="DEVICE_STATE(Custom:bob)", Value="BUSY")
    await client.event("ExtensionStatus", Exten="200", Status="2")
    await client.close()

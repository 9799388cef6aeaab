"""A live exchange with a manager, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_twisted

from pbx.testing.ami import AmiClient
from pbx.testing.server import LiveServer

MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@
authtimeout = 2
authlimit = 20

[admin]
secret = sesame-admin
read = all
write = all

[reader]
secret = sesame-reader
read = all
write =

[slow]
secret = sesame-slow
read = all
write = all
writetimeout = 1000
"""

EXTENSIONS = """
extensions = { internal = {
    ["100"] = function() app.Answer() app.Wait(30) end,
    ["101"] = function() app.Dial("PJSIP/alice", 20) end,
} }
"""

PLAN = """
[plan]
exten = 102,1,Answer()
same = n,Wait(30)
same = n,UserEvent(After)
same = n,Wait(30)
"""

PJSIP = """
[default_outbound_endpoint]
type = endpoint

[trunk]
type = registration
server_uri = sip:@host@:@port@
client_uri = sip:account@127.0.0.1
max_random_initial_delay = 3600
outbound_auth = alice
"""

Connect = Callable[..., Awaitable[AmiClient]]


@pytest_twisted.async_yield_fixture(scope="module")
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(
        reactor=reactor,
        extensions=EXTENSIONS,
        files={"extensions.conf": PLAN, "manager.conf": MANAGER_CONF, "pjsip_notify.conf": "[news]\nEvent = news\n"},
        pjsip=PJSIP,
    )
    yield server
    await server.check_clean(allowed=("module manager failed to reload",))
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


@pytest_twisted.async_yield_fixture
async def connect(server: LiveServer) -> AsyncIterator[Connect]:
    from twisted.internet import reactor

    clients: list[AmiClient] = []

    async def make(user: str = "admin", *, login: bool = True) -> AmiClient:
        client = await AmiClient.connect(reactor, server.host)
        clients.append(client)
        if login:
            reply = await client.login(user, f"sesame-{user}")
            assert reply["Response"] == "Success", reply
        return client

    yield make
    for client in clients:
        await client.close()

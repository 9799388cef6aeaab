"""A live exchange with ARI, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_twisted

from pbx.testing.ari import AriClient, AriEvents
from pbx.testing.server import LiveServer

HTTP_CONF = """
[general]
enabled = yes
bindaddr = @host@
session_limit = 60
sessions_per_address = 50
session_inactivity = 1500
session_keep_alive = 2000
"""
ARI_CONF = """
[general]
enabled = yes
allowed_origins = http://good.example
channelvars = COLOUR
websocket_write_timeout = 1000

[ari]
type = user
password = sesame-ari

[reader]
type = user
read_only = yes
password = sesame-reader

[hashed]
type = user
password_format = crypt
password = {hashed}

[elsewhere]
type = user
password = sesame-elsewhere
deny = 0.0.0.0/0
permit = 192.0.2.0/24
"""
EXTENSIONS = """
extensions = { internal = {
    ["100"] = function() app.Answer() app.Wait(30) end,
    ["101"] = function() app.Stasis("hello", "one", "two") app.Hangup() end,
    ["102"] = function() app.Answer() app.UserEvent("Seen", "colour: red") app.Wait(30) end,
} }
"""

Connect = Callable[..., Awaitable[AriClient]]
Listen = Callable[..., Awaitable[AriEvents]]


def hashed_password(password: str) -> str:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    return crypt.crypt(password, "$6$saltsalt$")


@pytest_twisted.async_yield_fixture(scope="module")
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    ari_conf = ARI_CONF.format(hashed=hashed_password("sesame-hashed"))
    server = await LiveServer.start(
        reactor=reactor, extensions=EXTENSIONS, files={"http.conf": HTTP_CONF, "ari.conf": ari_conf}
    )
    yield server
    await server.check_clean(allowed=("module res_ari failed to reload",))
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


@pytest_twisted.async_yield_fixture
async def connect(server: LiveServer) -> AsyncIterator[Connect]:
    from twisted.internet import reactor

    clients: list[AriClient] = []

    async def make(user: str = "ari", password: str | None = None) -> AriClient:
        chosen = f"sesame-{user}" if password is None else password
        client = await AriClient.connect(reactor, server.host, user, chosen)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest_twisted.async_yield_fixture
async def ari(connect: Connect) -> AsyncIterator[AriClient]:
    yield await connect()


@pytest_twisted.async_yield_fixture
async def listen(server: LiveServer) -> AsyncIterator[Listen]:
    from twisted.internet import reactor

    sockets: list[AriEvents] = []

    async def make(app: str, user: str = "ari", **options: object) -> AriEvents:
        socket = await AriEvents.connect(
            reactor,
            server.host,
            user,
            f"sesame-{user}",
            app=app,
            **options,  # type: ignore[arg-type]
        )
        sockets.append(socket)
        return socket

    yield make
    for socket in sockets:
        await socket.close()

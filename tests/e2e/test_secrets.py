"""Secrets and api_key are in no log, whatever is logged: after logins good and bad over AMI, ARI and SIP."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ami import AmiClient
from pbx.testing.ari import AriClient, AriEvents, HandshakeRefused
from pbx.testing.phone import RegistrationRefused

pytestmark = pytest.mark.e2e

WRONG = "wrong-horse"
FILES = {
    "logger.conf": "[general]\n[logfiles]\nfull.txt => *,verbose(*),debug(*)\nconsole => *,verbose(*),debug(*)\n"
    "security.txt => security\n",
    "manager.conf": "[general]\nenabled = yes\nbindaddr = @host@\n"
    "[boss]\nsecret = battery-ami\nread = all\nwrite = all\n",
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\n",
    "ari.conf": "[general]\nenabled = yes\n[boss]\ntype = user\npassword = battery-ari\n",
}
NOISE = (
    *("core set verbose 10", "core set debug 10", "pjsip set logger on", "pjsip set logger verbose on"),
    *("ari set debug all on", "manager set debug on"),
)


def forms(secret: str, user: str) -> set[str]:
    """A secret as it may stand in a log: plain, or as HTTP carries it."""
    return {secret, base64.b64encode(f"{user}:{secret}".encode()).decode().rstrip("=")}


@pytest_twisted.ensureDeferred
async def test_no_log_holds_a_secret(live_server: Any, phones: Any) -> None:
    from twisted.internet import reactor

    server = await live_server(files=FILES)
    for command in NOISE:
        await server.cli(command)
    for secret in ("battery-ami", WRONG):
        client = await AmiClient.connect(reactor, server.host)
        await client.login("boss", secret)
        await client.close()
    for key in ("boss:battery-ari", f"boss:{WRONG}", f"nobody:{WRONG}"):
        nobody = await AriClient.connect(reactor, server.host, "")
        await nobody.get("/asterisk/ping", api_key=key)
        await nobody.post("/channels/none/play", api_key=key, media="sound:x")
        await nobody.post("/asterisk/variable", form={"api_key": key, "variable": "A", "value": "1"})
        await nobody.get("/nowhere", api_key=key)
        await nobody.close()
    basic = await AriClient.connect(reactor, server.host, "boss", "battery-ari")
    assert (await basic.get("/asterisk/ping")).status == 200
    await basic.close()
    events = await AriEvents.connect(reactor, server.host, "boss", "battery-ari", app="quiet")
    await events.close()
    with pytest.raises(HandshakeRefused):
        await AriEvents.connect(reactor, server.host, "boss", WRONG, app="quiet")
    alice = await phones("alice", server)
    await alice.register(server.address, password=server.passwords["alice"])
    with pytest.raises(RegistrationRefused):
        await alice.register(server.address, password=WRONG)
    for command in ("manager show user boss", "ari show user boss", "pjsip show auth alice", "core show settings"):
        shown = await server.cli(command)
        assert "battery" not in shown, command
    secrets = forms("battery-ami", "boss") | forms("battery-ari", "boss") | forms(server.passwords["alice"], "alice")
    secrets |= forms(WRONG, "boss") | forms(WRONG, "nobody")
    logs = {path.name: path.read_text(errors="replace") for path in server.path("astlogdir").rglob("*.txt")}
    logs["output"] = server.log_text()
    assert "full.txt" in logs
    assert "REGISTER sip:" in logs["full.txt"], "the trace of SIP was not on"
    for name, text in logs.items():
        for secret in secrets:
            assert secret not in text, f"{name} holds {secret}"

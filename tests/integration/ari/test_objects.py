"""Stored objects, mailboxes and text messages over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_twisted

from pbx.testing.ari import AriClient, AriEvents
from pbx.testing.server import LiveServer

Listen = Callable[..., Awaitable[AriEvents]]
ALICE = "/asterisk/config/dynamic/res_pjsip/endpoint/stored"


@pytest_twisted.async_yield_fixture(scope="module")
async def stored_server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    files = {
        "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\n",
        "ari.conf": "[general]\nenabled = yes\n[ari]\ntype=user\npassword=sesame-ari\n"
        "[reader]\ntype=user\nread_only=yes\npassword=sesame-reader\n",
        "sorcery.conf": "[res_pjsip]\nendpoint = memory\nendpoint = config,pjsip.conf,criteria=type=endpoint\n"
        "auth = memory\nauth = config,pjsip.conf,criteria=type=auth\n",
    }
    server = await LiveServer.start(reactor=reactor, files=files)
    yield server
    await server.check_clean()
    assert "sesame" not in server.log_text()
    await server.stop()


@pytest_twisted.async_yield_fixture
async def store(stored_server: LiveServer) -> AsyncIterator[AriClient]:
    from twisted.internet import reactor

    client = await AriClient.connect(reactor, stored_server.host, "ari", "sesame-ari")
    yield client
    await client.close()


def fields(**values: str) -> dict[str, Any]:
    return {"fields": [{"attribute": name, "value": value} for name, value in values.items()]}


def as_dict(reply: Any) -> dict[str, str]:
    return {each["attribute"]: each["value"] for each in reply.json}


async def test_objects_are_made_changed_and_deleted(store: AriClient) -> None:
    made = await store.put(ALICE, document=fields(allow="!all,ulaw,alaw", context="local"))
    assert made.status == 200, made
    assert (as_dict(made)["context"], as_dict(made)["allow"]) == ("local", "(ulaw|alaw)")
    changed = await store.put(ALICE, document=fields(context="other"))
    assert (as_dict(changed)["context"], as_dict(changed)["allow"]) == ("other", "(ulaw|alaw)")
    assert as_dict(await store.get(ALICE))["context"] == "other"
    listed = (await store.get("/endpoints")).json
    assert "stored" in [each["resource"] for each in listed]
    assert (await store.put(ALICE)).status == 400
    assert (await store.delete(ALICE)).status == 204
    assert (await store.get(ALICE)).status == 404
    assert (await store.delete(ALICE)).status == 404


async def test_what_cannot_be_stored_is_refused(store: AriClient) -> None:
    asked = fields(allow="ulaw")
    for wrong in ("BAD/endpoint/x", "res_pjsip/BAD/x", "res_pjsip_nothing/endpoint/x"):
        reply = await store.put(f"/asterisk/config/dynamic/{wrong}", document=asked)
        assert reply.status == 404, wrong
        assert (await store.get(f"/asterisk/config/dynamic/{wrong}")).status == 404
    bad = await store.put(ALICE, document=fields(allow="BLECH"))
    assert bad.status == 400
    assert "blech" in bad.message
    for document in ({"fields": "none"}, {"fields": [{"attribute": "allow"}]}, {"fields": [7]}):
        assert (await store.put(ALICE, document=document)).status == 400
    aor = await store.put("/asterisk/config/dynamic/res_pjsip/aor/x", document=fields(max_contacts="1"))
    assert (aor.status, aor.message) == (403, "Cannot create sorcery objects of type 'aor'")


async def test_a_reader_sees_no_secrets(store: AriClient, stored_server: LiveServer) -> None:
    from twisted.internet import reactor

    auth = "/asterisk/config/dynamic/res_pjsip/auth/hidden"
    made = await store.put(auth, document=fields(auth_type="userpass", username="u", password="sesame-auth"))
    assert made.status == 200, made
    assert as_dict(made)["password"] == "sesame-auth"
    reader = await AriClient.connect(reactor, stored_server.host, "reader", "sesame-reader")
    shown = await reader.get(auth)
    assert "sesame" not in str(shown.json)
    assert (await reader.delete(auth)).status == 403
    await reader.close()
    assert (await store.delete(auth)).status == 204


async def test_mailboxes(ari: AriClient) -> None:
    assert (await ari.get("/mailboxes/none")).status == 404
    assert (await ari.put("/mailboxes/box@ari", oldMessages=2, newMessages=1)).status == 204
    assert (await ari.get("/mailboxes/box@ari")).json == {"name": "box@ari", "old_messages": 2, "new_messages": 1}
    assert "box@ari" in [each["name"] for each in (await ari.get("/mailboxes")).json]
    assert (await ari.put("/mailboxes/box@ari", oldMessages=2)).status == 400
    assert (await ari.put("/mailboxes/a%2Fb", oldMessages=2, newMessages=1)).status == 400
    assert (await ari.delete("/mailboxes/box@ari")).status == 204
    assert (await ari.delete("/mailboxes/box@ari")).status == 404


async def test_messages_to_nowhere_are_refused(ari: AriClient) -> None:
    for to in ("nothing:alice", "pjsip:nobody"):
        sent = await ari.put("/endpoints/sendMessage", document={"to": to, "from": "me", "body": "x"})
        assert sent.status == 404, to
    assert (await ari.put("/endpoints/PJSIP/nobody/sendMessage", document={"from": "me"})).status == 404
    assert (await ari.put("/endpoints/PJSIP/nobody/sendMessage")).status == 400


async def test_log_channels_are_shown_as_asterisk_shows_them(ari: AriClient, server: LiveServer) -> None:
    assert (await ari.post("/asterisk/logging/extra.txt", configuration="warning,notice")).status == 204
    file = server.path("astlogdir") / "extra.txt"
    assert file.exists()
    shown = {each["channel"]: each for each in (await ari.get("/asterisk/logging")).json}
    assert shown[str(file)] == {
        "channel": str(file),
        "type": "File",
        "status": "Enabled",
        "configuration": "NOTICE WARNING ",
    }
    assert (await ari.delete("/asterisk/logging/extra.txt")).status == 204


async def test_modules_of_the_core_and_those_without_reload(ari: AriClient) -> None:
    names = [each["name"] for each in (await ari.get("/asterisk/modules")).json]
    assert {"manager", "http", "res_pjsip.so"} & set(names) >= {"http", "res_pjsip.so"}
    assert (await ari.put("/asterisk/modules/chan_pjsip.so")).status == 409
    assert (await ari.put("/asterisk/modules/app_playback.so")).status == 204


async def test_claims_of_calls_that_nobody_offers(ari: AriClient) -> None:
    assert (await ari.post("/events/claim", channelId="none", application="x")).status == 404
    assert (await ari.post("/events/claim", application="x")).status == 400
    assert (await ari.post("/events/claim", channelId="none")).status == 400

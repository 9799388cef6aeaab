"""Requests over HTTP to a live exchange: who may ask, how parameters come, what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pbx.testing.ari import AriClient, segment
from pbx.testing.server import LiveServer

Connect = Callable[..., Awaitable[AriClient]]


async def test_an_object_and_the_headers_of_every_reply(ari: AriClient) -> None:
    reply = await ari.get("/asterisk/ping")
    assert reply.status == 200
    assert reply.json["ping"] == "pong"
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", reply.json["asterisk_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}", reply.json["timestamp"])
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-cache, no-store"
    assert reply.headers["server"].startswith("Asterisk/22")
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert b"\n" not in reply.body


async def test_info(ari: AriClient) -> None:
    info = (await ari.get("/asterisk/info")).json
    assert set(info) == {"build", "system", "config", "status"}
    assert info["system"]["version"].startswith("22.")
    only = (await ari.get("/asterisk/info", only="system,status")).json
    assert set(only) == {"system", "status"}
    assert (await ari.get("/asterisk/info", only="secrets")).status == 400


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("ari", "sesame-ari", 200),
        ("ari", "wrong", 401),
        ("nobody", "sesame-ari", 401),
        ("", "", 401),
        ("hashed", "sesame-hashed", 200),
        ("hashed", "sesame-hasher", 401),
        ("elsewhere", "sesame-elsewhere", 403),
    ],
)
async def test_who_may_ask(connect: Connect, user: str, password: str, status: int) -> None:
    client = await connect(user, password)
    for _ in range(2):
        reply = await client.get("/asterisk/ping")
        assert reply.status == status
    if status == 401:
        assert reply.message == "Authentication required"
        assert reply.headers["www-authenticate"] == 'Basic realm="Asterisk REST Interface"'


async def test_api_key_in_query_and_form(connect: Connect) -> None:
    nobody = await connect("")
    assert (await nobody.get("/asterisk/ping", api_key="ari:sesame-ari")).status == 200
    form = {"api_key": "ari:sesame-ari", "variable": "FORM", "value": "a b"}
    assert (await nobody.post("/asterisk/variable", form=form)).status == 204
    assert (await nobody.get("/asterisk/ping", api_key="ari:sesame")).status == 401
    assert (await nobody.get("/asterisk/ping", headers={"Authorization": "Bearer x"})).status == 401


async def test_a_read_only_user_reads_only(connect: Connect) -> None:
    reader = await connect("reader")
    assert (await reader.get("/channels")).json == []
    for method, path in [
        ("POST", "/asterisk/variable?variable=A&value=b"),
        ("DELETE", "/asterisk/modules/res_ari_events"),
        ("PUT", "/deviceStates/Stasis:x?deviceState=INUSE"),
        ("POST", "/channels?endpoint=Local/100@internal&extension=100&context=internal"),
    ]:
        assert (await reader.request(method, path)).status == 403
    assert (await reader.request("OPTIONS", "/channels")).status == 204


async def test_parameters_come_in_three_ways(ari: AriClient) -> None:
    async def value() -> Any:
        return (await ari.get("/asterisk/variable", variable="WAY")).json["value"]

    assert (await ari.post("/asterisk/variable", variable="WAY", value="query +&=ü")).status == 204
    assert await value() == "query +&=ü"
    assert (await ari.post("/asterisk/variable", form={"variable": "WAY", "value": "form"})).status == 204
    assert await value() == "form"
    document = {"variable": "WAY", "value": "document"}
    assert (await ari.post("/asterisk/variable?variable=WAY&value=query", document=document)).status == 204
    assert await value() == "document"
    assert (await ari.post("/asterisk/variable?variable=OTHER&value=x&variable=WAY&value=last")).status == 204
    assert await value() == "last"


async def test_functions_as_variables(ari: AriClient) -> None:
    assert (await ari.get("/asterisk/variable", variable="EVAL(1)")).status in {200, 403}
    assert (await ari.get("/asterisk/variable", variable="SHELL(id)")).status in {200, 403}
    assert (await ari.get("/asterisk/variable", variable="SHELL(id)")).json.get("value", "") == ""
    assert (await ari.get("/asterisk/variable")).message == "Variable name is required"


async def test_routes_and_methods(ari: AriClient) -> None:
    for path in ("/nothing", "/channels/1/2/3/4", "/asterisk", "/applications/none"):
        assert (await ari.get(path)).status == 404
    wrong = await ari.request("PATCH", "/asterisk/info")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET,OPTIONS")
    slash = await ari.get("/asterisk/info/")
    assert slash.status == 404
    assert "slash" in slash.message
    options = await ari.request("OPTIONS", "/asterisk/variable")
    assert (options.status, options.headers["allow"], options.body) == (204, "GET,OPTIONS,POST", b"")


async def test_segments_are_decoded_one_by_one(ari: AriClient) -> None:
    assert (await ari.get(f"/deviceStates/{segment('PJSIP/alice')}")).json == {
        "name": "PJSIP/alice",
        "state": "UNAVAILABLE",
    }
    assert (await ari.get("/deviceStates/PJSIP/alice")).status == 404
    assert (await ari.get("/endpoints/PJSIP/%61lice")).json["resource"] == "alice"
    assert (await ari.get("/endpoints/PJSIP/%FF%00")).status == 400


async def test_cross_origin(ari: AriClient) -> None:
    good = {"Origin": "http://good.example", "Access-Control-Request-Method": "POST"}
    reply = await ari.request(
        "OPTIONS", "/asterisk/variable", headers={**good, "Access-Control-Request-Headers": "x-any"}
    )
    assert reply.headers["access-control-allow-origin"] == "http://good.example"
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert reply.headers["access-control-allow-methods"] == "GET,OPTIONS,POST"
    assert reply.headers["access-control-allow-headers"] == "x-any"
    bad = await ari.get("/asterisk/ping", headers={"Origin": "http://bad.example"})
    assert "access-control-allow-origin" not in bad.headers


async def test_endpoints(ari: AriClient) -> None:
    everyone = (await ari.get("/endpoints")).json
    alice = {"technology": "PJSIP", "resource": "alice", "state": "offline", "channel_ids": []}
    assert [each["resource"] for each in everyone] == ["alice", "bob"]
    assert everyone[0] == alice
    assert (await ari.get("/endpoints/pjsip")).json == everyone
    assert (await ari.get("/endpoints/PJSIP/alice")).json == alice
    assert (await ari.get("/endpoints/PJSIP/carol")).status == 404
    assert (await ari.get("/endpoints/IAX2")).status == 404


async def test_device_states(ari: AriClient) -> None:
    device = "/deviceStates/" + segment("Stasis:lamp")
    assert (await ari.put(device, deviceState="INUSE")).status == 204
    assert (await ari.get(device)).json == {"name": "Stasis:lamp", "state": "INUSE"}
    assert {"name": "Stasis:lamp", "state": "INUSE"} in (await ari.get("/deviceStates")).json
    assert (await ari.put(device, deviceState="PURPLE")).status == 400
    assert (await ari.put(device)).status == 400
    assert (await ari.put("/deviceStates/PJSIP%2Falice", deviceState="INUSE")).status == 409
    assert (await ari.delete(device)).status == 204
    # As in Asterisk, what is not there can be taken away.
    assert (await ari.delete(device)).status == 204
    assert (await ari.get(device)).json["state"] == "UNKNOWN"


async def test_modules(ari: AriClient, server: LiveServer) -> None:
    modules = {each["name"]: each for each in (await ari.get("/asterisk/modules")).json}
    assert modules["res_ari.so"]["status"] == "Running"
    assert (await ari.get("/asterisk/modules/res_ari")).json == modules["res_ari.so"]
    assert (await ari.get("/asterisk/modules/res_none.so")).status == 404
    assert (await ari.post("/asterisk/modules/res_ari.so")).status == 409
    assert (await ari.delete("/asterisk/modules/res_ari.so")).status == 409
    assert (await ari.delete("/asterisk/modules/res_ari_endpoints.so")).status == 204
    assert (await ari.get("/endpoints")).status == 404
    assert (await ari.get("/api-docs/endpoints.json")).status == 404
    assert (await ari.delete("/asterisk/modules/res_ari_endpoints.so")).status == 404
    assert (await ari.post("/asterisk/modules/res_ari_endpoints.so")).status == 204
    assert (await ari.get("/endpoints")).status == 200
    assert (await ari.put("/asterisk/modules/res_ari.so")).status == 204
    good = (server.etc / "ari.conf").read_text()
    (server.etc / "ari.conf").write_text(good + "[broken]\ntype = user\nread_only = perhaps\n")
    assert (await ari.put("/asterisk/modules/res_ari.so")).status == 409
    assert (await ari.get("/asterisk/ping")).status == 200
    (server.etc / "ari.conf").write_text(good)


async def test_log_channels(ari: AriClient, server: LiveServer) -> None:
    assert (await ari.post("/asterisk/logging/ari-test.txt", configuration="notice,warning")).status == 204
    listed = {each["channel"]: each for each in (await ari.get("/asterisk/logging")).json}
    assert listed[str(server.path("astlogdir") / "ari-test.txt")]["configuration"] == "NOTICE WARNING "
    assert (await ari.post("/asterisk/logging/ari-test.txt", configuration="notice")).status == 409
    assert (await ari.put("/asterisk/logging/ari-test.txt/rotate")).status == 204
    assert (await ari.delete("/asterisk/logging/ari-test.txt")).status == 204
    assert (await ari.delete("/asterisk/logging/ari-test.txt")).status == 404
    for name in ("../../outside.txt", "/etc/outside.txt", "console", ".hidden"):
        assert (await ari.post(f"/asterisk/logging/{segment(name)}", configuration="notice")).status == 400


async def test_swagger(ari: AriClient) -> None:
    listing = (await ari.get("/api-docs/resources.json")).json
    assert (listing["apiVersion"], listing["swaggerVersion"]) == ("10.0.0", "1.1")
    assert listing["basePath"].endswith(":8088/ari")
    for api in listing["apis"]:
        declaration = (await ari.get(api["path"].replace("{format}", "json"))).json
        assert declaration["apiVersion"] == "2.0.0"
        for each in declaration["apis"]:
            for operation in each["operations"]:
                assert operation["nickname"]
                assert set(re.findall(r"\{(\w+)\}", each["path"])) == {
                    p["name"] for p in operation.get("parameters", ()) if p["paramType"] == "path"
                }
    events = (await ari.get("/api-docs/events.json")).json["models"]
    assert set(events["Event"]["subTypes"]) >= {"StasisStart", "ChannelDestroyed", "PlaybackFinished"}
    assert events["Message"]["discriminator"] == "type"
    assert (await ari.get("/api-docs/nothing.json")).status == 404
    assert (await ari.post("/api-docs/events.json")).status == 405


async def test_openapi(ari: AriClient) -> None:
    document = (await ari.get("/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]


async def test_the_console(server: LiveServer) -> None:
    assert "/ari/... => Asterisk RESTful API" in await server.cli("http show status")
    assert "User count: 4" in await server.cli("ari show status")
    assert "Yes   reader" in await server.cli("ari show users")
    assert "ACL?: Yes" in await server.cli("ari show user elsewhere")

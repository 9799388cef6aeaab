"""PJSIPSetMaintenance, PJSIPShowMaintenance; PJSIPMaintenanceStatus is said of each change."""

from __future__ import annotations

import pytest_twisted

from tests.integration.ami.conftest import Connect


@pytest_twisted.ensureDeferred
async def test_endpoints_go_into_maintenance_and_out_of_it(connect: Connect) -> None:
    client = await connect()
    reply = await client.action("PJSIPSetMaintenance", Endpoint="alice", State="on")
    assert reply["Message"] == "Maintenance mode enabled"
    event = await client.event("PJSIPMaintenanceStatus")
    assert (event["Endpoint"], event["Status"]) == ("alice", "enabled")
    shown = await client.list("PJSIPShowMaintenance")
    assert [(each["Endpoint"], each["Status"]) for each in shown] == [("alice", "enabled")]
    shown = await client.list("PJSIPShowMaintenance", Endpoint="nobody")
    assert [(each["Endpoint"], each["Status"]) for each in shown] == [("nobody", "disabled")]
    reply = await client.action("PJSIPSetMaintenance", Endpoint="all", State="off")
    assert reply["Message"] == "Maintenance mode disabled for all endpoints"
    assert await client.list("PJSIPShowMaintenance") == []


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_set(connect: Connect) -> None:
    client = await connect()
    for headers, why in (
        ({"State": "on"}, "Endpoint parameter missing"),
        ({"Endpoint": "alice"}, "State parameter missing"),
        ({"Endpoint": "alice", "State": "maybe"}, "State must be 'on' or 'off'"),
        ({"Endpoint": "nobody", "State": "on"}, "Endpoint 'nobody' not found"),
    ):
        assert (await client.action("PJSIPSetMaintenance", **headers))["Message"] == why

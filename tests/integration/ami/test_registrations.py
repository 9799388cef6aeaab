"""PJSIPRegister, PJSIPUnregister, PJSIPShowRegistrationsOutbound, PJSIPQualify; Registry is said after each try."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.integration.ami.conftest import Connect


@pytest_twisted.ensureDeferred
async def test_registrations_are_listed(connect: Connect) -> None:
    client = await connect()
    items = await client.list("PJSIPShowRegistrationsOutbound")
    assert [each["Event"] for each in items] == ["OutboundRegistrationDetail", "AuthDetail"]
    detail, auth = items
    assert detail["ObjectName"] == "trunk"
    assert (detail["Expiration"], detail["AuthRejectionPermanent"]) == ("3600", "true")
    assert (auth["Username"], auth["Password"]) == ("alice", "")
    end = await client.event("OutboundRegistrationDetailComplete")
    assert (end["Registered"], end["NotRegistered"]) == ("0", "1")


@pytest_twisted.ensureDeferred
async def test_a_registration_is_ordered(connect: Connect) -> None:
    client = await connect()
    assert (await client.action("PJSIPRegister", Registration="trunk"))["Message"] == "Reregistration sent"
    assert (await client.event("Registry"))["Status"] == "Rejected"
    assert (await client.action("PJSIPUnregister", Registration="*all"))["Message"] == "Unregistrations queued."
    assert (await client.action("PJSIPUnregister"))["Message"] == "Registration parameter missing."
    assert (await client.action("PJSIPRegister", Registration="x"))[
        "Message"
    ] == "Unable to retrieve registration entry"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("alice", "Endpoint found, will qualify"),
        ("nobody", "Unable to retrieve endpoint"),
        ("default_outbound_endpoint", "No AoRs configured for endpoint"),
    ],
)
async def test_qualify(connect: Connect, endpoint: str, why: str) -> None:
    client = await connect()
    assert (await client.action("PJSIPQualify", Endpoint=endpoint))["Message"] == why

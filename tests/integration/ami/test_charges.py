"""AOCMessage, and what it refuses."""

from __future__ import annotations

import pytest_twisted

from tests.integration.ami.conftest import Connect

PRICE = {"CurrencyAmount": "5", "CurrencyMultiplier": "One"}
RATE = {"MsgType": "S", "ChargedItem": "BasicCommunication"}
DURATION = RATE | PRICE | {"RateType": "Duration"}


REFUSALS: list[tuple[dict[str, str], str]] = [
    ({"MsgType": "X"}, "Invalid MsgType"),
    ({"MsgType": "D"}, "ChargeType not specified"),
    ({"MsgType": "D", "ChargeType": "Much"}, "Invalid ChargeType"),
    (
        {"MsgType": "E", "ChargeType": "Currency"},
        "Invalid CurrencyAmount, CurrencyAmount is a required when ChargeType is Currency",
    ),
    (
        {"MsgType": "E", "ChargeType": "Currency", "CurrencyAmount": "5"},
        "ChargeMultiplier unspecified, ChargeMultiplier is required when ChargeType is Currency.",
    ),
    (
        {"MsgType": "E", "ChargeType": "Currency", "CurrencyAmount": "5", "CurrencyMultiplier": "Some"},
        "Invalid ChargeMultiplier",
    ),
    ({"MsgType": "D", "ChargeType": "Free", "AOCBillingId": "CallTransfer"}, "Invalid AOC-D AOCBillingId"),
    ({"MsgType": "E", "ChargeType": "Free", "AOCBillingId": "Nobody"}, "Invalid AOC-E AOCBillingId"),
    (RATE, "RateType not specified"),
    ({"MsgType": "S", "ChargedItem": "Smile", "RateType": "Free"}, "Invalid ChargedItem"),
    (RATE | {"RateType": "Steep"}, "Invalid RateType"),
    (
        RATE | {"RateType": "Flat"},
        "Invalid CurrencyAmount, CurrencyAmount is a required when RateType is non-free",
    ),
    (DURATION, "TimeScale unspecified, TimeScale is required when RateType is Duration."),
    (DURATION | {"TimeScale": "Aeon"}, "Invalid TimeScale"),
    (DURATION | {"TimeScale": "Hour"}, "Invalid Time, Time is a required when RateType is Duration"),
    (DURATION | {"TimeScale": "Hour", "Time": "1", "ChargingType": "Jump"}, "Invalid ChargingType"),
    (
        RATE | PRICE | {"RateType": "Volume"},
        "VolumeUnit unspecified, VolumeUnit is required when RateType is Volume.",
    ),
    (
        RATE | PRICE | {"RateType": "SpecialCode"},
        "Invalid Code, Code is a required when ChargedItem is SpecialArrangement and when RateType is SpecialCode",
    ),
]


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_told(connect: Connect) -> None:
    client = await connect()
    await client.action("Originate", Channel="Local/102@plan", Application="Wait", Data="30", Async="true")
    await client.event("Newchannel")
    for headers, why in REFUSALS:
        reply = await client.action("AOCMessage", ChannelPrefix="local/102@PLAN", **headers)
        assert (reply["Response"], reply["Message"]) == ("Error", why), headers
    for headers in (DURATION | {"TimeScale": "Hour", "Time": "1"}, {"MsgType": "E", "ChargeType": "Unit"}):
        reply = await client.action("AOCMessage", ChannelPrefix="Local/", **headers)
        assert reply["Message"] == "AOC Message successfully queued on channel"
    await client.action("Hangup", Channel="/^Local/")
    await client.event("Hangup")


@pytest_twisted.ensureDeferred
async def test_channels_that_are_not_there(connect: Connect) -> None:
    client = await connect()
    reply = await client.action("AOCMessage", MsgType="D")
    assert reply["Message"] == "Channel and PartialChannel are not specified. Specify at least one of these."
    reply = await client.action("AOCMessage", MsgType="D", Channel="PJSIP/nobody", ChannelPrefix="PJSIP/no")
    assert reply["Message"] == "No such channel"

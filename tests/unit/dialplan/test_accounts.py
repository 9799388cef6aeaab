"""Account codes of a call's two sides: given to whom is called, through Local channels, and in a call of two."""

from __future__ import annotations

import pytest

from pbx.core.dial import Destination
from pbx.core.frames import Control
from pbx.core.originate import Originate
from pbx.testing.dialplan import DialplanHarness, Plan


def codes(harness: DialplanHarness) -> dict[str, tuple[str, str]]:
    return {
        each.name.replace("@default-00000000", "").partition("-0")[0]: (each.accountcode, each.peeraccount)
        for each in harness.core.channels
    }


@pytest.mark.parametrize(
    ("steps", "caller", "called"),
    [
        ("", ("", ""), ("", "")),
        ("accountcode=a", ("a", "a"), ("a", "a")),
        ("peeraccount=p", ("", "p"), ("p", "")),
        ("accountcode=a peeraccount=p", ("a", "p"), ("p", "a")),
    ],
)
def test_who_is_called(plan: Plan, steps: str, caller: tuple[str, str], called: tuple[str, str]) -> None:
    sets = "".join("exten => 100,n,Set(CHANNEL({})={})\n".format(*step.split("=")) for step in steps.split())
    harness = plan(extensions_conf=f"[default]\nexten => 100,1,NoOp()\n{sets}exten => 100,n,Dial(Fake/b)\n")
    harness.call("100")
    (far,) = harness.core.fake.drivers["b"]
    assert (far.channel.accountcode, far.channel.peeraccount) == called
    far.say(Control.ANSWER)
    (near,) = [each for each in harness.core.channels if each is not far.channel]
    assert (near.accountcode, near.peeraccount) == caller
    assert (far.channel.accountcode, far.channel.peeraccount) == called


def test_the_halves_of_a_local_channel_are_each_other_s_peers(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[default]\n"
        "exten => alice,1,Set(CHANNEL(accountcode)=alice_acct)\n same => n,Set(CHANNEL(peeraccount)=alice_peer)\n"
        " same => n,Dial(Local/bob@default)\n"
        "exten => bob,1,NoOp(${CHANNEL(accountcode)} ${CHANNEL(peeraccount)})\n"
        " same => n,Set(CHANNEL(accountcode)=bob_acct)\n same => n,Set(CHANNEL(peeraccount)=bob_peer)\n"
        " same => n,Set(CHANNEL(language)=de)\n same => n,Answer()\n same => n,Wait(60)\n"
    )
    call = harness.call("alice")
    harness.core.clock.advance(0)
    found = codes(harness)
    found.pop(call.channel.name, None)
    assert found["Local/bob;2"] == ("bob_acct", "bob_peer")
    assert found["Local/bob;1"] == ("bob_peer", "alice_acct")
    assert (call.channel.accountcode, call.channel.peeraccount) == ("alice_acct", "bob_peer")
    assert {each.language for each in harness.core.channels if each.technology == "Local"} == {"de"}


def test_an_originated_call_has_one_account_on_both_sides(plan: Plan) -> None:
    harness = plan(extensions_conf="[default]\nexten => 100,1,Answer()\n same => n,Wait(60)\n")
    order = Originate(Destination("Local", "100@default"), application="Echo", account="acme")
    harness.server.originator.start(order)
    harness.core.clock.advance(0)
    assert codes(harness) == {"Local/100;1": ("acme", "acme"), "Local/100;2": ("acme", "acme")}

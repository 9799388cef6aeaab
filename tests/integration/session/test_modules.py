"""The modules come and go; contacts of an address of record are dialled."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core.dial import Destination, Dial, DialOptions
from pbx.core.messages import TestEvent
from pbx.core.technology import RequestFailed
from pbx.modules import ModuleBusy, ModuleError
from pbx.pjsip.objects import Contact
from pbx.pjsip.objects.contact import contact_id
from pbx.pjsip.session.outgoing import dial_contacts


@ensureDeferred
async def test_without_the_channel_driver_calls_are_not_allowed(exchange: Any, phone: Any) -> None:
    modules = exchange.server.modules
    await modules.unload("chan_pjsip")
    phone.invite("100")
    answer = await phone.response(405)
    phone.remote_tag = answer.to.tag
    assert "INVITE" not in (answer.headers.get("Allow") or "")
    phone.ack_failure()
    phone.remote_tag = ""
    assert exchange.server.technologies.find("PJSIP") is None
    await modules.load("chan_pjsip")
    await phone.established("101")
    with pytest.raises((ModuleBusy, ModuleError)):
        await modules.unload("chan_pjsip")
    phone.request("BYE")
    await phone.response(200, "BYE")


@pytest.mark.parametrize(
    "options", ["aors = place\n\n[place]\ntype = aor\ncontact = sip:one@127.0.0.1:1\ncontact = sip:two@127.0.0.1:2"]
)
@ensureDeferred
async def test_every_contact_can_be_dialled(exchange: Any, phone: Any) -> None:
    sessions = exchange.sessions
    assert dial_contacts(sessions, "phone") == "PJSIP/phone/sip:one@127.0.0.1:1&PJSIP/phone/sip:two@127.0.0.1:2"
    assert dial_contacts(sessions, "phone", "place", "9").startswith("PJSIP/9@phone/sip:one")
    assert dial_contacts(sessions, "phone", "nowhere") == ""
    with pytest.raises(RequestFailed):
        dial_contacts(sessions, "nobody")


@pytest.mark.parametrize("options", ["aors = place\n\n[place]\ntype = aor\nmax_contacts = 1"])
@ensureDeferred
async def test_a_registered_phone_is_called_by_its_endpoint(exchange: Any, phone: Any) -> None:
    server = exchange.server
    uri = f"sip:me@127.0.0.1:{phone.port}"
    expires = server.clock.now() + 60
    server.sorcery.create(Contact(contact_id("place", uri), aor="place", uri=uri, expiration_time=expires))
    dial = Dial(server.channels, server.technologies, None, [Destination("PJSIP", "phone")], DialOptions())
    waiting = defer.ensureDeferred(dial.run())
    invite = await phone.wanted("INVITE")
    assert invite.request_uri == uri
    phone.answer(invite, 486)
    await phone.wanted("ACK")
    assert (await waiting).status == "BUSY"


REGISTRATION_CONTEXT = "aors = place\n\n[place]\ntype = aor\nmax_contacts = 1\n\n[global]\ntype = global\nregcontext = "


@pytest.mark.parametrize("options", [REGISTRATION_CONTEXT + "here"])
@ensureDeferred
async def test_who_can_be_reached_has_an_extension(exchange: Any) -> None:
    server = exchange.server
    assert not server.dialplan.exists("here", "phone")
    uri = "sip:me@127.0.0.1:9"
    contact = Contact(contact_id("place", uri), aor="place", uri=uri, expiration_time=server.clock.now() + 60)
    server.sorcery.create(contact)
    assert server.dialplan.exists("here", "phone")
    await server.reload("pbx_lua")
    assert server.dialplan.exists("here", "phone")
    conf = server.directories.etc / "pjsip.conf"
    conf.write_text(conf.read_text().replace("regcontext = here", "regcontext = there"))
    await server.reload("res_pjsip")
    assert [server.dialplan.exists(context, "phone") for context in ("here", "there")] == [False, True]
    server.sorcery.delete(Contact, contact.id)
    assert not server.dialplan.exists("there", "phone")


@pytest.mark.parametrize(
    "extensions",
    ['extensions = { default = { ["101"] = function() app.Answer(); app.Playback("beep"); app.Wait(9) end } }'],
)
@ensureDeferred
async def test_what_test_suites_hear_of_a_sound(exchange: Any, phone: Any) -> None:
    heard: list[TestEvent] = []
    exchange.server.bus.subscribe(TestEvent, heard.append)
    await phone.established("101")
    (channel,) = exchange.server.channels
    await exchange.until(lambda: bool(heard), "a sound")
    assert heard == [TestEvent("PLAYBACK", (("Message", "beep"), ("Channel", channel.name)))]
    phone.request("BYE")
    await phone.response(200, "BYE")

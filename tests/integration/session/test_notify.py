"""NOTIFY outside subscriptions: by console, AMI's service and the dialplan."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.cli.registry import CommandRegistry
from pbx.pjsip.notify import Notifier, NotNotified, UnknownPeer

NOTIFY_CONF = """
[news]
Event => message-summary
Content-Type = lettuce/varieties
Content = Bibb
Content = Boston
Content =
Call-ID = mine
[Empty-Body]
Event = check-sync
"""
BY_URI = """

[default_outbound_endpoint]
type = endpoint
"""
LUA = """
extensions = { default = {
  inside = function()
    app.Answer(); app.Wait(0.3); app.PJSIPNotify("", "&Event=Test&X-Data=Fun"); app.Wait(5)
  end,
} }
"""

pytestmark = [
    pytest.mark.parametrize("files", [{"pjsip_notify.conf": NOTIFY_CONF}]),
    pytest.mark.parametrize("options", [BY_URI]),
]


async def console(exchange: Any, line: str) -> str:
    registry: CommandRegistry = exchange.server.cli
    return (await registry.run(line)).output


@ensureDeferred
async def test_by_console_to_a_uri(exchange: Any, phone: Any) -> None:
    said = await console(exchange, f"pjsip send notify news uri sip:bob@127.0.0.1:{phone.port}")
    assert said == f"Sending NOTIFY of type 'news' to 'sip:bob@127.0.0.1:{phone.port}'\n"
    notify = await phone.wanted("NOTIFY")
    assert notify.headers.get("Event") == "message-summary"
    assert notify.headers.get("Subscription-State") == "terminated"
    assert notify.content_type == "lettuce/varieties"
    assert notify.body == b"Bibb\r\nBoston\r\n"
    assert notify.call_id != "mine"
    phone.answer(notify, 200)
    await console(exchange, f"pjsip send notify empty-body uri sip:bob@127.0.0.1:{phone.port}")
    notify = await phone.wanted("NOTIFY")
    assert (notify.headers.get("Event"), notify.body) == ("check-sync", b"")
    phone.answer(notify, 200)


@ensureDeferred
async def test_what_cannot_be_notified_is_said(exchange: Any, phone: Any) -> None:
    assert "Unable to find notify type 'x'" in await console(exchange, "pjsip send notify x endpoint phone")
    assert "Unable to retrieve endpoint nobody" in await console(exchange, "pjsip send notify news endpoint nobody")
    assert "Unable to find channel nobody" in await console(exchange, "pjsip send notify news channel nobody")
    assert "Usage" in await console(exchange, "pjsip send notify news fax phone")
    notifier = exchange.server.require(Notifier)
    with pytest.raises(NotNotified):
        notifier.uri("not a uri", [])
    with pytest.raises(UnknownPeer):
        notifier.channel(None, [("Event", "x")])


@ensureDeferred
@pytest.mark.parametrize("extensions", [LUA])
async def test_the_dialplan_notifies_inside_its_call(exchange: Any, phone: Any) -> None:
    await phone.established("inside")
    notify = await phone.wanted("NOTIFY")
    assert (notify.headers.get("Event"), notify.headers.get("X-Data")) == ("Test", "Fun")
    assert notify.call_id == phone.call_id
    phone.answer(notify, 200)
    phone.request("BYE")
    await phone.response(200, "BYE")
    await exchange.wait_idle()

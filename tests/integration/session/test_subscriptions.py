"""SUBSCRIBE and NOTIFY: presence, dialogs, message waiting and lists of them, from the first to the last word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.core.messages import MailboxChanged, TestEvent
from pbx.mwi import Mailboxes
from pbx.pjsip.bodies import parts_of
from pbx.pjsip.pubsub.subscriptions import Subscriptions

EXTENSIONS = """[default]
exten => 300,hint,Custom:desk
exten => 301,hint,Custom:door(The door)
"""
OPTIONS = """aors = phone
mailboxes = 300@default
mwi_from_user = mail
incoming_mwi_mailbox = trunk@default

[phone]
type = aor
max_contacts = 1
mailboxes = 300@default

[everybody]
type = resource_list
event = presence
list_item = 300,301,399
list_item = inner

[inner]
type = resource_list
event = presence
list_item = 301
full_state = yes

[batched]
type = resource_list
event = presence
list_item = 300,301
full_state = yes
resource_display_name = yes
notification_batch_interval = 200

[boxes]
type = aor
mailboxes = 100@default,200@default
voicemail_extension = *97
"""
PIDF = "Accept: application/pidf+xml"

pytestmark = [
    pytest.mark.parametrize("files", [{"extensions.conf": EXTENSIONS}]),
    pytest.mark.parametrize("options", [OPTIONS]),
]


class Subscriber:
    """A phone's side of a subscription."""

    def __init__(self, phone: Any, target: str, *headers: str) -> None:
        self._phone = phone
        phone.target = target
        self._headers = headers

    async def ask(self, code: int = 200, *, expires: int | None = 300) -> Any:
        """SUBSCRIBE, first or again; the answer."""
        more = () if expires is None else (f"Expires: {expires}",)
        self._phone.request("SUBSCRIBE", headers=(*self._headers, *more))
        return await self._phone.response(code, "SUBSCRIBE")

    async def told(self, code: int = 200) -> Any:
        """The next NOTIFY, which is answered."""
        notify = await self._phone.wanted("NOTIFY")
        self._phone.answer(notify, code)
        return notify

    async def end(self) -> None:
        await self.ask(expires=0)
        assert (await self.told()).headers.get("Subscription-State").startswith("terminated")


@pytest.fixture
def set_state(exchange: Any) -> Any:
    def set_state(device: str, state: str) -> None:
        waiting = exchange.server.dialplan.write_function(None, f"DEVICE_STATE(Custom:{device})", state)
        assert waiting is None

    return set_state


@ensureDeferred
async def test_presence(exchange: Any, phone: Any, set_state: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    accepted = await alice.ask()
    assert accepted.headers.get("Expires") == "300"
    first = await alice.told()
    assert first.headers.get("Event") == "presence"
    assert re.fullmatch(r"active;expires=(300|299)", first.headers.get("Subscription-State"))
    assert first.headers.get("Allow-Events") == "dialog, message-summary, presence"
    assert (first.to.tag, first.from_.tag) == (phone.tag, accepted.to.tag)
    assert first.content_type == "application/pidf+xml"
    set_state("desk", "INUSE")
    changed = await alice.told()
    assert changed.cseq > first.cseq
    assert b"On the phone" in changed.body
    await alice.ask(expires=600)
    again = await alice.told()
    assert again.headers.get("Subscription-State") in ("active;expires=600", "active;expires=599")
    assert b"On the phone" in again.body
    await alice.end()
    assert len(exchange.server.require(Subscriptions)) == 0
    await alice.ask(481)


@ensureDeferred
async def test_dialog_info_counts_its_versions(phone: Any, set_state: Any) -> None:
    alice = Subscriber(phone, "300", "Event: dialog;id=7", "Accept: application/dialog-info+xml")
    await alice.ask()
    first = await alice.told()
    assert first.headers.get("Event") == "dialog;id=7"
    assert b'version="0"' in first.body
    set_state("desk", "RINGING")
    second = await alice.told()
    assert b'version="1"' in second.body
    assert b"<state>early</state>" in second.body
    await alice.end()


@pytest.mark.parametrize(
    ("target", "headers", "expires", "code"),
    [
        ("399", ("Event: presence", PIDF), 300, 404),
        ("300", (PIDF,), 300, 489),
        ("300", ("Event: unheard-of", PIDF), 300, 489),
        ("300", ("Event: presence", "Accept: text/plain"), 300, 489),
        ("300", ("Event: presence", PIDF), 0, 400),
        ("everybody", ("Event: presence", PIDF), 300, 404),
        ("nobox", ("Event: message-summary",), 300, 404),
    ],
)
@ensureDeferred
async def test_what_is_refused(phone: Any, target: str, headers: tuple[str, ...], expires: int, code: int) -> None:
    await Subscriber(phone, target, *headers).ask(code, expires=expires)


@ensureDeferred
async def test_a_subscriber_that_knows_nothing_of_it_is_forgotten(exchange: Any, phone: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    await alice.ask()
    await alice.told(481)
    subscriptions = exchange.server.require(Subscriptions)
    await exchange.until(lambda: len(subscriptions) == 0, "the subscription is over")


@ensureDeferred
async def test_a_subscription_ends_by_its_time(exchange: Any, phone: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    await alice.ask(expires=1)
    await alice.told()
    last = await alice.told()
    assert last.headers.get("Subscription-State") == "terminated;reason=timeout"
    assert len(exchange.server.require(Subscriptions)) == 0


@ensureDeferred
async def test_a_hint_that_goes_ends_its_subscriptions(exchange: Any, phone: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    await alice.ask()
    await alice.told()
    assert exchange.server.dialplan.editor("pbx_config").remove_extension("default", "300")
    last = await alice.told()
    assert last.headers.get("Subscription-State") == "terminated;reason=noresource"


@ensureDeferred
async def test_a_request_out_of_order_is_refused(phone: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    await alice.ask()
    await alice.told()
    phone.request("SUBSCRIBE", headers=("Event: presence",), cseq=phone.cseq)
    await phone.response(500, "SUBSCRIBE")
    await alice.end()


LISTS = ("Event: presence", PIDF, "Accept: multipart/related, application/rlmi+xml", "Supported: eventlist")


@ensureDeferred
async def test_a_list_tells_of_all_and_then_of_what_changed(phone: Any, set_state: Any) -> None:
    alice = Subscriber(phone, "everybody", *LISTS)
    accepted = await alice.ask()
    assert accepted.headers.get("Require") == "eventlist"
    first = await alice.told()
    assert first.headers.get("Require") == "eventlist"
    parts = list(parts_of(first.headers.get("Content-Type"), first.body))
    # 399 has no hint; 301 is in the list already, so the inner list has nothing left.
    assert [kind for kind, _ in parts] == ["application/rlmi+xml", "application/pidf+xml", "application/pidf+xml"]
    assert b'version="0"' in parts[0][1]
    assert b'fullState="true"' in parts[0][1]
    set_state("door", "INUSE")
    second = await alice.told()
    parts = list(parts_of(second.headers.get("Content-Type"), second.body))
    assert len(parts) == 2
    assert b'version="1"' in parts[0][1]
    assert b'fullState="false"' in parts[0][1]
    assert b'id="301"' in parts[1][1]
    await alice.end()


@ensureDeferred
async def test_changes_of_a_list_are_collected(phone: Any, set_state: Any) -> None:
    alice = Subscriber(phone, "batched", *LISTS)
    await alice.ask()
    first = await alice.told()
    assert b"<name>The door</name>" in first.body
    set_state("door", "INUSE")
    set_state("desk", "INUSE")
    set_state("door", "BUSY")
    second = await alice.told()
    assert second.body.count(b"On the phone") == 2
    assert phone.silent()
    await alice.end()


@ensureDeferred
async def test_message_waiting(exchange: Any, phone: Any) -> None:
    exchange.server.require(Mailboxes).set("100@default", 2, 1)
    alice = Subscriber(phone, "boxes", "Event: message-summary")
    await alice.ask(expires=None)
    first = await alice.told()
    assert first.content_type == "application/simple-message-summary"
    assert b"Voice-Message: 2/1 (0/0)" in first.body
    assert re.search(rb"Message-Account: sip:\*97@127.0.0.1", first.body)
    exchange.server.bus.publish(MailboxChanged("200@default", 3, 0))
    assert b"Voice-Message: 5/1 (0/0)" in (await alice.told()).body
    await alice.end()


@ensureDeferred
async def test_notices_nobody_asked_for(exchange: Any, phone: Any) -> None:
    phone.target = "phone"
    phone.request("REGISTER", headers=("Expires: 60", f"Contact: <sip:phone@127.0.0.1:{phone.port}>"))
    notify = await phone.wanted("NOTIFY")
    phone.answer(notify, 200)
    assert notify.from_.uri.user == "mail"
    assert notify.headers.get("Subscription-State") == "active"
    assert b"Messages-Waiting: no" in notify.body
    exchange.server.require(Mailboxes).set("300@default", 1, 0)
    notify = await phone.wanted("NOTIFY")
    phone.answer(notify, 200)
    assert b"Voice-Message: 1/0" in notify.body
    # The same by subscription would be told twice.
    phone.tag, phone.call_id, phone.remote_tag = "s1", "sub@test", ""
    await Subscriber(phone, "phone", "Event: message-summary").ask(500)
    heard: list[Any] = []
    exchange.server.bus.subscribe(MailboxChanged, heard.append)
    phone.tag, phone.call_id, phone.remote_tag = "n1", "mwi@test", ""
    summary = "Messages-Waiting: yes\r\nVoice-Message: 7/2 (0/0)\r\n"
    phone.request("NOTIFY", body=summary, content_type="application/simple-message-summary")
    await phone.response(200, "NOTIFY")
    assert heard == [MailboxChanged("trunk@default", 7, 2)]


@pytest.fixture
def told_of(exchange: Any) -> Any:
    """The TellTestEvents so far, by state."""
    heard: list[TestEvent] = []
    exchange.server.bus.subscribe(TestEvent, heard.append)

    def told_of(state: str) -> list[dict[str, str]]:
        return [dict(each.fields) for each in heard if each.state == state]

    return told_of


@ensureDeferred
async def test_what_test_suites_hear_of_subscriptions(phone: Any, set_state: Any, told_of: Any) -> None:
    alice = Subscriber(phone, "300", "Event: presence", PIDF)
    await alice.ask()
    await alice.told()
    set_state("desk", "INUSE")
    await alice.told()
    await alice.ask()
    await alice.told()
    await alice.end()
    for why in ("ESTABLISHED", "STATE_CHANGED", "REFRESHED", "TERMINATED"):
        assert told_of(f"SUBSCRIPTION_{why}") == [{"Resource": "300"}], why
    states = [each["StateText"] for each in told_of("SUBSCRIPTION_STATE_SET")]
    assert states == ["ACTIVE", "ACTIVE", "ACTIVE", "TERMINATED"]


@ensureDeferred
async def test_what_test_suites_hear_of_contacts_and_mailboxes(exchange: Any, phone: Any, told_of: Any) -> None:
    uri = f"sip:phone@127.0.0.1:{phone.port}"
    for expires in (60, 90, 0):
        phone.target, phone.remote_tag = "phone", ""
        phone.request("REGISTER", headers=(f"Expires: {expires}", f"Contact: <{uri}>", "User-Agent: desk"))
        await phone.response(200, "REGISTER")
        if expires:
            phone.answer(await phone.wanted("NOTIFY"), 200)
    common = {"Contact": uri, "AOR": "phone", "UserAgent": "desk"}
    assert told_of("AOR_CONTACT_ADDED") == [common | {"Expiration": "60"}]
    assert told_of("AOR_CONTACT_REFRESHED") == [common | {"Expiration": "90"}]
    assert told_of("AOR_CONTACT_REMOVED") == [common]
    summary = "Message-Account: sip:box@example.com\r\nVoice-Message: 7/2 (1/0)\r\n"
    phone.tag, phone.call_id, phone.remote_tag = "n1", "mwi@test", ""
    phone.request("NOTIFY", body=summary, content_type="application/simple-message-summary")
    await phone.response(200, "NOTIFY")
    (taken,) = told_of("PUBSUB_INCOMING_MWI_PUBLISH")
    assert taken["Mailbox"] == "trunk@default"
    assert taken["MessageAccount"] == "sip:box@example.com"
    counts = [taken[f"VoiceMessages{name}"] for name in ("New", "Old", "UrgentNew", "UrgentOld")]
    assert counts == ["7", "2", "1", "0"]

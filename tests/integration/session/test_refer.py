"""Blind transfer by REFER, and calls that take another one's place by Replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet import defer

from pbx.core import messages
from pbx.core.party import Caller, Connected, party_id
from pbx.media.sdp_parser import parse
from pbx.pjsip import referral
from pbx.pjsip.uri import NameAddr

LUA = """
local function note()
    local found = {}
    for index, name in ipairs { "BLINDTRANSFER", "SIPTRANSFER", "SIPREFERRINGCONTEXT", "SIPREFERREDBYHDR",
                                "SIPREFERTOHDR", "SIPREPLACESHDR" } do
        found[index] = channel[name]:get() or ""
    end
    app.Set("GLOBAL(seen)=" .. table.concat(found, "|"))
end
extensions = {}
extensions.default = {
    ["101"] = function() app.Answer(); app.Wait(30) end;
    ["103"] = function() app.Ringing(); app.Wait(30) end;
    ["104"] = function() app.Answer(); app.Playback("beep"); app.Wait(30) end;
    ["200"] = function()
        app.Dial(channel.BOB:get(), 20, "g")
        app.Set("GLOBAL(after)=" .. channel.DIALSTATUS:get())
    end;
    ["201"] = function() app.Dial(channel.CAROL:get(), 20) end;
    ["300"] = function() note(); app.Ringing(); app.Wait(30) end;
    external_replaces = function() note(); app.Dial(channel.CAROL:get(), 20); app.Hangup() end;
}
extensions.elsewhere = { ["300"] = function() app.Progress(); app.Wait(30) end }
"""
pytestmark = pytest.mark.parametrize("extensions", [LUA])


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones that do not hang up after their transfer are not given seconds."""
    monkeypatch.setattr(referral, "GRACE_SECONDS", 0.2)


@pytest.fixture
def more_phones(exchange: Any, phone: Any) -> Iterator[Callable[[], Any]]:
    """Further phones behind the same address, told from the first by their ports in what is dialled."""
    from twisted.internet import reactor

    made: list[Any] = []

    def make() -> Any:
        made.append(type(phone)(reactor, exchange))
        return made[-1]

    yield make
    for each in made:
        pytest_twisted.blockon(defer.maybeDeferred(each.listener.stopListening))


@pytest.fixture
def bob(exchange: Any, more_phones: Any) -> Any:
    made = more_phones()
    exchange.server.channels.set_global("BOB", f"PJSIP/phone/sip:bob@127.0.0.1:{made.port}")
    return made


@pytest.fixture
def carol(exchange: Any, more_phones: Any) -> Any:
    made = more_phones()
    exchange.server.channels.set_global("CAROL", f"PJSIP/phone/sip:carol@127.0.0.1:{made.port}")
    return made


def adopt(phone: Any, invite: Any, tag: str = "uas") -> None:
    """Let a phone that was called send requests in that call."""
    sender = invite.from_
    phone.call_id, phone.tag, phone.remote_tag = invite.call_id, tag, sender.tag
    phone.cseq = 100


def in_dialog(phone: Any, method: str, *headers: str) -> None:
    """A request of the phone's call, whichever side began it."""
    phone.request(method, headers=headers, uri=f"sip:127.0.0.1:{phone._exchange.port}")


async def connect(phone: Any, bob: Any, sdp: Any) -> Any:
    """A call from ``phone`` to ``bob`` through 200; the INVITE that bob got."""
    phone.invite("200")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 200, body=sdp(port=40100))
    await phone.response(200)
    phone.ack()
    await bob.wanted("ACK")
    adopt(bob, invite)
    return invite


async def notified(phone: Any) -> tuple[str, str]:
    """The next NOTIFY, answered: the subscription's state and the status line it carries."""
    notify = await phone.wanted("NOTIFY")
    phone.answer(notify, 200)
    assert notify.headers.get("Event") == "refer"
    assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    return notify.headers.get("Subscription-State").partition(";")[0], notify.body.decode().strip()


async def told_of(phone: Any, description: str) -> str:
    """The user of the identity in a re-INVITE, which is answered."""
    invite = await phone.wanted("INVITE")
    phone.answer(invite, 200, body=description)
    await phone.wanted("ACK")
    return NameAddr.parse(invite.headers.get("P-Asserted-Identity")).uri.user


async def goodbye(*phones: Any) -> None:
    """Each phone gets a BYE."""
    for each in phones:
        each.answer(await each.wanted("BYE"), 200)


async def hang_up(phone: Any, *others: Any) -> None:
    """The phone ends its call; the others get a BYE."""
    in_dialog(phone, "BYE")
    await phone.response(200, "BYE")
    await goodbye(*others)


TRYING = ("active", "SIP/2.0 100 Trying")
OK = ("terminated", "SIP/2.0 200 OK")


@pytest.mark.parametrize("referrer", ["caller", "callee"])
@ensureDeferred
async def test_blind_transfer_and_its_progress(exchange: Any, phone: Any, bob: Any, sdp: Any, referrer: str) -> None:
    await connect(phone, bob, sdp)
    sender, other = (phone, bob) if referrer == "caller" else (bob, phone)
    names = dict(zip(("caller", "callee"), exchange.channels, strict=True))
    in_dialog(
        sender, "REFER", f"Refer-To: <sip:300@127.0.0.1:{exchange.port};user=phone>", "Referred-By: <sip:me@here>"
    )
    await sender.response(202, "REFER")
    assert await notified(sender) == TRYING
    assert await notified(sender) == ("active", "SIP/2.0 180 Ringing")
    assert exchange.channels == [names["callee" if referrer == "caller" else "caller"]]
    transferee = next(iter(exchange.server.channels))
    assert (transferee.exten, transferee.context) == ("300", "default")
    assert exchange.server.channels.get_global("seen") == (
        f"{names[referrer]}|yes|default|<sip:me@here>|sip:300@127.0.0.1:{exchange.port};user=phone|"
    )
    assert exchange.server.channels.get_global("after") is None
    in_dialog(sender, "BYE")
    await sender.response(200, "BYE")
    # The subscription outlives the call.
    await hang_up(other)
    assert await notified(sender) == ("terminated", "SIP/2.0 503 Service Unavailable")


@pytest.mark.parametrize("target", ["201", "104"])
@ensureDeferred
async def test_a_transfer_succeeds_when_the_other_talks_or_hears(
    exchange: Any, phone: Any, bob: Any, carol: Any, sdp: Any, target: str
) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", f"Refer-To: <sip:{target}@127.0.0.1>", "Referred-By: <sip:bob@here>")
    await bob.response(202, "REFER")
    if target == "201":
        invite = await carol.wanted("INVITE")
        assert invite.headers.get("Referred-By") == "<sip:bob@here>"
        assert bob.silent()
        carol.answer(invite, 180)
        carol.answer(invite, 200, body=sdp(port=40200))
        await carol.wanted("ACK")
        assert await notified(bob) == TRYING
        assert await notified(bob) == ("active", "SIP/2.0 180 Ringing")
    else:
        assert await notified(bob) == TRYING
    assert await notified(bob) == OK
    # Who has not hung up by itself is told to.
    await goodbye(bob)
    await hang_up(phone, *((carol,) if target == "201" else ()))


@ensureDeferred
async def test_a_transferred_call_taken_off_hold_has_no_media(
    monkeypatch: pytest.MonkeyPatch, phone: Any, bob: Any, sdp: Any
) -> None:
    monkeypatch.setattr(referral, "GRACE_SECONDS", 1.0)
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:104@127.0.0.1>")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == OK
    bob.request("INVITE", body=sdp(version=2), uri=f"sip:127.0.0.1:{bob._exchange.port}")
    assert [media.port for media in parse((await bob.response(200)).body).media] == [0]
    bob.ack()
    await goodbye(bob)
    await hang_up(phone)


@pytest.mark.parametrize("options", ["refer_blind_progress = no"])
@ensureDeferred
async def test_progress_that_is_not_wanted(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", f"Refer-To: <sip:101@127.0.0.1:{exchange.port}>")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == OK
    await goodbye(bob)
    await hang_up(phone)


@ensureDeferred
async def test_a_transfer_without_subscription(phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:999@127.0.0.1>", "Refer-Sub: false")
    refused = await bob.response(404, "REFER")
    assert refused.headers.get("Refer-Sub") == "false"
    in_dialog(bob, "REFER", "Refer-To: <sip:101@127.0.0.1>", "Refer-Sub: false")
    assert (await bob.response(200, "REFER")).headers.get("Refer-Sub") == "false"
    bye = await bob.next()
    assert bye.method == "BYE"
    bob.answer(bye, 200)
    await hang_up(phone)


@pytest.mark.parametrize(
    ("headers", "code"),
    [((), 400), (("Refer-To: <tel:+12>",), 400), (("Refer-To: nonsense",), 400), (("Refer-To: <sip:>",), 400)],
)
@ensureDeferred
async def test_what_refers_to_nothing(phone: Any, bob: Any, sdp: Any, headers: tuple[str, ...], code: int) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", *headers)
    await bob.response(code, "REFER")
    await hang_up(phone, bob)


@pytest.mark.parametrize("options", ["\n[global]\ntype = global\nignore_uri_user_options = yes"])
@ensureDeferred
async def test_refer_to_without_brackets_is_all_uri(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    uri = f"sip:300;phone-context=national@127.0.0.1:{exchange.port};user=phone"
    in_dialog(bob, "REFER", f"Refer-To: {uri}", "Referred-By: sip:me;phone-context=national@here")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == ("active", "SIP/2.0 180 Ringing")
    seen = f"yes|default|sip:me;phone-context=national@here|{uri}|"
    assert exchange.server.channels.get_global("seen").partition("|")[2] == seen
    in_dialog(bob, "BYE")
    await bob.response(200, "BYE")
    await hang_up(phone)


@ensureDeferred
async def test_a_transfer_to_nowhere_leaves_the_call(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:999@127.0.0.1>")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == ("terminated", "SIP/2.0 404 Not Found")
    assert len(exchange.channels) == 2
    await hang_up(phone, bob)


@ensureDeferred
async def test_who_talks_to_nobody_transfers_nobody(phone: Any) -> None:
    await phone.established("101")
    in_dialog(phone, "REFER", "Refer-To: <sip:103@127.0.0.1>")
    await phone.response(202, "REFER")
    assert await notified(phone) == TRYING
    assert await notified(phone) == ("terminated", "SIP/2.0 400 Bad Request")
    await hang_up(phone)


@pytest.mark.parametrize("options", ["allow_transfer = no"])
@ensureDeferred
async def test_transfers_that_are_not_allowed(phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:103@127.0.0.1>")
    await bob.response(603, "REFER")
    await hang_up(phone, bob)


@ensureDeferred
async def test_the_transferers_context_may_be_another(exchange: Any, phone: Any, bob: Any, sdp: Any) -> None:
    await connect(phone, bob, sdp)
    for channel in exchange.server.channels:
        channel.set_variable("TRANSFER_CONTEXT", "elsewhere")
    in_dialog(bob, "REFER", "Refer-To: <sip:300@127.0.0.1>")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == ("active", "SIP/2.0 183 Session Progress")
    assert next(iter(exchange.server.channels)).context == "elsewhere"
    await hang_up(phone)
    await notified(bob)
    await goodbye(bob)


def replaced_in_uri(phone: Any) -> str:
    """The phone's call as a URI names it that is to replace it."""
    return quote(f"{phone.call_id};to-tag={phone.remote_tag};from-tag={phone.tag}", safe="")


async def consult(exchange: Any, phone: Any, carol: Any, sdp: Any) -> None:
    """A call from the transferer's second line to carol through 201."""
    phone.invite("201", sdp(port=40300))
    invite = await carol.wanted("INVITE")
    carol.answer(invite, 200, body=sdp(port=40200))
    await phone.response(200)
    phone.ack()
    await carol.wanted("ACK")
    adopt(carol, invite)
    await exchange.until(lambda: len(exchange.server.bridges) == 2, "two conversations")


@pytest.mark.parametrize("transferer", ["caller", "callee"])
@pytest.mark.parametrize("last", ["transferee", "target"])
@ensureDeferred
async def test_two_calls_are_connected(
    exchange: Any, phone: Any, bob: Any, carol: Any, more_phones: Any, sdp: Any, transferer: str, last: str
) -> None:
    told: list[Any] = []
    exchange.server.bus.subscribe(messages.AttendedTransferred, told.append)
    await connect(phone, bob, sdp)
    sender, transferee = (phone, bob) if transferer == "caller" else (bob, phone)
    second = more_phones()
    await consult(exchange, second, carol, sdp)
    names = exchange.channels
    in_dialog(sender, "REFER", f"Refer-To: <sip:carol@127.0.0.1?Replaces={replaced_in_uri(second)}>")
    await sender.response(202, "REFER")
    assert await notified(sender) == TRYING
    assert await notified(sender) == OK
    await goodbye(second, sender)
    port = "40100" if transferee is bob else "40000"
    await exchange.until(
        lambda: sorted(media_of(exchange)) == sorted([f"127.0.0.1:{port}", "127.0.0.1:40200"]), "the others are left"
    )
    one, two = exchange.server.channels
    assert one.bridge is two.bridge is not None
    (transfer,) = told
    first_name, other_name = names[:2] if transferer == "caller" else names[1::-1]
    assert [each.name for each in (transfer.first, transfer.transferee, transfer.second, transfer.target)] == [
        first_name,
        other_name,
        *names[2:],
    ]
    assert (transfer.result, transfer.bridge) == ("Success", one.bridge.id)
    stays = next(each for each in (one, two) if each.name == other_name)
    assert stays.get_variable("ATTENDEDTRANSFER") == first_name
    if last == "target":
        await hang_up(transferee, carol)
    else:
        await hang_up(carol, transferee)


@pytest.mark.parametrize("options", ["send_pai = yes"])
@pytest.mark.parametrize("early", [False, True])
@ensureDeferred
async def test_one_is_connected_to_who_still_rings(
    exchange: Any, phone: Any, bob: Any, carol: Any, more_phones: Any, sdp: Any, early: bool
) -> None:
    await connect(phone, bob, sdp)
    exchange.server.channels.find(exchange.channels[0]).caller = Caller(id=party_id("77"))
    second = more_phones()
    second.invite("201", sdp(port=40300))
    invite = await carol.wanted("INVITE")
    carol.answer(invite, 180, headers=["Allow: INVITE, UPDATE"] if early else [])
    await second.response(180)
    exchange.server.channels.find(exchange.channels[2]).connected = Connected(id=party_id("88"))
    in_dialog(bob, "REFER", f"Refer-To: <sip:carol@127.0.0.1?Replaces={replaced_in_uri(second)}>")
    await bob.response(202, "REFER")
    assert await notified(bob) == TRYING
    assert await notified(bob) == OK
    await second.response(603)
    second.ack_failure()
    # Who was sent away hears at once who rings; that one, whom it has, as soon as it can be told.
    assert await told_of(phone, sdp()) == "88"
    if early:
        update = await carol.wanted("UPDATE")
        carol.answer(update, 200)
        assert NameAddr.parse(update.headers.get("P-Asserted-Identity")).uri.user == "77"
    await goodbye(bob)
    carol.answer(invite, 200, body=sdp(port=40200))
    await carol.wanted("ACK")
    adopt(carol, invite)
    if not early:
        assert await told_of(carol, sdp(port=40200)) == "77"
    await exchange.until(lambda: sorted(media_of(exchange)) == ["127.0.0.1:40000", "127.0.0.1:40200"], "both talk")
    await hang_up(phone, carol)


@pytest.mark.parametrize("referred", ["first", "second"])
@ensureDeferred
async def test_one_is_connected_to_an_application(
    exchange: Any, phone: Any, bob: Any, more_phones: Any, sdp: Any, referred: str
) -> None:
    told: list[Any] = []
    exchange.server.bus.subscribe(messages.AttendedTransferred, told.append)
    await connect(phone, bob, sdp)
    second = more_phones()
    await second.established("101", sdp(port=40300))
    waits = list(exchange.server.channels)[2]
    talking, waiting = (bob, second) if referred == "first" else (second, bob)
    in_dialog(talking, "REFER", f"Refer-To: <sip:101@127.0.0.1?Replaces={replaced_in_uri(waiting)}>")
    await talking.response(202, "REFER")
    assert await notified(talking) == TRYING
    assert await notified(talking) == OK
    await goodbye(waiting, talking)
    assert list(exchange.server.channels) == [waits]
    assert media_of(exchange) == ["127.0.0.1:40000"]
    assert (waits.exten, waits.application, waits.name) == ("101", "Wait", "PJSIP/phone-00000000")
    assert [each.application for each in told] == ["Wait"]
    await hang_up(phone)


@ensureDeferred
async def test_calls_that_cannot_be_connected(exchange: Any, phone: Any, more_phones: Any) -> None:
    await phone.established("101")
    second = more_phones()
    await second.established("101")
    for named in (second, phone):
        in_dialog(phone, "REFER", f"Refer-To: <sip:101@127.0.0.1?Replaces={replaced_in_uri(named)}>")
        await phone.response(202, "REFER")
        assert await notified(phone) == TRYING
        assert await notified(phone) == ("terminated", "SIP/2.0 400 Bad Request")
    in_dialog(phone, "REFER", "Refer-To: <sip:101@127.0.0.1?Replaces=nonsense>")
    await phone.response(400, "REFER")
    assert len(exchange.channels) == 2
    await hang_up(phone)
    await hang_up(second)


@ensureDeferred
async def test_an_attended_transfer_goes_to_its_extension(
    exchange: Any, phone: Any, bob: Any, carol: Any, sdp: Any
) -> None:
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:9@there?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    await bob.response(202, "REFER")
    invite = await carol.wanted("INVITE")
    assert invite.headers.get("Replaces") == "abc;to-tag=1;from-tag=2"
    carol.answer(invite, 486)
    await carol.wanted("ACK")
    seen = exchange.server.channels.get_global("seen").split("|")
    assert seen[4:] == ["sip:9@there", "abc;to-tag=1;from-tag=2"]
    await goodbye(phone)
    assert await notified(bob) == TRYING
    await notified(bob)
    await goodbye(bob)


@ensureDeferred
async def test_without_the_module(exchange: Any, phone: Any, bob: Any, carol: Any, sdp: Any) -> None:
    await exchange.server.modules.unload("res_pjsip_refer")
    await connect(phone, bob, sdp)
    in_dialog(bob, "REFER", "Refer-To: <sip:103@127.0.0.1>")
    await bob.response(405, "REFER")
    carol.invite("101", headers=(replaces(bob), "Require: replaces"))
    assert (await carol.response(420)).headers.get("Unsupported") == "replaces"
    carol.ack_failure()
    await hang_up(phone, bob)
    await exchange.server.modules.load("res_pjsip_refer")


# Replaces


def replaces(phone: Any, *more: str) -> str:
    """The header that names the phone's call, as another device would send it."""
    return ";".join([f"Replaces: {phone.call_id}", f"to-tag={phone.remote_tag}", f"from-tag={phone.tag}", *more])


def media_of(exchange: Any) -> list[str]:
    """Where each channel's audio goes."""
    return [channel.driver.read_attribute("rtp", ["dest"]) for channel in exchange.server.channels]


@pytest.mark.parametrize("replaced", ["caller", "callee"])
@pytest.mark.parametrize("first", ["new", "stays"])
@ensureDeferred
async def test_a_call_takes_the_place_of_another(
    exchange: Any, phone: Any, bob: Any, carol: Any, sdp: Any, replaced: str, first: str
) -> None:
    await connect(phone, bob, sdp)
    gone, stays = (phone, bob) if replaced == "caller" else (bob, phone)
    carol.invite("101", sdp(port=40200), headers=(replaces(gone), "Require: replaces"))
    await carol.response(200)
    carol.ack()
    await goodbye(gone)
    stay = "127.0.0.1:40100" if stays is bob else "127.0.0.1:40000"
    await exchange.until(lambda: sorted(media_of(exchange)) == sorted(["127.0.0.1:40200", stay]), "two parties")
    one, two = exchange.server.channels
    assert one.bridge is two.bridge is not None
    assert len(exchange.server.bridges) == 1
    if first == "new":
        await hang_up(carol)
        if replaced == "callee":
            # The caller's dialplan goes on after its Dial.
            await exchange.until(lambda: exchange.server.channels.get_global("after") == "ANSWER", "after the Dial")
        await goodbye(stays)
    else:
        await hang_up(stays, carol)


@ensureDeferred
async def test_a_ringing_call_is_taken_by_another_phone(
    exchange: Any, phone: Any, bob: Any, carol: Any, sdp: Any
) -> None:
    """As phones do that watch an extension: the INVITE names the dialog that still rings."""
    phone.invite("200")
    invite = await bob.wanted("INVITE")
    bob.answer(invite, 180)
    await phone.response(180)
    adopt(bob, invite)
    dialled = exchange.server.channels.find(exchange.channels[1])
    told: list[Any] = []
    exchange.server.bus.subscribe(messages.ChannelRenamed, told.append)
    carol.invite("101", sdp(port=40200), headers=(replaces(bob, "early-only"),))
    await carol.response(200)
    carol.ack()
    cancel = await bob.wanted("CANCEL")
    bob.answer(cancel, 200)
    bob.answer(invite, 487)
    await bob.wanted("ACK")
    await phone.response(200)
    phone.ack()
    await exchange.until(lambda: media_of(exchange) == ["127.0.0.1:40000", "127.0.0.1:40200"], "both talk")
    # Who dialled sees the same channel, which has the other's name, ids and far end now.
    assert exchange.channels[1] == dialled.name == "PJSIP/phone-00000002"
    assert dialled.uniqueid.endswith(".2")
    assert dialled.linkedid == dialled.uniqueid
    assert exchange.server.channels.find_id(dialled.uniqueid) is dialled
    assert told == []
    assert exchange.server.channels.of_device("PJSIP/phone")[0].bridge is dialled.bridge is not None
    await hang_up(carol)
    await goodbye(phone)


@ensureDeferred
async def test_an_announcement_goes_on_for_another_phone(exchange: Any, phone: Any, carol: Any, sdp: Any) -> None:
    await phone.established("101")
    channel = next(iter(exchange.server.channels))
    carol.invite("103", sdp(port=40200), headers=(replaces(phone),))
    await carol.response(200)
    carol.ack()
    await goodbye(phone)
    await exchange.until(lambda: media_of(exchange) == ["127.0.0.1:40200"], "one channel")
    assert next(iter(exchange.server.channels)) is channel
    assert (channel.exten, channel.application) == ("101", "Wait")
    assert exchange.sessions.of_channel(channel).call_id == carol.call_id
    await hang_up(carol)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda header: header + ";early-only", 486),
        (lambda header: header.replace("to-tag=", "to-tag=x"), 481),
        (lambda header: header.replace("Replaces: ", "Replaces: x"), 481),
        (lambda header: "Replaces: nonsense", 400),
        (lambda header: f"{header}\r\n{header}", 400),
    ],
)
@ensureDeferred
async def test_what_cannot_be_replaced(
    exchange: Any, phone: Any, carol: Any, change: Callable[[str], str], code: int
) -> None:
    await phone.established("101")
    carol.invite("101", headers=(change(replaces(phone)),))
    await carol.response(code)
    carol.ack_failure()
    assert len(exchange.channels) == 1
    await hang_up(phone)


@ensureDeferred
async def test_a_call_that_came_in_and_rings_is_not_replaced(phone: Any, carol: Any) -> None:
    phone.invite("103")
    await phone.response(180)
    carol.invite("101", headers=(replaces(phone),))
    await carol.response(481)
    carol.ack_failure()
    phone.remote_tag = ""
    phone.request("CANCEL", cseq=1, branch=phone.branch)
    await phone.response(487)
    phone.ack_failure()

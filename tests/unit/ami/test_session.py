"""Sessions: greeting, login in all its ways, rights, masks, order of replies and events."""

from __future__ import annotations

import hashlib

import pytest

from ami.codec import encode_message
from ami.manager import Manager
from ami.secrets import hash_secret
from ami.users import read_manager_conf
from pbx.core import messages
from pbx.security_events import (
    SECURITY_EVENTS,
    ChallengeResponseFailed,
    FailedACL,
    InvalidAccountID,
    InvalidPassword,
    RequestBadFormat,
    RequestNotAllowed,
    SessionLimit,
    SuccessfulAuth,
)
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import MANAGER_CONF, AmiPair, Connect


@pytest.fixture
def security(harness: DialplanHarness) -> list[object]:
    seen: list[object] = []
    harness.server.bus.subscribe_many(SECURITY_EVENTS, seen.append)
    return seen


def reconfigure(harness: DialplanHarness, manager: Manager, text: str) -> None:
    harness.write("manager.conf", text)
    harness.server.config.forget()
    manager.configure(read_manager_conf(harness.server.config))


def test_the_greeting_is_one_line(connect: Connect) -> None:
    pair = connect()
    assert pair.link.data == b"Asterisk Call Manager/11.0.0\r\n"


def test_a_plain_login(connect: Connect, security: list[object]) -> None:
    pair = connect()
    reply = pair.login(ActionID="9")
    assert reply.headers == [("Response", "Success"), ("ActionID", "9"), ("Message", "Authentication accepted")]
    assert isinstance(security[0], SuccessfulAuth)
    assert pair.login()["Message"] == "Already authenticated"


def test_fully_booted_follows_the_login(connect: Connect, harness: DialplanHarness) -> None:
    harness.server.started_at = harness.server.reloaded_at = harness.server.clock.now() - 5
    harness.server.set_booted()
    reply, event, *_ = connect().ask("Login", Username="admin", Secret="x1")
    assert reply["Message"] == "Authentication accepted"
    assert event.headers == [
        ("Event", "FullyBooted"),
        ("Privilege", "system,all"),
        ("Uptime", "5"),
        ("LastReload", "5"),
        ("Status", "Fully Booted"),
    ]


def test_who_logs_in_before_the_boot_hears_of_it(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.server.bus.publish(messages.FullyBooted(3.2))
    (event,) = admin.events()
    assert (event["Event"], event["Uptime"]) == ("FullyBooted", "3")


@pytest.mark.parametrize(
    ("user", "secret", "kind"),
    [("admin", "wrong", InvalidPassword), ("nobody", "x1", InvalidAccountID), ("", "x1", None)],
)
def test_a_refused_login_waits_a_second_and_ends(
    connect: Connect, harness: DialplanHarness, security: list[object], user: str, secret: str, kind: type | None
) -> None:
    pair = connect()
    pair.receive()
    assert pair.ask("Login", Username=user, Secret=secret, ActionID="3") == []
    assert pair.ask("Ping") == []
    harness.core.clock.advance(0.9)
    assert pair.receive() == []
    harness.core.clock.advance(0.2)
    (reply,) = pair.receive()
    assert reply.headers == [("Response", "Error"), ("ActionID", "3"), ("Message", "Authentication failed")]
    assert pair.link.closed
    assert [type(each) for each in security] == ([] if kind is None else [kind])


def test_md5_login(connect: Connect) -> None:
    pair = connect()
    challenge = pair.reply("Challenge", AuthType="md5")["Challenge"]
    assert challenge.isdecimal()
    assert pair.reply("Challenge", AuthType="MD5")["Challenge"] == challenge
    key = hashlib.md5(f"{challenge}x1".encode()).hexdigest()
    assert pair.reply("Login", AuthType="MD5", Username="admin", Key=key)["Response"] == "Success"


def test_md5_login_with_a_wrong_key(connect: Connect, harness: DialplanHarness, security: list[object]) -> None:
    pair = connect()
    pair.reply("Challenge", AuthType="MD5")
    assert pair.ask("Login", AuthType="MD5", Username="admin", Key="0" * 32) == []
    harness.core.clock.advance(1)
    assert pair.receive()[0]["Message"] == "Authentication failed"
    (event,) = security
    assert isinstance(event, ChallengeResponseFailed)
    assert "x1" not in str(list(event.fields()))


def test_other_challenges_are_refused(connect: Connect) -> None:
    pair = connect()
    assert pair.reply("Challenge", AuthType="SHA")["Message"] == "Must specify AuthType"
    assert pair.reply("Challenge")["Message"] == "Must specify AuthType"


def test_a_hashed_secret(connect: Connect, harness: DialplanHarness, manager: Manager) -> None:
    hashed = hash_secret("x1", cost_log2=4)
    reconfigure(harness, manager, MANAGER_CONF.replace("secret = x1", f"secret = {hashed}"))
    assert connect().login()["Response"] == "Success"
    wrong = connect()
    assert wrong.ask("Login", Username="admin", Secret=hashed) == []
    harness.core.clock.advance(1)
    assert wrong.receive()[0]["Message"] == "Authentication failed"


def test_who_comes_from_elsewhere_is_refused(
    connect: Connect, harness: DialplanHarness, manager: Manager, security: list[object]
) -> None:
    text = MANAGER_CONF.replace("secret = x1", "secret = x1\ndeny = 0.0.0.0/0\npermit = 192.0.2.0/24")
    reconfigure(harness, manager, text)
    assert connect("192.0.2.7").login()["Response"] == "Success"
    security.clear()
    far = connect("198.51.100.1")
    assert far.ask("Login", Username="admin", Secret="x1") == []
    harness.core.clock.advance(1)
    assert far.receive()[0]["Message"] == "Authentication failed"
    assert [type(each) for each in security] == [FailedACL]


def test_no_second_login_where_one_is_allowed(
    connect: Connect, harness: DialplanHarness, manager: Manager, security: list[object]
) -> None:
    reconfigure(harness, manager, MANAGER_CONF.replace("[general]", "[general]\nallowmultiplelogin = no"))
    first = connect()
    first.login()
    for request in ({"Secret": "x1"}, {"AuthType": "MD5"}):
        second = connect()
        second.receive()
        assert second.ask("Login" if "Secret" in request else "Challenge", Username="admin", **request) == []
        harness.core.clock.advance(1)
        assert second.receive()[0]["Message"] == "Login Already In Use"
        assert second.link.closed
        manager.lost(second.live)
    assert [type(each) for each in security].count(SessionLimit) == 2
    manager.lost(first.live)
    assert connect().login()["Response"] == "Success"


def test_too_late_for_a_login(connect: Connect, harness: DialplanHarness) -> None:
    silent, known = connect(), connect()
    known.login()
    harness.core.clock.advance(31)
    assert (silent.link.closed, known.link.closed) == (True, False)


def test_too_many_that_have_not_logged_in(connect: Connect, manager: Manager) -> None:
    half_open = [connect() for _ in range(50)]
    assert connect().session is None
    half_open[0].login()
    assert connect().session is not None
    manager.lost(half_open[1].live)
    assert connect().session is not None


@pytest.mark.parametrize("action", ["Ping", "CoreStatus", "Originate", "Nonsense"])
def test_nothing_works_before_the_login(connect: Connect, security: list[object], action: str) -> None:
    pair = connect()
    reply = pair.reply(action, ActionID="1")
    assert (reply["Response"], reply["Message"], reply["ActionID"]) == ("Error", "Permission denied", "1")
    assert isinstance(security[0], RequestNotAllowed)
    assert not pair.link.closed


def test_logoff(admin: AmiPair, connect: Connect) -> None:
    reply = admin.reply("Logoff", ActionID="5")
    assert reply.headers == [
        ("Response", "Goodbye"),
        ("ActionID", "5"),
        ("Message", "Thanks for all the fish."),
    ]
    assert admin.link.closed
    stranger = connect()
    assert stranger.reply("Logoff")["Response"] == "Goodbye"


def test_unknown_and_missing_actions(admin: AmiPair, security: list[object]) -> None:
    reply = admin.reply("Frobnicate", ActionID="2")
    assert reply["Response"] == "Error"
    assert "Frobnicate" in reply["Message"]
    assert "ListCommands" in reply["Message"]
    (reply,) = [each for each in admin.send(b"\r\n") if not each.is_event]
    assert reply["Message"] == "Missing action in request"
    assert [type(each) for each in security] == [RequestBadFormat, RequestBadFormat]
    assert admin.reply("Ping")["Ping"] == "Pong"


def test_a_long_line_and_many_lines_are_answered_and_nothing_is_lost(admin: AmiPair) -> None:
    data = b"Action: Ping\r\nActionID: a\r\nX: " + b"y" * 2048 + b"\r\n\r\n"
    data += b"Action: Ping\r\nActionID: b\r\n" + b"X: y\r\n" * 200 + b"\r\n"
    data += b"Action: Ping\r\nActionID: c\r\n\r\n"
    replies = admin.send(data)
    assert [(each["ActionID"], each["Response"]) for each in replies] == [
        ("a", "Error"),
        ("b", "Error"),
        ("c", "Success"),
    ]


def test_a_reader_may_only_read(connect: Connect, harness: DialplanHarness) -> None:
    pair = connect()
    pair.login("reader", "x2")
    channel = harness.core.fake.incoming("phone").channel
    pair.receive()
    for action, fields in {
        "Hangup": {"Channel": channel.name},
        "Setvar": {"Variable": "A", "Value": "1"},
        "Originate": {"Channel": "Local/100@default", "Application": "Wait"},
        "Command": {"Command": "core show version"},
        "Redirect": {"Channel": channel.name, "Context": "default", "Exten": "100", "Priority": "1"},
        "ModuleLoad": {"LoadType": "reload"},
        "DBPut": {"Family": "a", "Key": "b"},
        "UpdateConfig": {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"},
        "UserEvent": {"UserEvent": "x"},
        "Status": {},
    }.items():
        assert pair.reply(action, **fields)["Message"] == "Permission denied", action
    assert channel.alive
    assert pair.reply("Ping")["Response"] == "Success"
    names = pair.reply("ListCommands").names
    assert {"Ping", "Events", "Logoff"} <= set(names)
    assert not {"Originate", "Command", "Hangup"} & set(names)


@pytest.mark.parametrize(
    ("mask", "answer", "hears"),
    [
        ("on", "On", True),
        ("off", "Off", False),
        ("call", "On", True),
        ("dtmf,cdr", "On", False),
        ("2", "On", True),
        ("0", "Off", False),
    ],
)
def test_event_masks(admin: AmiPair, harness: DialplanHarness, mask: str, answer: str, hears: bool) -> None:
    reply = admin.reply("Events", EventMask=mask, ActionID="1")
    assert reply.headers == [("Response", "Success"), ("ActionID", "1"), ("Events", answer)]
    harness.core.fake.incoming("phone")
    assert ("Newchannel" in [each["Event"] for each in admin.events()]) is hears


def test_an_empty_mask_is_an_error(admin: AmiPair) -> None:
    assert admin.reply("Events")["Message"] == "Invalid event mask"


def test_the_mask_of_a_login(connect: Connect, harness: DialplanHarness) -> None:
    pair = connect()
    pair.login(Events="off")
    pair.receive()
    harness.core.fake.incoming("phone")
    assert pair.events() == []


def test_nobody_hears_what_he_may_not_read(connect: Connect, harness: DialplanHarness) -> None:
    pair = connect()
    pair.login("caller", "x3", Events="on")
    pair.receive()
    far = harness.core.fake.incoming("phone")
    far.channel.set_variable("A", "1")
    far.press("5")
    assert {each["Event"] for each in pair.events()} == {"Newchannel", "Newexten"} - {"Newexten"}


def test_the_bus_is_read_only_while_somebody_listens(connect: Connect, harness: DialplanHarness) -> None:
    bus = harness.server.bus
    assert not bus.wanted(messages.HangupRequested)
    pair = connect()
    assert not bus.wanted(messages.HangupRequested)
    pair.login("caller", "x3")
    assert bus.wanted(messages.HangupRequested)
    assert not bus.wanted(messages.DigitBegan)
    pair.reply("Events", EventMask="off")
    assert not bus.wanted(messages.HangupRequested)
    pair.reply("Events", EventMask="on")
    assert bus.wanted(messages.HangupRequested)
    pair.manager.lost(pair.live)
    assert not bus.wanted(messages.HangupRequested)


def test_pipelined_requests_are_answered_in_order(admin: AmiPair) -> None:
    data = b"".join(encode_message([("Action", "Ping"), ("ActionID", str(n))]) for n in range(500))
    assert [each["ActionID"] for each in admin.send(data)] == [str(n) for n in range(500)]


def test_a_waiting_action_keeps_no_other_waiting(admin: AmiPair, harness: DialplanHarness) -> None:
    assert admin.ask("WaitEvent", Timeout="5", ActionID="w") == []
    assert admin.reply("Ping", ActionID="p")["Ping"] == "Pong"
    harness.core.clock.advance(5)
    reply, end = admin.receive()
    assert (reply["ActionID"], reply["Message"]) == ("w", "Waiting for Event completed.")
    assert (end["Event"], end["ActionID"]) == ("WaitEventComplete", "w")


def test_events_go_on_after_a_wait_that_timed_out(admin: AmiPair, harness: DialplanHarness) -> None:
    admin.ask("WaitEvent", Timeout="1")
    harness.core.clock.advance(1)
    assert admin.receive()[-1]["Event"] == "WaitEventComplete"
    harness.core.bus.publish(messages.UserEvent("Later", ()))
    harness.core.bus.publish(messages.UserEvent("Again", ()))
    assert [event["UserEvent"] for event in admin.events()] == ["Later", "Again"]


def test_too_many_waiting_actions_pause_the_reading(admin: AmiPair, harness: DialplanHarness) -> None:
    data = b"".join(
        encode_message([("Action", "WaitEvent"), ("Timeout", "2"), ("ActionID", str(n))]) for n in range(300)
    )
    admin.send(data)
    seen = [admin.link.paused]
    for seconds in (2, 0, 2):
        harness.core.clock.advance(seconds)
        seen.append(admin.link.paused)
    assert (seen[0], seen[-1]) == (True, False)
    replies = [each for each in admin.receive() if not each.is_event]
    assert len(replies) == 300


def test_an_event_caused_by_an_action_follows_its_reply(admin: AmiPair) -> None:
    reply, event = admin.ask("Setvar", Variable="A", Value="1", ActionID="1")
    assert reply["Message"] == "Variable Set"
    assert (event["Event"], event["Channel"], event["Value"]) == ("VarSet", "none", "1")


def test_a_line_break_in_an_action_id_makes_no_header(admin: AmiPair) -> None:
    admin.send(b"Action: Ping\r\nActionID: a\rInjected: b\r\n\r\n")
    assert b"ActionID: a\\rInjected: b\r\n" in admin.link.data


def test_a_defect_in_an_action_is_an_error_and_no_more(
    admin: AmiPair, harness: DialplanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(harness.server.astdb, "get", broken)
    assert "Internal error" in admin.reply("DBGet", Family="a", Key="b")["Message"]
    assert admin.reply("Ping")["Ping"] == "Pong"


def test_shutting_down(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.server.stopping = "now"
    assert admin.reply("Ping")["Message"] == "Asterisk is shutting down"


def test_no_secret_is_logged(connect: Connect, harness: DialplanHarness) -> None:
    for user, secret in (("admin", "x1"), ("admin", "sesame-open"), ("nobody", "sesame-open")):
        connect().ask("Login", Username=user, Secret=secret)
    harness.core.clock.advance(2)
    assert any("failed to authenticate" in line for line in harness.log)
    assert not any("sesame" in line for line in harness.log)

"""One golden record for each shape of a call: what Master.csv says when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.deferreds import result_of, start


def far(books: Any, resource: str) -> Any:
    return books.harness.core.fake.drivers[resource][-1]


def test_an_answered_call(records: Any) -> None:
    books = records()
    call = books.harness.call("dial")
    books.harness.core.clock.advance(3)
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(7)
    far(books, "a").hang_up()
    assert books.rows() == [("dial", "Fake/a", "ANSWERED", 10, 7)]
    record = books.finished[0]
    assert (record.lastapp, record.lastdata, record.dcontext) == ("Dial", "Fake/a,20", "default")
    assert (record.src, record.clid, record.channel) == ("1000", '"" <1000>', call.channel.name)
    assert (record.uniqueid, record.linkedid) == (call.channel.uniqueid, call.channel.linkedid)
    assert record.answer - record.start == 3_000_000


def test_the_caller_hangs_up_in_the_talk(records: Any) -> None:
    books = records()
    call = books.harness.call("dial")
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(4)
    call.far.hang_up()
    assert books.rows() == [("dial", "Fake/a", "ANSWERED", 4, 4)]


@pytest.mark.parametrize(
    ("control", "cause", "disposition"),
    [
        (Control.BUSY, 0, "BUSY"),
        (Control.CONGESTION, 0, "FAILED"),
        (None, Cause.USER_BUSY, "BUSY"),
        (None, Cause.NO_ANSWER, "NO ANSWER"),
        (None, Cause.NO_ROUTE_DESTINATION, "FAILED"),
    ],
)
def test_a_call_that_is_refused(records: Any, control: Control | None, cause: int, disposition: str) -> None:
    books = records()
    books.harness.call("dial")
    books.harness.core.clock.advance(2)
    if control is None:
        far(books, "a").hang_up(cause)
    else:
        far(books, "a").say(control)
    # The caller hears busy or congestion meanwhile, which is none of the record's business.
    books.harness.core.clock.advance(10)
    assert books.rows() == [("dial", "Fake/a", disposition, 2, 0)]


def test_nobody_answers(records: Any) -> None:
    books = records()
    books.harness.call("dial")
    books.harness.core.clock.advance(20)
    assert books.rows() == [("dial", "Fake/a", "NO ANSWER", 20, 0)]


@pytest.mark.parametrize(("conf", "disposition"), [("", "NO ANSWER"), ("canceldispositionenabled = yes", "CANCEL")])
def test_the_caller_gives_up(records: Any, conf: str, disposition: str) -> None:
    books = records(f"[general]\n{conf}\n")
    call = books.harness.call("dial")
    books.harness.core.clock.advance(5)
    call.far.hang_up()
    assert books.rows() == [("dial", "Fake/a", disposition, 5, 0)]


def test_congestion_can_have_a_word_of_its_own(records: Any) -> None:
    books = records("[general]\ncongestion = yes\n")
    books.harness.call("dial")
    far(books, "a").say(Control.CONGESTION)
    books.harness.core.clock.advance(10)
    assert books.rows() == [("dial", "Fake/a", "CONGESTION", 0, 0)]


def test_a_forked_dial_has_a_record_for_each(records: Any) -> None:
    books = records()
    call = books.harness.call("fork")
    books.harness.core.clock.advance(2)
    far(books, "b").say(Control.ANSWER)
    books.harness.core.clock.advance(3)
    call.far.hang_up()
    assert books.rows() == [("fork", "Fake/a", "NO ANSWER", 2, 0), ("fork", "Fake/b", "ANSWERED", 5, 3)]
    assert [record.sequence for record in books.finished] == [0, 3]


def test_a_call_that_is_only_answered(records: Any) -> None:
    books = records()
    call = books.harness.call("answer")
    books.harness.core.clock.advance(2)
    call.far.hang_up()
    assert books.rows() == [("answer", "", "ANSWERED", 2, 2)]
    assert (books.finished[0].lastapp, books.finished[0].lastdata) == ("Wait", "5")


@pytest.mark.parametrize(("conf", "rows"), [("", []), ("unanswered = yes", [("silent", "", "NO ANSWER", 2, 0)])])
def test_a_call_that_nobody_answers_and_nobody_gets(records: Any, conf: str, rows: list[Any]) -> None:
    books = records(f"[general]\n{conf}\n")
    call = books.harness.call("silent")
    books.harness.core.clock.advance(2)
    call.far.hang_up()
    assert books.rows() == rows


def test_local_channels_have_records_of_both_halves(records: Any) -> None:
    books = records()
    call = books.harness.call("chain")
    books.harness.core.clock.advance(0)
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(4)
    call.far.hang_up()
    assert sorted(books.rows()) == [
        ("chain", "Local/dial@default", "ANSWERED", 4, 4),
        ("dial", "Fake/a", "ANSWERED", 4, 4),
    ]


def test_what_goes_on_behind_a_dial_is_another_record(records: Any) -> None:
    books = records(extensions_conf="[c]\nexten => on,1,Dial(Fake/a,,g)\n same => n,Wait(2)\n same => n,NoOp()\n")
    call = books.harness.call("on", "c")
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(3)
    far(books, "a").hang_up()
    books.harness.core.clock.advance(2)
    assert call.ended
    assert books.rows() == [("on", "Fake/a", "ANSWERED", 3, 3), ("on", "", "ANSWERED", 2, 2)]
    assert [(record.lastapp, record.lastdata) for record in books.finished] == [("Dial", "Fake/a,,g"), ("NoOp", "")]


def test_a_subroutine_is_not_where_the_call_went(records: Any) -> None:
    plan = (
        "[c]\nexten => on,1,Answer()\n same => n,Gosub(sub,s,1)\n same => n,Wait(1)\n"
        "[sub]\nexten => s,1,Wait(2)\n same => n,Return()\n"
    )
    books = records(extensions_conf=plan)
    call = books.harness.call("on", "c")
    books.harness.core.clock.advance(1)
    call.far.hang_up()
    assert [(r.dst, r.dcontext, r.lastapp) for r in books.finished] == [("on", "c", "Wait")]


def test_a_lua_extension_stays_at_one_place(records: Any) -> None:
    books = records()
    books.harness.call("on")
    far(books, "a").say(Control.ANSWER)
    far(books, "a").hang_up()
    books.harness.core.clock.advance(2)
    assert [record.dstchannel[:6] for record in books.finished] == ["Fake/a"]


def test_the_end_comes_before_h_unless_it_is_told_otherwise(records: Any) -> None:
    books = records()
    books.harness.call("answer").far.hang_up()
    assert [(r.dst, r.lastapp) for r in books.finished] == [("answer", "Wait")]
    books = records("[general]\nendbeforehexten = no\n")
    books.harness.call("answer").far.hang_up()
    assert [(r.dst, r.lastapp) for r in books.finished] == [("h", "NoOp")]


def test_a_hangup_handler_comes_after_the_end(records: Any) -> None:
    plan = (
        "[c]\nexten => on,1,Dial(Fake/a,,b(pre^s^1))\n"
        "[pre]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=end,s,1)\n same => n,Return()\n"
        "[end]\nexten => s,1,Set(CDR(userfield)=late)\n same => n,Return()\n"
    )
    books = records(extensions_conf=plan)
    books.harness.call("on", "c")
    far(books, "a").say(Control.ANSWER)
    far(books, "a").hang_up()
    assert [(r.dst, r.lastapp, r.userfield) for r in books.finished] == [("on", "Dial", "")]


def test_a_channel_that_is_taken_into_a_bridge_has_no_record_alone(records: Any) -> None:
    from pbx.core.dial import Destination
    from pbx.core.originate import Originate

    books = records(extensions_conf="[c]\nexten => on,1,Answer()\n same => n,Bridge(${A})\n same => n,Wait(1)\n")
    server = books.harness.server
    server.originator.start(Originate(Destination("Fake", "x"), context="default", exten="answer"))
    far(books, "x").say(Control.ANSWER)
    server.channels.set_global("A", far(books, "x").channel.name)
    books.harness.call("on", "c")
    books.harness.core.clock.advance(2)
    far(books, "x").hang_up()
    books.harness.core.clock.advance(1)
    assert books.rows() == [("on", "Fake/x", "ANSWERED", 2, 2), ("on", "", "ANSWERED", 1, 1)]


@pytest.mark.parametrize(
    ("option", "rows_after"),
    [
        ("F", [("Fake/a", "on", "", "Wait")]),
        ("G(c^go^1)", [("Fake/a", "go", "", "Wait"), ("Fake/p", "to", "", "Wait")]),
    ],
)
def test_a_called_party_that_goes_on_has_a_record_of_its_own(
    records: Any, option: str, rows_after: list[tuple[str, ...]]
) -> None:
    books = records(
        extensions_conf=f"[c]\nexten => on,1,Dial(Fake/a,,{option})\n same => n,NoOp()\n same => n,Wait(1)\n"
        "exten => go,1,Goto(to,1)\n same => n,Wait(1)\nexten => to,1,Answer()\n same => n,Wait(5)\n"
    )
    call = books.harness.call("on", "c")
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(0.5)
    call.far.hang_up()
    books.harness.core.clock.advance(1)
    rows = [(r.channel[:6], r.dst, r.dstchannel[:6], r.lastapp) for r in books.finished]
    assert sorted(rows) == sorted([("Fake/p", "on", "Fake/a", "Dial"), *rows_after])


def test_a_file_with_errors_leaves_the_usual_records(records: Any) -> None:
    books = records("[general]\nenabled = yes\nunanswered = yes\n")
    books.harness.call("answer").far.hang_up()
    books.harness.call("silent").far.hang_up()
    assert [r.dst for r in books.finished] == ["answer"]
    assert books.harness.logged("unknown option 'enabled'")
    assert books.harness.logged("Failed to process CDR configuration; using defaults")


def test_an_originated_call(records: Any) -> None:
    from pbx.core.dial import Destination
    from pbx.core.originate import Originate

    books = records()
    server = books.harness.server
    order = Originate(Destination("Fake", "x"), context="default", exten="dial")
    server.originator.start(order)
    books.harness.core.clock.advance(1)
    far(books, "x").say(Control.ANSWER)
    far(books, "a").say(Control.ANSWER)
    books.harness.core.clock.advance(2)
    far(books, "a").hang_up()
    # The answer is that of the one who was called first.
    assert books.rows() == [("dial", "Fake/a", "ANSWERED", 3, 2)]


def test_three_in_a_bridge_make_three_pairs(records: Any) -> None:
    books = records()
    core = books.harness.core
    bridge = core.bridges.create()
    calls = []
    for name in ("x", "y", "z"):
        call = books.harness.call("answer", resource=name)
        calls.append(call)
        call.channel.owner = "stasis"
        bridge.enter(call.channel)
        core.clock.advance(1)
    core.clock.advance(5)
    for call in calls:
        bridge.remove(call.channel)
        call.channel.owner = ""
        call.channel.hangup()
    pairs = sorted((r.channel[:6], r.dstchannel[:6], r.billsec) for r in books.finished if r.dstchannel)
    assert [pair[:2] for pair in pairs] == [("Fake/x", "Fake/y"), ("Fake/x", "Fake/z"), ("Fake/y", "Fake/z")]


def test_without_the_file_records_are_made(records: Any) -> None:
    books = records("")
    books.harness.call("answer").far.hang_up()
    assert books.rows() == [("answer", "", "ANSWERED", 0, 0)]
    # A reload keeps what counted when the file goes.
    books.harness.write("cdr.conf", "[general]\nunanswered = yes\n")
    result_of(start(books.harness.server.reload("cdr")))
    (books.harness.directories.etc / "cdr.conf").unlink()
    result_of(start(books.harness.server.reload("cdr")))
    assert books.engine.settings.unanswered


def test_no_records_and_no_cost_where_they_are_off(records: Any) -> None:
    from pbx.core import messages

    books = records("[general]\nenable = no\n")
    assert books.engine.ledger is None
    assert not books.harness.core.bus.wanted(messages.BridgeLeft)
    books.harness.call("answer").far.hang_up()
    assert books.finished == []


def test_records_given_out_in_batches(records: Any) -> None:
    books = records("[general]\nbatch = yes\nsize = 2\ntime = 60\n")
    for _ in range(2):
        books.harness.call("answer").far.hang_up()
        if not books.finished:
            assert len(books.engine.batch) == 1
    assert len(books.finished) == 2
    books.harness.call("answer").far.hang_up()
    books.harness.core.clock.advance(60)
    assert len(books.finished) == 3
    books.harness.call("answer").far.hang_up()
    assert books.harness.server.cli is not None
    books.engine.submit()
    assert len(books.finished) == 4


def test_calls_in_progress_are_recorded_when_the_exchange_ends(records: Any) -> None:
    books = records()
    books.harness.call("answer")
    books.harness.core.clock.advance(1)
    books.engine.stop()
    assert books.rows() == [("answer", "", "ANSWERED", 1, 1)]


def test_a_call_that_ends_where_it_was_sent_to_went_there(records: Any) -> None:
    from pbx.core.dial import Destination
    from pbx.core.originate import Originate

    books = records(plan="extensions = { default = {} }\n", extensions_conf="[default]\nexten => nowhere,1,Missing()\n")
    books.harness.server.originator.start(Originate(Destination("Fake", "x"), context="default", exten="nowhere"))
    far(books, "x").say(Control.ANSWER)
    assert books.rows() == [("nowhere", "", "ANSWERED", 0, 0)]

"""CDR(), CDR_PROP(), ResetCDR and ForkCDR; the files, the console."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.cdr.backends import CdrLogged
from pbx.core.channel import settle
from pbx.errors import ObeliskError
from pbx.testing.deferreds import result_of, start


def read(books: Any, call: Any, expression: str) -> str:
    async def reading() -> str:
        value: str = await settle(books.harness.engine.read_function(call.channel, expression))
        return value

    return result_of(start(reading()))


def write(books: Any, call: Any, expression: str, value: str) -> None:
    books.harness.engine.write_function(call.channel, expression, value)


def test_fields_of_a_call_in_progress(records: Any) -> None:
    books = records()
    call = books.harness.call("answer")
    books.harness.core.clock.advance(2.25)
    wanted = {
        "clid": '"" <1000>',
        "src": "1000",
        "dst": "answer",
        "dcontext": "default",
        "channel": call.channel.name,
        "lastapp": "Wait",
        "lastdata": "5",
        "duration": "2",
        "billsec": "2",
        "disposition": "NO ANSWER",
        "amaflags": "DOCUMENTATION",
        "amaflags,u": "3",
        "disposition,u": "1",
        "duration,f": "2.250000",
        "billsec,f": "2.250000",
        "start,u": "1700000000.000000",
        "uniqueid": call.channel.uniqueid,
        "sequence": "0",
        "end": "",
        "nothing": "",
        "userfield": "",
    }
    assert {name: read(books, call, f"CDR({name})") for name in wanted} == wanted
    assert len(read(books, call, "CDR(answer)")) == len("2023-11-14 22:13:20")


def test_what_can_be_set(records: Any) -> None:
    books = records()
    call = books.harness.call("answer")
    write(books, call, "CDR(userfield)", "u1")
    write(books, call, "CDR(Colour)", "red")
    write(books, call, "CDR(accountcode)", "acc")
    write(books, call, "CDR(amaflags)", "BILLING")
    write(books, call, "CDR(peeraccount)", "x")
    assert (read(books, call, "CDR(colour)"), read(books, call, "CDR(userfield)")) == ("red", "u1")
    for wrong in ("CDR(dst)", "CDR()", "CDR_PROP(nothing)"):
        with pytest.raises(ObeliskError):
            write(books, call, wrong, "1")
    with pytest.raises(ObeliskError):
        read(books, call, "CDR_PROP(disable)")
    call.far.hang_up()
    record = books.finished[0]
    assert (record.userfield, record.accountcode, record.text("amaflags")) == ("u1", "acc", "BILLING")
    assert record.text("COLOUR") == "red"


def test_userfields_of_both_sides(records: Any) -> None:
    from pbx.core.frames import Control

    books = records()
    call = books.harness.call("dial")
    far = books.harness.core.fake.drivers["a"][-1]
    far.say(Control.ANSWER)
    write(books, call, "CDR(userfield)", "mine")
    books.harness.engine.write_function(far.channel, "CDR(userfield)", "theirs")
    call.far.hang_up()
    assert books.finished[0].userfield == "mine;theirs"


def test_no_record_of_a_channel_that_wants_none(records: Any) -> None:
    books = records()
    call = books.harness.call("answer")
    write(books, call, "CDR_PROP(disable)", "1")
    call.far.hang_up()
    books = records("[general]\nchanneldefaultenabled = no\n")
    call = books.harness.call("answer")
    call.far.hang_up()
    wanted = books.harness.call("answer")
    write(books, wanted, "CDR_PROP(disable)", "0")
    wanted.far.hang_up()
    assert len(books.finished) == 1


def run(books: Any, call: Any, application: str, data: str = "") -> None:
    books.harness.engine.call(books.harness.engine.registry.application(application), call.channel, data)


def test_reset(records: Any) -> None:
    books = records()
    call = books.harness.call("answer")
    write(books, call, "CDR(a)", "1")
    books.harness.core.clock.advance(2)
    run(books, call, "ResetCDR", "v")
    assert read(books, call, "CDR(a)") == "1"
    run(books, call, "ResetCDR")
    assert read(books, call, "CDR(a)") == ""
    books.harness.core.clock.advance(1)
    call.far.hang_up()
    assert books.rows() == [("answer", "", "ANSWERED", 1, 1)]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ("", [(3, 3, ""), (3, 3, "")]),
        ("v", [(3, 3, "1"), (3, 3, "1")]),
        ("e", [(2, 2, "1"), (3, 3, "")]),
        ("r", [(3, 3, "1"), (1, 1, "")]),
        ("a", [(3, 3, "1"), (3, 1, "")]),
    ],
)
def test_fork(records: Any, options: str, rows: list[Any]) -> None:
    books = records()
    call = books.harness.call("answer")
    write(books, call, "CDR(a)", "1")
    books.harness.core.clock.advance(2)
    run(books, call, "ForkCDR", options)
    books.harness.core.clock.advance(1)
    call.far.hang_up()
    found = [(record.duration, record.billsec, record.text("a")) for record in books.finished]
    if options == "":
        rows = [(3, 3, "1"), (3, 3, "")]
    assert found == rows


def test_without_records_functions_fail_and_applications_warn(records: Any) -> None:
    books = records("[general]\nenable = no\n")
    call = books.harness.call("answer")
    with pytest.raises(ObeliskError, match="Unable to find CDR"):
        read(books, call, "CDR(src)")
    run(books, call, "ForkCDR")
    run(books, call, "ResetCDR")
    assert books.harness.logged("Failed to fork CDR")
    assert books.harness.logged("Failed to reset CDRs")


def test_master_csv_and_the_files_of_accounts(records: Any) -> None:
    books = records("[general]\n[csv]\nloguniqueid = yes\nloguserfield = yes\nnewcdrcolumns = yes\nusegmtime = yes\n")
    for account in ("sales", "../x", ""):
        call = books.harness.call("answer")
        call.channel.accountcode = account
        write(books, call, "CDR(userfield)", 'say "hi"\nthere')
        books.harness.core.clock.advance(2)
        call.far.hang_up()
    directory = books.harness.directories.log / "cdr-csv"
    lines = (directory / "Master.csv").read_text().splitlines()
    uniqueid = books.finished[0].uniqueid
    assert lines[0] == (
        f'"sales","1000","answer","default",""""" <1000>","{books.finished[0].channel}","","Wait","5",'
        '"2023-11-14 22:13:20","2023-11-14 22:13:20","2023-11-14 22:13:22",2,2,"ANSWERED","DOCUMENTATION",'
        f'"{uniqueid}","say ""hi"" there","","{uniqueid}",0'
    )
    assert len(lines) == 3
    assert sorted(path.name for path in directory.iterdir()) == ["Master.csv", "sales.csv"]
    assert books.harness.logged("insecure for writing file")


def test_the_manager_s_records(records: Any) -> None:
    books = records(cdr_manager_conf="[general]\nenabled = yes\n[mappings]\ncolour => Colour\ndst => Target\n")
    told: list[CdrLogged] = []
    books.harness.core.bus.subscribe(CdrLogged, told.append)
    call = books.harness.call("answer")
    write(books, call, "CDR(colour)", "red")
    call.far.hang_up()
    assert told[0].fields == (("Colour", "red"), ("Target", "answer"))
    assert told[0].record.src == "1000"
    quiet = records(cdr_manager_conf="[general]\nenabled = no\n")
    assert list(quiet.engine.backends) == ["test"]


def command(books: Any, line: str) -> str:
    result = result_of(start(books.harness.server.cli.run(line)))
    return str(result.output)


def test_the_console(records: Any) -> None:
    books = records("[general]\nbatch = yes\n[csv]\n")
    call = books.harness.call("answer")
    status = command(books, "cdr show status").splitlines()
    assert status[1] == "Call Detail Record (CDR) settings"
    assert "  Logging:                    Enabled" in status
    assert "  Mode:                       Batch" in status
    assert "  Maximum batch size:         100 records" in status
    assert "    csv" in status
    shown = command(books, "cdr show active").splitlines()
    assert shown[3].split() == [
        "Channel",
        "Dst.",
        "Channel",
        "LastApp",
        "Start",
        "Answer",
        "End",
        "Billsec",
        "Duration",
    ]
    assert shown[4].split()[:3] == [call.channel.name, "<none>", "Wait"]
    one = command(books, f"cdr show active {call.channel.name}").splitlines()
    assert one[1] == f"Call Detail Record (CDR) Information for {call.channel.name}"
    assert command(books, "cdr show active none") == "Unknown channel: none\n"
    assert "Submitted CDRs" in command(books, "cdr submit")
    assert command(books, "cdr set debug on") == "CDR debugging enabled\n"
    off = records("[general]\nenable = no\n")
    assert "  Logging:                    Disabled" in command(off, "cdr show status")
    assert "CDR engine disabled" in command(off, "cdr submit")

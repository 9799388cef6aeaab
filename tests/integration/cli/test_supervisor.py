"""The supervisor with small programs in place of the exchange: what it does depends only on how its child ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

CRASHES_ONCE = """
import os, pathlib, sys
report = os.environ.get("OBELISK_CRASH_REPORT")
if report is None:
    sys.stderr.write("pjsip.c:12: f: Assertion `tdata != NULL' failed.\\n")
    sys.stderr.flush()
    os.abort()
pathlib.Path(sys.argv[1]).write_text(report)
"""
WAITS = r"""
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
# No print: the signal may come while "ready" is still being printed.
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"reloaded\n"))
os.write(1, b"ready\n")
while True:
    signal.pause()
"""
SUPERVISE = """
import sys
from pbx.cli.supervisor import Supervisor
sys.exit(Supervisor(sys.argv[2:], program=(sys.argv[1],)).run())
"""
TIMEOUT = 10.0


def supervise(tmp_path: Path, program: str) -> subprocess.Popen[str]:
    script = tmp_path / "program.py"
    script.write_text(program)
    command = [sys.executable, "-c", SUPERVISE, str(script), str(tmp_path / "out")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_after_an_assertion_it_starts_again_and_hands_the_text_on(tmp_path: Path) -> None:
    started = time.monotonic()
    process = supervise(tmp_path, CRASHES_ONCE)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert time.monotonic() - started < 3.0
    report = (tmp_path / "out").read_text()
    assert report.startswith("signal SIGABRT\n")
    assert "Assertion `tdata != NULL' failed." in report
    # What the exchange writes is passed on as well.
    assert "Assertion `tdata != NULL' failed." in errors
    assert "the exchange ended by signal SIGABRT" in errors


CRASHES_AT_LENGTH = r"""
import os, pathlib, sys, time
report = os.environ.get("OBELISK_CRASH_REPORT")
if report is None:
    os.write(2, b"Assertion `tdata != NULL' failed.\n")
    for number in range(150):
        for piece in (b"  File ", b'"a.py"', b", line ", b"%d in f\n" % number):
            os.write(2, piece)
            time.sleep(0.001)
    os.write(2, "the l\u00e4st".encode())
    os.abort()
pathlib.Path(sys.argv[1]).write_text(report, "utf-8")
"""


def test_a_report_that_comes_word_by_word_is_handed_on_whole(tmp_path: Path) -> None:
    process = supervise(tmp_path, CRASHES_AT_LENGTH)
    process.communicate(timeout=TIMEOUT)
    lines = (tmp_path / "out").read_text("utf-8").split("\n")
    assert lines[:2] == ["signal SIGABRT", "Assertion `tdata != NULL' failed."]
    assert lines[2:-1] == [f'  File "a.py", line {number} in f' for number in range(150)]
    assert lines[-1] == "the l\u00e4st"


def test_a_refusal_to_start_is_not_repeated(tmp_path: Path) -> None:
    process = supervise(tmp_path, "import sys; sys.exit('asterisk.conf:3: no')")
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert errors == "asterisk.conf:3: no\n"


def test_signals_reach_the_exchange_and_stopping_is_clean(tmp_path: Path) -> None:
    process = supervise(tmp_path, WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == "reloaded\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0

"""Child processes get the files that are meant for them, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pbx import processes
from pbx.processes import spawn
from pbx.sockets import FIRST_HIGH
from pbx.testing._waiting import KeptProcess
from pbx.testing.media import open_descriptors

FILES: dict[int, int | str] = {0: "w", 1: "r", 2: "r"}
LIST = "import os; print(*sorted(int(name) for name in os.listdir('/proc/self/fd')))"


async def said(code: str, files: dict[int, int | str]) -> str:
    """What a Python program prints."""
    from twisted.internet import reactor

    where: Any = reactor
    kept = KeptProcess(where)
    words = [os.fsencode(word) for word in (sys.executable, "-S", "-c", code)]
    made: Any = spawn(where, kept, sys.executable, words, {"A": "ü"}, files)
    assert all(pipe.fileno() >= FIRST_HIGH for pipe in made.pipes.values())
    assert await kept.wait(10.0) == 0, kept.errors.decode()
    return kept.output.decode().strip()


@pytest.mark.parametrize("quick", [True, False])
async def test_no_file_leaks_into_a_child(monkeypatch: pytest.MonkeyPatch, quick: bool) -> None:
    if not quick:
        # An old kernel.
        monkeypatch.setattr(processes, "seal", lambda: False)
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    try:
        # 3 is the folder it lists.
        assert await said(LIST, FILES) == "0 1 2 3"
        os.write(write_end, b"sound")
        code = "import os; print(os.read(3, 100).decode(), os.environ['A'])"
        assert await said(code, {**FILES, 3: read_end}) == "sound ü"
    finally:
        os.close(read_end)
        os.close(write_end)


CROSSING = """
import os, sys
for number, letter in ((5, b"a"), (6, b"b")):
    read_end, write_end = os.pipe()
    os.write(write_end, letter)
    os.dup2(read_end, number)
from twisted.internet import reactor
from twisted.internet.protocol import ProcessProtocol
from pbx.processes import spawn

class Child(ProcessProtocol):
    def outReceived(self, data):
        sys.stdout.write(data.decode())

    def processEnded(self, reason):
        reactor.stop()

code = b"import os; print(os.read(5, 1).decode() + os.read(6, 1).decode())"
spawn(reactor, Child(), sys.executable, [b"python", b"-S", b"-c", code], {}, {0: "w", 1: "r", 2: 2, 5: 6, 6: 5})
reactor.run()
"""


def test_files_that_stand_in_each_others_way() -> None:
    """Descriptors 5 and 6 of a program are its child's 6 and 5."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", CROSSING], capture_output=True, text=True, timeout=20, check=False, cwd=root
    )
    assert (done.stdout, done.stderr) == ("ba\n", "")


@pytest.mark.parametrize("path", ["/no/such/program", "/etc/passwd", "/"])
async def test_what_cannot_be_run_says_so(path: str) -> None:
    from twisted.internet import reactor

    where: Any = reactor
    before = open_descriptors()
    with pytest.raises(OSError, match=r"."):
        spawn(where, KeptProcess(where), path, [b"x"], {}, FILES)
    assert open_descriptors() == before


async def test_signals_are_as_programs_expect() -> None:
    code = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(('SigIgn', 'SigBlk'))])"
    blocked, ignored = (int(each, 16) for each in (await said(code, FILES)).split())
    # Python itself ignores SIGPIPE and SIGXFSZ again; 32 and above are the C library's.
    assert (blocked, ignored & 0x7FFFFFFF & ~(1 << 12 | 1 << 24)) == (0, 0)

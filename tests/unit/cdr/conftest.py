"""A harness whose records are collected: `records(lua, ...)` runs a plan with cdr.conf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbx.cdr import Cdr, CdrEngine
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

PLAN = """
extensions = { default = {
  dial = function() app.Dial("Fake/a", 20) app.NoOp() end,
  fork = function() app.Dial("Fake/a&Fake/b", 20) end,
  busy = function() app.Dial("Fake/a") app.Busy(1) end,
  answer = function() app.Answer() app.Wait(5) app.Playback("none") end,
  silent = function() app.Wait(5) end,
  chain = function() app.Dial("Local/dial@default") end,
  on = function() app.Dial("Fake/a", nil, "g") app.Answer() app.Wait(2) end,
  fields = function() app.Answer() FIELDS() app.Wait(3) end,
  h = function() app.NoOp("bye") app.NoOp("again") end,
} }
"""


class Books:
    """The exchange and the records it has finished, in order."""

    def __init__(self, directory: Path, plan: str, conf: str, **files: str) -> None:
        texts = {name.replace("_conf", ".conf"): text for name, text in files.items()}
        texts["extensions.lua"] = plan
        if conf:
            texts["cdr.conf"] = conf
        self.harness = DialplanHarness(directory, texts)
        result_of(start(self.harness.start()))
        self.engine = self.harness.server.require(CdrEngine)
        self.finished: list[Cdr] = []
        self.engine.add_backend("test", self.finished.append)

    def rows(self) -> list[tuple[str, str, str, int, int]]:
        """Of each record: dst, dstchannel's device, disposition, duration, billsec."""
        return [
            (r.dst, r.dstchannel.rpartition("-")[0], r.disposition.text, r.duration, r.billsec) for r in self.finished
        ]


Records = Callable[..., Books]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    made: list[Books] = []

    def make(conf: str = "[general]\n", plan: str = PLAN, **files: str) -> Books:
        books = Books(tmp_path / f"etc{len(made)}", plan, conf, **files)
        made.append(books)
        return books

    yield make
    for books in made:
        result_of(start(books.harness.stop()))

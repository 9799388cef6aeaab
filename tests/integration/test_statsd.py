"""Figures arrive at a StatsD server."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import DatagramProtocol

from pbx.config import ConfigLoader
from pbx.errors import ConfigError
from pbx.statsd import StatsdModule, read_statsd_conf


class Server(DatagramProtocol):
    """A StatsD server that the test reads."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.waiting: Deferred[None] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.lines.append(datagram)
        if not self.waiting.called:
            self.waiting.callback(None)


async def test_figures_arrive_and_a_reload_counts(tmp_path: Path) -> None:
    from twisted.internet import reactor

    where: Any = reactor
    server = Server()
    port = where.listenUDP(0, server, interface="127.0.0.1")
    file = tmp_path / "statsd.conf"
    file.write_text(f"[general]\nenabled = yes\nserver = 127.0.0.1:{port.getHost().port}\nprefix = pbx\n")
    config = ConfigLoader(tmp_path)
    offered: dict[type, Any] = {}
    parts = SimpleNamespace(reactor=reactor, config=config, provide=offered.__setitem__, withdraw=offered.pop)
    module = StatsdModule(parts)  # type: ignore[arg-type]
    await module.load()
    (statsd,) = offered.values()
    statsd.send("calls", "g", "5")
    statsd.send("never", "g", "5", 0.0)
    await server.waiting
    assert server.lines == [b"pbx.calls:5|g"]
    file.write_text("[general]\nenabled = no\n")
    config.forget()
    await module.reload()
    statsd.send("calls", "g", "6")
    await module.unload()
    assert offered == {}
    await maybeDeferred(port.stopListening)
    assert len(server.lines) == 1


@pytest.mark.parametrize("text", ["server = a.name.example", "prefix = " + "x" * 41, "enabled = perhaps", "port = 1"])
def test_a_wrong_file_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "statsd.conf").write_text(f"[general]\n{text}\n")
    with pytest.raises(ConfigError, match=r"statsd\.conf:2"):
        read_statsd_conf(ConfigLoader(tmp_path))

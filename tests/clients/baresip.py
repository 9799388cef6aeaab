"""baresip, a SIP phone built on another stack than ours, steered over its netstring JSON socket (module ctrl_tcp)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.protocols.basic import NetstringReceiver

from pbx.testing._waiting import Changes, KeptProcess, pause
from pbx.testing.addresses import free_port, process_address

SECONDS = 10.0
CONFIG = """
sip_listen {host}:{sip}
rtp_ports {rtp}-{rtp_last}
audio_source aufile,{directory}/say.wav
audio_player aufile,{directory}/player.wav
audio_alert aufile,/dev/null
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
snd_path {directory}
"""


class _Control(NetstringReceiver):
    MAX_LENGTH = 1_000_000

    def __init__(self, seen: Callable[[dict[str, Any]], None]) -> None:
        self._seen = seen

    def stringReceived(self, string: bytes) -> None:
        self._seen(json.loads(string))

    def command(self, name: str, parameters: str) -> None:
        self.sendString(json.dumps({"command": name, "params": parameters}).encode())  # type: ignore[no-untyped-call]


class Baresip:
    """One phone; ``events`` is all it told, as baresip names it (``REGISTER_OK``, ``CALL_ESTABLISHED``, ...)."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self._reactor = reactor
        self.directory = directory
        self.events: list[dict[str, Any]] = []
        self._changes = Changes(reactor)
        self._process = KeptProcess(reactor)
        self._control: _Control | None = None

    @classmethod
    async def start(
        cls, reactor: Any, directory: Path, registrar: str, user: str, password: str, *, account: str = ""
    ) -> Baresip:
        """Start it and register. It speaks what is in ``directory/say.wav``; ``account`` adds account parameters."""
        phone = cls(reactor, directory)
        host = process_address(os.getpid(), 2)
        control, rtp = free_port(host), free_port(host) & ~1
        values = {"host": host, "sip": free_port(host), "rtp": rtp, "rtp_last": rtp + 10, "control": control}
        (directory / "config").write_text(CONFIG.format(directory=directory, **values))
        words = (
            f"<sip:{user}@{registrar}>;auth_user={user};auth_pass={password};regint=300;audio_codecs=PCMU{account}\n"
        )
        (directory / "accounts").write_text(words)
        (directory / "contacts").touch()
        reactor.spawnProcess(
            phone._process, "baresip", ["baresip", "-f", str(directory)], path=str(directory), env={"PATH": "/usr/bin"}
        )
        # It may have registered before anybody could listen to its events, so that is read off its screen.
        deadline = reactor.seconds() + SECONDS
        while b"[1 binding]" not in phone._process.output:
            if reactor.seconds() > deadline or phone._process.ended:
                raise AssertionError(f"baresip has not registered:\n{phone._screen()}")
            await pause(reactor, 0.05)
        endpoint = TCP4ClientEndpoint(reactor, host, control)
        phone._control = await connectProtocol(endpoint, _Control(phone._seen))  # type: ignore[no-untyped-call]
        return phone

    def _screen(self) -> str:
        return bytes(self._process.output[-3000:]).decode(errors="replace")

    def _seen(self, message: dict[str, Any]) -> None:
        if message.get("event"):
            self.events.append(message)
            self._changes.changed()

    async def event(self, kind: str) -> dict[str, Any]:
        """The first event of a kind, once it has come."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.events if event["type"] == kind]

        await self._changes.until(lambda: bool(found()), SECONDS, lambda: f"no {kind}: {self.events}\n{self._screen()}")
        return found()[0]

    def command(self, name: str, parameters: str = "") -> None:
        """A command of its menu: ``dial``, ``accept``, ``hangup``, ``hold``, ``resume``..."""
        assert self._control is not None
        self._control.command(name, parameters)

    def heard(self) -> Path:
        """What came from the far end of the last call that had audio, as a WAV file."""
        return max(self.directory.glob("dump-*-dec.wav"))

    async def stop(self) -> None:
        if self._control is not None and self._control.transport is not None:
            self._control.transport.loseConnection()
        self._process.send_signal("TERM")
        await self._process.end()

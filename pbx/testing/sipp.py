"""SIPp as an asynchronous process: run a scenario, and fail with SIPp's own words when it fails.

Scenarios are XML files; besides SIPp's keywords they may hold ``@NAME@``, filled in before the run from ``fill`` (SIPp
cannot take an expected response code from outside). SIPp is Debian's package sip-tester.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pbx.testing._waiting import PATIENCE_SECONDS, KeptProcess, pause
from pbx.testing.addresses import free_port, process_address

EXIT_FAILED_CALLS = 1
LISTEN_POLL_SECONDS = 0.05


class SippFailed(AssertionError):
    """A scenario did not run as written; the text holds SIPp's error log."""


@dataclass(frozen=True)
class SippResult:
    """The last line of SIPp's statistics."""

    successful: int
    failed: int
    retransmissions: int
    seconds: float
    calls_per_second: float
    """Rate at which calls were made, over the whole run."""


class SippProcess:
    """A running scenario. Make it with `start`; end it with `finish` (waits) or `stop` (asks it to end)."""

    def __init__(
        self, reactor: IReactorTime, scenario: Path, process: KeptProcess, work: Path, address: tuple[str, int]
    ) -> None:
        self._reactor = reactor
        self.scenario = scenario
        self.host, self.port = address
        self._process = process
        self._work = work

    @classmethod
    async def start(
        cls,
        scenario: Path | str,
        target: str | None = None,
        *,
        reactor: Any,
        calls: int | None = 1,
        rate: float = 10.0,
        limit: int | None = None,
        keys: Mapping[str, str] | None = None,
        fill: Mapping[str, str] | None = None,
        injection: Sequence[Sequence[str]] = (),
        service: str = "service",
        host: str | None = None,
        port: int = 0,
        transport: str = "u1",
        call_milliseconds: int = 0,
        timeout: float = 30.0,
        trace: bool = True,
        extra: Sequence[str] = (),
    ) -> SippProcess:
        """Start SIPp; without ``target`` (``host:port``) it waits for calls, and is listening when this returns.

        ``rate`` is in calls a second, ``limit`` bounds the calls at once, ``injection`` rows become [field0], [field1],
        used in turn; ``calls`` None runs until `stop`. After ``timeout`` seconds SIPp ends by itself, with failure.
        Raises SippFailed when SIPp is not installed or ends at once.
        """
        program = shutil.which("sipp")
        if program is None:
            raise SippFailed("SIPp is not installed: apt-get install sip-tester")
        scenario = Path(scenario)
        work = Path(tempfile.mkdtemp(prefix="sipp-"))
        text = scenario.read_text("latin-1")
        for name, value in (fill or {}).items():
            text = text.replace(f"@{name}@", value)
        copy = work / scenario.name
        copy.write_text(text, "latin-1")
        host = host or process_address(os.getpid())
        port = port or free_port(host)
        arguments = [program, *([target] if target else []), "-sf", str(copy), "-i", host, "-p", str(port)]
        arguments += ["-bind_local", "-ci", host, "-t", transport, "-s", service, "-d", str(call_milliseconds)]
        arguments += [
            "-r",
            f"{rate:g}",
            "-nostdin",
            "-max_socket",
            "1000",
            "-timeout",
            f"{timeout:g}",
            "-timeout_error",
        ]
        arguments += [
            "-trace_err",
            "-error_file",
            str(work / "errors"),
            "-trace_stat",
            "-stf",
            str(work / "statistics"),
        ]
        arguments += ["-fd", "1"]
        if trace:
            arguments += ["-trace_msg", "-message_file", str(work / "messages")]
        if calls is not None:
            arguments += ["-m", str(calls)]
        if limit is not None:
            arguments += ["-l", str(limit)]
        if injection:
            rows = "SEQUENTIAL\n" + "".join(";".join(row) + ";\n" for row in injection)
            (work / "injection").write_text(rows, "latin-1")
            arguments += ["-inf", str(work / "injection")]
        for name, value in (keys or {}).items():
            arguments += ["-key", name, value]
        arguments += extra
        process = KeptProcess(reactor)
        reactor.spawnProcess(process, program, arguments, env=dict(os.environ, TERM="dumb"), path=str(work))
        running = cls(reactor, scenario, process, work, (host, port))
        if target is None:
            await running._listening("t" if transport.startswith("t") else "u")
        return running

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def running(self) -> bool:
        return not self._process.ended

    def messages(self) -> str:
        """Every message sent and received, as SIPp traces them."""
        return self._read("messages")

    async def finish(self, timeout: float = 60.0, *, tolerate_failed_calls: bool = False) -> SippResult:
        """Wait for its end; SippFailed with the error log unless every call went as written.

        With ``tolerate_failed_calls`` those are only counted, as long as SIPp itself came to its end.
        """
        try:
            code = await self._process.wait(timeout)
        except TimeoutError:
            await self._process.end(0.0)
            code = None
        result = self._result()
        tolerated = tolerate_failed_calls and code == EXIT_FAILED_CALLS
        if code != 0 and not tolerated:
            why = f"{self.scenario.name} ended with {code}; {result}\n{self._complaints()}"
            self._discard()
            raise SippFailed(why)
        self._discard()
        return result

    async def stop(self, *, tolerate_failed_calls: bool = False) -> SippResult:
        """End a SIPp that waits for calls; SippFailed if a call before that failed, unless that is tolerated."""
        self._process.send_signal("USR1")
        try:
            await self._process.wait(3.0)
        except TimeoutError:
            await self._process.end(0.0)
        result = self._result()
        complaints = self._complaints()
        self._discard()
        if result.failed and not tolerate_failed_calls:
            raise SippFailed(f"{self.scenario.name}: {result}\n{complaints}")
        return result

    async def sleep(self, seconds: float) -> None:
        """Let it run for a while."""
        await pause(self._reactor, seconds)

    async def _listening(self, kind: str) -> None:
        table = Path("/proc/net/tcp" if kind == "t" else "/proc/net/udp")
        address = "".join(f"{int(part):02X}" for part in reversed(self.host.split("."))) + f":{self.port:04X}"

        def ready() -> bool:
            if self._process.ended:
                raise SippFailed(f"{self.scenario.name} ended with {self._process.exit_code}\n{self._complaints()}")
            return f" {address} " in table.read_text()

        for _ in range(int(PATIENCE_SECONDS / LISTEN_POLL_SECONDS)):
            if ready():
                return
            await self.sleep(LISTEN_POLL_SECONDS)
        raise SippFailed(f"{self.scenario.name} does not listen on {self.address}")

    def _read(self, name: str) -> str:
        path = self._work / name
        return path.read_text("latin-1") if path.exists() else ""

    def _complaints(self) -> str:
        said = self._process.errors.decode("latin-1")[-2000:]
        return f"{self._read('errors')[-4000:]}\n{said}\n-- messages --\n{self.messages()[-6000:]}"

    def _result(self) -> SippResult:
        rows = list(csv.DictReader(self._read("statistics").splitlines(), delimiter=";"))
        if not rows:
            return SippResult(0, 0, 0, 0.0, 0.0)
        last = rows[-1]
        hours, minutes, seconds = last["ElapsedTime(C)"].split(":")[:3]
        return SippResult(
            successful=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
            seconds=3600 * int(hours) + 60 * int(minutes) + float(seconds),
            calls_per_second=float(last["CallRate(C)"]),
        )

    def _discard(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)


async def run_sipp(
    scenario: Path | str, target: str, *, reactor: Any, timeout: float = 30.0, **options: Any
) -> SippResult:
    """Run a scenario to its end; the options are those of SippProcess.start. Raises SippFailed."""
    process = await SippProcess.start(scenario, target, reactor=reactor, timeout=timeout, **options)
    return await process.finish(timeout + 10.0)

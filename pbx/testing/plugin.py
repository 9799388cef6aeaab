"""pytest plugin: the fixtures ``live_server``, ``phones`` and ``dialplan``.

The first two are async factories for tests run by pytest-twisted; what they make ends with the test, and the logs of a
failed test are shown with it. ``dialplan`` needs neither a reactor nor sockets.

pytest loads this module in every run, so it imports its parts when they are asked for: those who use none pay nothing,
and coverage measures them.

    @pytest_twisted.ensureDeferred
    async def test_echo(live_server, phones):
        server = await live_server(extensions=LUA)
        alice = await phones("alice", server)

    def test_a_busy_phone(dialplan):
        plan = dialplan("/etc/asterisk")
        plan.phone("PJSIP/bob").busy()
        plan.call("1002", context="internal").expect_sounds("vm-extension")
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from pbx.testing.phone import Phone
    from pbx.testing.scripted import ScriptedDialplan
    from pbx.testing.server import LiveServer

T = TypeVar("T")
LOG_LINES = 200
_failed = pytest.StashKey[bool]()
_logs = pytest.StashKey["list[tuple[str, Callable[[], str]]]"]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Show the logs of phones and servers with the failure of the test that used them."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed:
        item.stash[_failed] = True
        for title, text in item.stash.get(_logs, []):
            lines = text().splitlines()
            report.sections.append((f"{title} (last {LOG_LINES} lines)", "\n".join(lines[-LOG_LINES:])))


class ServerFactory:
    """Starts servers for one test; ``await factory(...)`` takes the arguments of LiveServer.start."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node
        self._logs = node.stash.setdefault(_logs, [])
        self.servers: list[LiveServer] = []
        self.allowed_alarms: list[str] = []
        self.check_at_end = True

    async def __call__(self, **arguments: Any) -> LiveServer:
        from twisted.internet import reactor

        from pbx.testing.server import LiveServer

        server = await LiveServer.start(reactor=reactor, **arguments)
        self.servers.append(server)
        self._logs.append((f"log of the server {server.directory}", server.log_text))
        return server

    def allow(self, *patterns: str) -> None:
        """Alarms in the log that this test provokes: regular expressions."""
        self.allowed_alarms.extend(patterns)

    async def close(self) -> None:
        """Check, stop and remove every server; the directories of a failed test are kept."""
        failed = self._node.stash.get(_failed, False)
        problems: list[AssertionError] = []
        for server in self.servers:
            try:
                if self.check_at_end and not failed and (server.running or server.exit_code != 0):
                    await server.check_clean(self.allowed_alarms)
            except AssertionError as problem:
                problems.append(problem)
            try:
                code = await server.stop()
                if self.check_at_end and not failed and code not in (0, None):
                    raise AssertionError(f"the server ended with exit code {code}")
            except AssertionError as problem:
                problems.append(problem)
            if not failed and not problems:
                server.discard()
        if problems and not failed:
            raise problems[0]


class PhoneFactory:
    """Starts phones for one test; with a server they register there at once."""

    def __init__(self, directory: Path, logs: list[tuple[str, Callable[[], str]]]) -> None:
        self._directory = directory
        self._logs = logs
        self.phones: list[Phone] = []

    async def __call__(
        self, name: str, server: LiveServer | None = None, *, register: bool = True, **arguments: Any
    ) -> Phone:
        from twisted.internet import reactor

        from pbx.testing.phone import Phone

        phone = await Phone.start(name, reactor=reactor, directory=self._directory, **arguments)
        self.phones.append(phone)
        self._logs.append((f"log of the phone {name}", phone.log_text))
        if server is not None:
            if register:
                await phone.register(server.address, password=server.passwords[name])
            else:
                await phone.use_account(server.address, password=server.passwords.get(name, ""))
        return phone

    async def sleep(self, seconds: float) -> None:
        """Let media flow for a while."""
        from twisted.internet import reactor

        from pbx.testing._waiting import pause

        clock: Any = reactor
        await pause(clock, seconds)

    async def close(self) -> None:
        for phone in self.phones:
            await phone.stop()


def _wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    import pytest_twisted
    from twisted.internet.defer import Deferred

    found: T = pytest_twisted.blockon(Deferred.fromCoroutine(coroutine))
    return found


@pytest.fixture
def live_server(request: pytest.FixtureRequest) -> Iterator[ServerFactory]:
    """A factory of live servers, checked and ended with the test."""
    node: Any = request.node
    factory = ServerFactory(node)
    yield factory
    _wait_for(factory.close())


@pytest.fixture
def phones(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PhoneFactory]:
    """A factory of phones, ended with the test. They end before the servers if ``live_server`` is asked for first."""
    node: Any = request.node
    factory = PhoneFactory(tmp_path, node.stash.setdefault(_logs, []))
    yield factory
    _wait_for(factory.close())


class DialplanFactory:
    """Makes dialplans under test (`pbx.testing.scripted`), each an exchange of its own, stopped with the test."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.plans: list[ScriptedDialplan] = []

    def __call__(self, directory: Path | str | None = None, **files: str) -> ScriptedDialplan:
        """Load a configuration directory, which is only read, or one made of ``files``: ``extensions_lua="..."``."""
        from pbx.testing.scripted import ScriptedDialplan

        scratch = self._scratch / f"dialplan{len(self.plans)}"
        if directory is None:
            directory = scratch / "conf"
            directory.mkdir(parents=True)
            for name, text in files.items():
                (directory / ".".join(name.rsplit("_", 1))).write_text(text, encoding="utf-8")
        elif files:
            raise ValueError("a directory or files, not both")
        plan = ScriptedDialplan(Path(directory), scratch / "state")
        plan.start()
        self.plans.append(plan)
        return plan

    def close(self) -> None:
        """Stop them all. Raises AssertionError when a call does not end."""
        for plan in self.plans:
            plan.stop()


@pytest.fixture
def dialplan(tmp_path: Path) -> Iterator[DialplanFactory]:
    """A factory of dialplans under test: ``dialplan(directory)`` or ``dialplan(extensions_lua="...")``."""
    factory = DialplanFactory(tmp_path)
    yield factory
    factory.close()


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that start phones and servers."""
    config.addinivalue_line("markers", "e2e: runs phones or SIPp against a live exchange (needs sip-tester)")


__all__: Sequence[str] = ("DialplanFactory", "PhoneFactory", "ServerFactory", "dialplan", "live_server", "phones")

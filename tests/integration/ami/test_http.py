"""The manager over HTTP: sessions by cookie, events by WaitEvent, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred

from pbx.clock import Clock
from pbx.http.client import HttpAnswer, HttpClient
from pbx.testing.server import LiveServer

FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\n",
    "manager.conf": "[general]\nenabled = yes\nwebenabled = yes\nbindaddr = @host@\nhttptimeout = 2\nauthlimit = 5\n"
    "[admin]\nsecret = sesame\nread = all\nwrite = all\n[reader]\nsecret = sesame\nread = all\nwrite =\n",
}


class Browser:
    """A client that keeps its cookie."""

    def __init__(self, client: HttpClient, host: str) -> None:
        self._client = client
        self._base = f"http://{host}:8088"
        self.cookie = ""

    async def get(self, fields: dict[str, str], path: str = "rawman", method: str = "GET") -> HttpAnswer:
        return await self._ask(method, f"{path}?{urlencode(fields)}", {}, None)

    async def post(self, body: bytes) -> HttpAnswer:
        return await self._ask("POST", "rawman", {"Content-Type": "application/x-www-form-urlencoded"}, body)

    async def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> HttpAnswer:
        if self.cookie:
            headers["Cookie"] = self.cookie
        answer = await self._client.request(method, f"{self._base}/{path}", headers=headers, body=body)
        self.cookie = answer.header("set-cookie").partition(";")[0] or self.cookie
        return answer

    async def text(self, action: str, **fields: str) -> str:
        answer = await self.get({"action": action, **fields})
        assert answer.status == 200
        return answer.body.decode()

    async def log_in(self, user: str = "admin") -> None:
        assert "Authentication accepted" in await self.text("Login", username=user, secret="sesame")


@pytest_twisted.async_yield_fixture(scope="module")
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(reactor=reactor, files=FILES)
    yield server
    await server.check_clean()
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


@pytest_twisted.async_yield_fixture
async def browsers(server: LiveServer) -> AsyncIterator[Any]:
    from twisted.internet import reactor

    client = HttpClient(reactor, Clock(reactor))
    yield lambda: Browser(client, server.host)
    await client.stop()


async def test_a_session_from_login_to_logoff(browsers: Any) -> None:
    browser = browsers()
    answer = await browser.get({"action": "Login", "username": "admin", "secret": "sesame", "actionid": "7"})
    assert answer.body.startswith(b"Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n")
    assert answer.header("content-type") == "text/plain"
    assert answer.header("set-cookie").endswith("; Version=1; Max-Age=2")
    assert "Ping: Pong" in await browser.text("Ping")
    assert "ListItems: 0" in await browser.text("CoreShowChannels")
    posted = await browser.post(b"action=Ping&actionid=a%20b")
    assert b"ActionID: a b\r\n" in posted.body
    assert "Response: Goodbye" in await browser.text("Logoff")
    assert "Permission denied" in await browser.text("Ping")


async def test_other_forms_of_an_answer(browsers: Any) -> None:
    browser = browsers()
    await browser.log_in()
    answer = await browser.get({"action": "Ping", "ajaxdest": "here"}, "mxml")
    assert answer.header("content-type") == "text/xml"
    assert b"<response type='object' id='here'><generic response='Success' ping='Pong'" in answer.body
    shown = await browser.get({"action": "Ping"}, "manager")
    assert shown.header("content-type") == "text/html"
    assert b"<tr><td>Ping</td><td>Pong</td></tr>" in shown.body


async def test_events_wait_until_they_are_asked_for(browsers: Any) -> None:
    browser = browsers()
    await browser.log_in()
    assert "Event Sent" in await browser.text("UserEvent", UserEvent="One")
    assert "Event: UserEvent" in await browser.text("WaitEvent", Timeout="5")
    nothing = await browser.text("WaitEvent", Timeout="0.1")
    assert "Event: UserEvent" not in nothing
    assert "Event: WaitEventComplete" in nothing
    waiting: Deferred[str] = ensureDeferred(browser.text("WaitEvent", Timeout="5"))
    # Another request of the same session is answered meanwhile.
    assert "Ping: Pong" in await browser.text("Ping")
    assert "Event Sent" in await browser.text("UserEvent", UserEvent="Two")
    assert "UserEvent: Two" in await waiting


async def test_rights_are_those_of_the_user(browsers: Any) -> None:
    browser = browsers()
    await browser.log_in("reader")
    assert "Permission denied" in await browser.text("Originate", Channel="Local/1@x", Application="Echo")


async def test_what_is_refused(browsers: Any, server: LiveServer) -> None:
    browser = browsers()
    assert (await browser.get({"action": "Ping"}, method="PUT")).status == 501
    assert (await browser.get({"action": "Ping", "x": "a\r\nSecret: b"})).status == 400
    assert "Permission denied" in await browser.text("Ping")
    assert "Authentication failed" in await browser.text("Login", username="admin", secret="wrong")
    assert "Too many lines" in (await browser.get({f"v{number}": "1" for number in range(200)})).body.decode()
    browser.cookie = f'mansession_id="{"0" * 32}"'
    assert "Permission denied" in await browser.text("Ping")


async def test_sessions_end_when_nobody_asks(browsers: Any, server: LiveServer) -> None:
    browser = browsers()
    await browser.log_in()
    assert "admin" in await server.cli("manager show connected")
    await server.sleep(2.5)
    assert "Permission denied" in await browser.text("Ping")


async def test_clients_that_never_log_in_are_bounded(browsers: Any, server: LiveServer) -> None:
    many = [browsers() for _ in range(12)]
    statuses = [(await each.get({"action": "Challenge", "authtype": "md5"})).status for each in many]
    assert statuses.count(503) >= 7
    known = many[0]
    assert "Authentication accepted" in await known.text("Login", username="admin", secret="sesame")
    await server.sleep(2.5)
    assert "Permission denied" in await browsers().text("Ping")

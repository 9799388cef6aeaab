"""The exchange as an HTTP client, against a server of the test's own on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import ssl
from twisted.internet.defer import Deferred, succeed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from pbx.clock import Clock
from pbx.http.client import HttpClient, HttpError
from pbx.http.tls import TlsSettings
from tests.integration.ami.test_tls import certificate


class _Pages(Resource):
    isLeaf = True

    def render(self, request: Any) -> Any:
        path = request.path
        if path == b"/silent":
            return NOT_DONE_YET
        if path == b"/half":
            request.write(b"x")
            return NOT_DONE_YET
        if path == b"/broken":
            request.setHeader(b"content-length", b"10")
            request.write(b"x")
            request.transport.loseConnection()
            return NOT_DONE_YET
        if path == b"/moved":
            request.redirect(b"/echo")
            return b""
        if path == b"/cookie":
            request.addCookie(b"who", b"me")
            return request.getCookie(b"who") or b"nobody"
        if path == b"/big":
            return b"x" * 5000
        if path == b"/missing":
            request.setResponseCode(404)
            return b"no"
        request.setHeader(b"content-type", b"text/plain")
        request.setHeader(b"x-method", request.method)
        return request.content.read() + (request.getHeader("x-sent") or "").encode()


@pytest.fixture
def site() -> Iterator[str]:
    from twisted.internet import reactor as running

    reactor: Any = running
    make_site: Any = Site
    make_pages: Any = _Pages
    port = reactor.listenTCP(0, make_site(make_pages()), interface="127.0.0.1")
    yield f"http://127.0.0.1:{port.getHost().port}"
    pytest_twisted.blockon(port.stopListening() or succeed(None))


@pytest.fixture
def client() -> Iterator[HttpClient]:
    from twisted.internet import reactor as running

    reactor: Any = running
    made = HttpClient(reactor, Clock(reactor))
    yield made
    pytest_twisted.blockon(Deferred.fromCoroutine(made.stop()))


@pytest_twisted.ensureDeferred
async def test_a_request_is_answered(site: str, client: HttpClient) -> None:
    got = await client.request("POST", f"{site}/moved", headers={"X-Sent": "ä"}, body=b"body ")
    assert (got.status, got.reason) == (200, "OK")
    got = await client.request("PUT", f"{site}/echo", headers={"X-Sent": "ä"}, body=b"body ")
    assert (got.status, got.body, got.header("x-method")) == (200, "body ä".encode(), "PUT")
    assert got.header("content-type") == "text/plain"
    assert (await client.request("GET", f"{site}/missing")).status == 404
    assert (await client.request("GET", f"{site}/moved", redirects=-1)).status == 302


@pytest_twisted.ensureDeferred
async def test_redirects_are_bounded(site: str, client: HttpClient) -> None:
    assert (await client.request("GET", f"{site}/moved", redirects=1)).status == 200
    with pytest.raises(HttpError, match="redirect"):
        await client.request("GET", f"{site}/moved", redirects=0)


@pytest.fixture
def named() -> bool:
    """Whether the certificate of `secure_site` bears a name."""
    return True


@pytest.fixture
def secure_site(tmp_path: Path, named: bool) -> Iterator[tuple[str, str]]:
    """A site whose certificate nobody has signed and that has another name than it is called by, and its file."""
    from twisted.internet import reactor as running

    reactor: Any = running
    path = tmp_path / "site.pem"
    certificate(path, named=named)
    make_site: Any = Site
    make_pages: Any = _Pages
    context: Any = ssl.DefaultOpenSSLContextFactory
    port = reactor.listenSSL(0, make_site(make_pages()), context(str(path), str(path)), interface="127.0.0.1")
    yield f"https://127.0.0.1:{port.getHost().port}/echo", str(path)
    pytest_twisted.blockon(port.stopListening() or succeed(None))


# Twisted hands pyOpenSSL's own certificates to pyOpenSSL.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
@pytest_twisted.ensureDeferred
async def test_whom_a_request_trusts(secure_site: tuple[str, str], client: HttpClient) -> None:
    url, path = secure_site
    for settings, why in (
        (None, "(?i)verif"),
        (TlsSettings(verify_name=False), "verify failed"),
        (TlsSettings(ca_file=path), "IPAddressMismatch"),
        (TlsSettings(ca_file="/nowhere"), "TLS: .*No such file"),
        (TlsSettings(ca_file=__file__), "no certificate in"),
        (TlsSettings(certificate=__file__), "unfit"),
    ):
        with pytest.raises(HttpError, match=why):
            await client.request("GET", url, tls=settings)
    for settings in (
        TlsSettings(verify_peer=False),
        TlsSettings(ca_file=path, verify_name=False),
        TlsSettings(ca_path=path.rpartition("/")[0], certificate=path, verify_name=False),
    ):
        assert (await client.request("GET", url, tls=settings, connect_seconds=3)).status == 200
    with pytest.raises(HttpError, match=r"(?i)verif"):
        await client.request("GET", url)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
@pytest.mark.parametrize("named", [False])
@pytest_twisted.ensureDeferred
async def test_a_certificate_without_any_name_is_nobodys(secure_site: tuple[str, str], client: HttpClient) -> None:
    url, path = secure_site
    with pytest.raises(HttpError, match="subjectAltName"):
        await client.request("GET", url, tls=TlsSettings(ca_file=path))
    assert (await client.request("GET", url, tls=TlsSettings(ca_file=path, verify_name=False))).status == 200


@pytest_twisted.ensureDeferred
async def test_cookies_of_one_request_are_not_sent_with_another(site: str, client: HttpClient) -> None:
    for _ in range(2):
        assert (await client.request("GET", f"{site}/cookie")).body == b"nobody"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("path", "options", "why"),
    [
        ("/silent", {"seconds": 0.1}, "no answer within 0.1 seconds"),
        ("/half", {"seconds": 0.1}, "no answer within 0.1 seconds"),
        ("/broken", {}, "broke off"),
        ("/big", {"max_body": 1000}, "longer than 1000 bytes"),
        ("/echo", {"headers": {"bad\r\nname": "x"}}, "malformed|Invalid|invalid"),
    ],
)
async def test_what_goes_wrong_is_said(
    site: str, client: HttpClient, path: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(HttpError, match=why):
        await client.request("GET", site + path, **options)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1:1/", "http://[", "x", ""])
async def test_what_cannot_be_asked_is_refused(client: HttpClient, url: str) -> None:
    with pytest.raises(HttpError):
        await client.request("GET", url, seconds=5)

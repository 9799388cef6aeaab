"""CURL and CURLOPT, over a web that the test writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core.channel import settle
from pbx.http.tls import TlsSettings
from pbx.testing.deferreds import result_of, start
from tests.unit.functions.conftest import Functions

URL = "http://web.example/page"


@pytest.fixture(autouse=True)
def page(functions: Functions) -> None:
    functions.harness.web.answer(URL, "hello \r\n", headers={"X-A": "b"})
    functions.harness.web.answer("http://web.example/gone", "gone", 404)
    functions.harness.web.answer("http://web.example/form", "name=Ann%2C+A&age=42&x")


def test_getting_and_posting(functions: Functions) -> None:
    web = functions.harness.web
    assert functions.read(f"CURL({URL}?a=b)") == "hello"
    assert functions.read("CURL(web.example/page)") == "hello"
    functions.read(f"CURL({URL},a=1&b=2)")
    got, _, posted = web.requests
    assert (got.method, got.body) == ("GET", None)
    assert got.headers["User-Agent"] == "asterisk-libcurl-agent/1.0"
    assert (posted.method, posted.body) == ("POST", b"a=1&b=2")
    assert posted.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_options(functions: Functions) -> None:
    web = functions.harness.web
    functions.write_globally("CURLOPT(useragent)", "global")
    functions.write_globally("CURLOPT(referer)", "http://r")
    for key, value, back in (
        ("useragent", "mine", "mine"),
        ("httptimeout", "2.5", "2.500"),
        ("httptimeout", "3", "3"),
        ("followlocation", "yes", "1"),
        ("maxredirs", "4x", "4"),
        ("userpwd", "a:b", "a:b"),
        ("cookie", "c=d", "c=d"),
        ("httpheader", "Content-Type: application/json", "Content-Type: application/json"),
        ("httpheader", "X-B: c", "Content-Type: application/json"),
    ):
        functions.write(f"CURLOPT({key})", value)
        assert functions.read(f"CURLOPT({key})") == back
    assert functions.read("CURLOPT(referer)") == "http://r"
    assert functions.read("CURLOPT(hashcompat)") == ""
    functions.read(f"CURL({URL},x)")
    headers = web.requests[-1].headers
    assert headers == {
        "User-Agent": "mine",
        "Accept": "*/*",
        "Authorization": "Basic YTpi",
        "Cookie": "c=d",
        "Referer": "http://r",
        "Content-Type": "application/json",
        "X-B": "c",
    }
    functions.write("CURLOPT(header)", "1")
    assert functions.read(f"CURL({URL})").startswith("HTTP/1.1 200 OK\r\nx-a: b\r\n\r\nhello")


def test_redirects_and_tls(functions: Functions) -> None:
    web = functions.harness.web
    functions.read(f"CURL({URL})")
    assert (web.requests[-1].redirects, web.requests[-1].connect_seconds, web.requests[-1].tls) == (-1, None, None)
    for most, followed in ((None, 20), ("0", 0), ("3", 3), ("-1", 100)):
        functions.write("CURLOPT(followlocation)", "1")
        if most is not None:
            functions.write("CURLOPT(maxredirs)", most)
        functions.read(f"CURL({URL})")
        assert web.requests[-1].redirects == followed
    for key, value in (("conntimeout", "1.5"), ("ssl_verifypeer", "0"), ("ssl_cainfo", "/ca"), ("ssl_cert", "/mine")):
        functions.write(f"CURLOPT({key})", value)
    functions.read(f"CURL({URL})")
    assert web.requests[-1].connect_seconds == 1.5
    assert web.requests[-1].tls == TlsSettings(ca_file="/ca", certificate="/mine", verify_peer=False)
    functions.write("CURLOPT(ssl_keytype)", "PEM")
    with pytest.raises(Exception, match="PEM files"):
        functions.write("CURLOPT(ssl_certtype)", "DER")


def test_answers_as_a_hash(functions: Functions) -> None:
    functions.write("CURLOPT(hashcompat)", "legacy")
    row = functions.read("CURL(http://web.example/form)")
    assert row == "Ann\\, A,42,"
    functions.harness.web.answer("http://web.example/nothing", "\x01 \n")
    assert functions.read("CURL(http://web.example/nothing)") == ""
    assert functions.variable("~ODBCFIELDS~") == "name,age,x"
    functions.write("HASH(form)", row)
    assert functions.read("HASH(form,name)") == "Ann, A"
    assert functions.read("HASH(form,age)") == "42"


def test_failures(functions: Functions) -> None:
    assert functions.read("CURL(http://web.example/gone)") == "gone"
    functions.write("CURLOPT(failurecodes)", "404,500")
    for expression, reason in (
        ("CURL(http://web.example/gone)", r"returned response code \(404\)"),
        ("CURL(http://nowhere/)", "no answer for"),
        ("CURL()", "requires an argument"),
        ("CURL(http://a\r\nb)", "injection"),
        ("CURLOPT(x)", "Unrecognized option"),
        ("CURLOPT(proxy)", "not part of this version"),
    ):
        with pytest.raises(Exception, match=reason):
            functions.read(expression)
    for key, value, reason in (
        ("cookie", "a\r\nb", "no line breaks"),
        ("httpheader", "x", "is no header"),
        ("httpauth", "ntlm", "invalid or not supported"),
    ):
        with pytest.raises(Exception, match=reason):
            functions.write(f"CURLOPT({key})", value)


def test_an_answer_goes_to_a_file(functions: Functions, tmp_path: Path) -> None:
    functions.write(f"CURL({URL})", str(tmp_path / "page"))
    assert (tmp_path / "page").read_bytes() == b"hello \r\n"
    with pytest.raises(Exception, match="Failed to open file"):
        functions.write(f"CURL({URL})", str(tmp_path / "none" / "page"))


def test_the_call_waits_and_others_go_on(functions: Functions) -> None:
    functions.harness.web.answer("http://slow", "late", after=5)

    async def read() -> str:
        return await settle(functions.harness.engine.substitute(functions.channel, "<${CURL(http://slow)}>"))

    waiting = start(read())
    assert not waiting.called
    functions.harness.core.clock.advance(5)
    assert result_of(waiting) == "<late>"

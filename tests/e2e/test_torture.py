"""Strange and broken messages, in the manner of RFC 4475 and of PJSIP's known aborts: each gets an answer or silence,
never an end of the server, and a call made afterwards works."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.audio import assert_heard, write_tone
from pbx.testing.message import SipMessage
from pbx.testing.server import LiveServer
from pbx.testing.sipp import run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"
CORPUS = Path(__file__).parents[1] / "unit" / "pjsip" / "torture"
#: Whoever sends the messages of the corpus says in their Via that it listens here.
CORPUS_PORT = 5066
STRAY_RESPONSES = {
    *("app-200-with-broadcast-via", "bad-scalars-in-response", "bad-status-code", "valid-empty-reason"),
    "valid-odd-reason",
}
#: Requests that are logged, not answered: what says to whom is missing or broken, or they are another protocol's.
DROPPED = {"abort-empty-ipv6", "app-missing-headers", "bad-separators", "bad-version", "valid-wide-characters"}
LUA = """
extensions = { default = {
  once = function() app.Answer(); app.Hangup() end,
  echo = function() app.Answer(); app.Echo() end,
  desk = function() app.Progress(); app.Wait(0.1); app.Hangup(17) end,
} }
"""


def _request(
    first: str = "OPTIONS sip:once@@host@ SIP/2.0",
    *,
    via: str = "SIP/2.0/UDP @own@;branch=z9hG4bK@n@;rport",
    from_: str = "<sip:torture@@own@>;tag=@n@",
    to: str = "<sip:once@@host@>",
    call_id: str = "torture-@n@",
    cseq: str = "1 OPTIONS",
    more: str = "",
    body: str = "",
    length: str | None = None,
) -> str:
    headers = [first, f"Via: {via}", f"From: {from_}", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq}"]
    headers += ["Max-Forwards: 70", *([more] if more else [])]
    headers += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(headers) + "\r\n\r\n" + body


SDP = "v=0\r\no=- 1 1 IN IP4 @own@\r\ns=-\r\nc=IN IP4 @own@\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
INVITE = "INVITE sip:once@@host@ SIP/2.0"
CONTACT = "Contact: <sip:torture@@own@>"

MESSAGES = {
    "folded and oddly spaced headers": _request(
        more="Subject:\r\n\tfolded\r\n  twice\r\ns :\r\nNewFangled:   odd   ;;,,; value\r\nACCEPT :application/sdp"
    ),
    "wide range of characters": _request(
        "OPTIONS sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@@host@ SIP/2.0",
        from_='"J\\"ö \\\\ " <sip:torture@@own@>;tag=~!%*-+_`\'@n@',
    ),
    "escaped null in the user": _request("OPTIONS sip:null-%00-null@@host@ SIP/2.0"),
    "unknown method": _request("!interesting-Method0123456789_*+`.%indeed'~ sip:once@@host@ SIP/2.0", cseq="1 NEW"),
    "method of request line and CSeq differ": _request(cseq="1 INVITE"),
    "unknown scheme": _request("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    "unknown protocol version": _request("OPTIONS sip:once@@host@ SIP/7.0"),
    "no spaces in the request line": _request("OPTIONSsip:once@@host@SIP/2.0"),
    "line feeds in the request line": _request("OPTIONS sip:once@@host@; lr SIP/2.0"),
    "request URI in angle brackets": _request("OPTIONS <sip:once@@host@> SIP/2.0"),
    "CSeq above 2**31": _request(cseq="36893488147419103232 OPTIONS"),
    "negative Content-Length": _request(length="-999"),
    "Content-Length far too large": _request(length="9999999999999999999999"),
    "Content-Length larger than the datagram": _request(length="500"),
    "two Content-Length": _request(more="Content-Length: 10", body="0123456789"),
    "two From": _request(more="From: <sip:other@@own@>;tag=9"),
    "no To, no CSeq": "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP @own@;branch=z9hG4bK@n@\r\n\r\n",
    "no Via": "OPTIONS sip:once@@host@ SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:a@b>\r\nCall-ID: @n@\r\nCSeq: 1 OPTIONS\r\n\r\n",
    "empty Call-ID": _request(call_id=""),
    "unterminated quoted string": _request(from_='"Mr. Torture <sip:torture@@own@>;tag=@n@'),
    "unterminated angle bracket": _request(to="<sip:once@@host@"),
    "very long header": _request(more="X-Long: " + "x" * 3000),
    "very many headers": _request(more="\r\n".join(f"X-{n}: {n}" for n in range(200))),
    "oversized datagram": _request(more="X-Long: " + "x" * 9000),
    "invalid UTF-8": _request(more="Subject: \xff\xfe\xc0\x80"),
    "null bytes": _request(more="Subject: a\x00b"),
    "Record-Route without lr": _request(
        INVITE,
        cseq="1 INVITE",
        more=f"Record-Route: <sip:h;hide>\r\n{CONTACT}\r\nContent-Type: application/sdp",
        body=SDP,
    ),
    "Record-Route of another scheme": _request(
        INVITE, cseq="1 INVITE", more=f"Record-Route: <tel:123>\r\n{CONTACT}\r\nContent-Type: application/sdp", body=SDP
    ),
    "INVITE without Contact": _request(INVITE, cseq="1 INVITE", more="Content-Type: application/sdp", body=SDP),
    "Contact of another scheme": _request(
        INVITE, cseq="1 INVITE", more="Contact: <tel:+123>\r\nContent-Type: application/sdp", body=SDP
    ),
    "Contact star in an INVITE": _request(
        INVITE, cseq="1 INVITE", more="Contact: *\r\nContent-Type: application/sdp", body=SDP
    ),
    "body of an unknown type": _request(
        INVITE, cseq="1 INVITE", more=f"{CONTACT}\r\nContent-Type: application/x-unknown", body="<x/>"
    ),
    "multipart without end": _request(
        INVITE, cseq="1 INVITE", more=f"{CONTACT}\r\nContent-Type: multipart/mixed;boundary=b", body="--b\r\n\r\nx"
    ),
    "multipart without boundary": _request(
        INVITE, cseq="1 INVITE", more=f"{CONTACT}\r\nContent-Type: multipart/mixed", body="--b\r\n\r\nx"
    ),
    "SDP with a thousand attributes": _request(
        INVITE,
        cseq="1 INVITE",
        more=f"{CONTACT}\r\nContent-Type: application/sdp",
        body=SDP + "a=x:1\r\n" * 1000,
    ),
    "required option unknown": _request(
        INVITE,
        cseq="1 INVITE",
        more=f"Require: nothingSupportsThis\r\n{CONTACT}\r\nContent-Type: application/sdp",
        body=SDP,
    ),
    "Via with a name that must be resolved": _request(via="SIP/2.0/UDP does.not.exist.invalid;branch=z9hG4bK@n@"),
    "Via maddr": _request(via="SIP/2.0/UDP @own@;branch=z9hG4bK@n@;maddr=does.not.exist.invalid"),
    "Via of another transport": _request(via="SIP/2.0/WOMBAT @own@;branch=z9hG4bK@n@"),
    "ACK out of nowhere": _request("ACK sip:once@@host@ SIP/2.0", cseq="1 ACK"),
    "BYE out of nowhere": _request("BYE sip:once@@host@ SIP/2.0", to="<sip:once@@host@>;tag=x", cseq="2 BYE"),
    "CANCEL out of nowhere": _request("CANCEL sip:once@@host@ SIP/2.0", cseq="1 CANCEL"),
    "PRACK out of nowhere": _request("PRACK sip:once@@host@ SIP/2.0", cseq="1 PRACK", more="RAck: 1 1 INVITE"),
    "REGISTER with star and expires": _request(
        "REGISTER sip:@host@ SIP/2.0", cseq="1 REGISTER", more="Contact: *\r\nExpires: 7"
    ),
    "Expires far too large": _request(
        "REGISTER sip:@host@ SIP/2.0", cseq="1 REGISTER", more=f"{CONTACT}\r\nExpires: 99999999999999999999"
    ),
    "Authorization in pieces": _request(
        "REGISTER sip:@host@ SIP/2.0",
        cseq="1 REGISTER",
        more=f'{CONTACT}\r\nAuthorization: NoOneKnows x=1\r\nAuthorization: Digest username="alice", nonce=\r\n'
        'Authorization: Digest username="alice",realm="asterisk",nonce="x",uri="sip:x",response="zz",algorithm=XX',
    ),
    "SUBSCRIBE to nothing": _request("SUBSCRIBE sip:once@@host@ SIP/2.0", cseq="1 SUBSCRIBE", more=CONTACT),
    "REFER out of nowhere": _request(
        "REFER sip:once@@host@ SIP/2.0", cseq="1 REFER", more=f"{CONTACT}\r\nRefer-To: <>"
    ),
    "response out of nowhere": "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP @host@;branch=z9hG4bK@n@\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: @n@\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
    "response with an impossible code": "SIP/2.0 4294967301 better not\r\nVia: SIP/2.0/UDP @host@\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: @n@\r\nCSeq: 1 INVITE\r\n\r\n",
}


def _collect(udp: socket.socket, answers: dict[str, str]) -> None:
    """Keep the first line of every first answer that has come, by the name of what it answers."""
    names = list(MESSAGES)
    while True:
        try:
            answer = SipMessage.parse(udp.recv(65536).decode("latin-1"))
        except BlockingIOError:
            return
        call_id = answer.header("Call-ID") or ""
        if call_id.startswith("torture-"):
            answers.setdefault(names[int(call_id.removeprefix("torture-"))], answer.first_line)


@pytest_twisted.ensureDeferred
async def test_the_server_survives_them_all(live_server: Any, phones: Any) -> None:
    from twisted.internet import reactor

    own = process_address(os.getpid())
    server = await live_server(extensions=LUA, trunks={"torture": f"{own}:5070"})
    live_server.allow(r".")
    answers: dict[str, str] = {}
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind((own, 0))
        udp.setblocking(False)
        port = udp.getsockname()[1]
        for number, (name, text) in enumerate(MESSAGES.items()):
            text = text.replace("@host@", server.address).replace("@own@", f"{own}:{port}").replace("@n@", str(number))
            udp.sendto(text.encode("latin-1"), (server.host, server.sip_port))
            await phones.sleep(0.05)
            _collect(udp, answers)
            assert server.running, f"ended by {name!r}\n{server.log_text()[-3000:]}"
            if number % 10 == 9:
                await server.cli("core show uptime")
        await phones.sleep(1.0)
        _collect(udp, answers)
    assert "Traceback" not in server.log_text()
    assert "ACK out of nowhere" not in answers
    assert "response out of nowhere" not in answers
    for name, codes in {
        "folded and oddly spaced headers": ("200", "404"),
        "unknown method": ("405", "501", "400"),
        "unknown scheme": ("416", "404", "400"),
        "required option unknown": ("420",),
        "BYE out of nowhere": ("481",),
        "CANCEL out of nowhere": ("481",),
        "body of an unknown type": ("415", "488"),
        "SUBSCRIBE to nothing": ("405", "489", "501"),
    }.items():
        assert answers.get(name, "").split(" ")[1:2], f"no answer to {name}"
        assert answers[name].split(" ")[1] in codes, f"{name}: {answers[name]}"
    await run_sipp(SCENARIOS / "uac_until_bye.xml", server.address, reactor=reactor, service="once", calls=3, host=own)
    await server.wait_no_channels(40.0)


async def _send_corpus(server: LiveServer, udp: socket.socket, own: str, *, tcp: bool) -> dict[str, list[str]]:
    """Send every message of the corpus; the first lines of what came back, by the message's name."""
    answers: dict[str, list[str]] = {}
    for path in sorted(CORPUS.glob("*.dat")):
        lines = answers[path.stem] = []
        if tcp:
            with socket.create_connection((server.host, server.sip_port), 5.0, (own, 0)) as stream:
                stream.sendall(path.read_bytes())
                await server.sleep(0.05)
        else:
            udp.sendto(path.read_bytes(), (server.host, server.sip_port))
            await server.sleep(0.15)
            with contextlib.suppress(BlockingIOError):
                while True:
                    first = udp.recv(65536).split(b"\r\n", 1)[0].decode("latin-1")
                    if first not in lines:
                        lines.append(first)
        assert server.running, f"ended by {path.name}\n{server.log_text()[-3000:]}"
    return answers


@pytest_twisted.ensureDeferred
async def test_the_corpus_beside_a_call_leaves_nothing(live_server: Any, phones: Any, tmp_path: Path) -> None:
    """RFC 4475's categories, from a known peer and over both transports, while somebody talks."""
    own = process_address(os.getpid())
    server = await live_server(extensions=LUA, trunks={"torture": f"{own}:{CORPUS_PORT}"})
    live_server.allow(r".")
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("echo"))
    await call.confirmed()
    await call.media_state("active")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await call.record(tmp_path / "heard.wav")
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind((own, CORPUS_PORT))
        udp.setblocking(False)
        answers = await _send_corpus(server, udp, own, tcp=False)
        await _send_corpus(server, udp, own, tcp=True)
    await call.stop_recording()
    assert {name for name, lines in answers.items() if not lines} == STRAY_RESPONSES | DROPPED
    malformed = re.findall(r"malformed SIP from .* by udp", server.log_text())
    assert len(malformed) > 20
    # Ten seconds in all: more may be concealed than in one.
    assert_heard(tmp_path / "heard.wav", 440, 8.0, foreign_seconds=1.0)
    await call.hangup()
    await call.disconnected()
    assert "Traceback" not in server.log_text()
    await server.check_clean([r"."])
    await server.check_sessions()

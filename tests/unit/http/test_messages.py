"""How responses are written, and WebSocket frames and handshakes."""

from __future__ import annotations

import pytest

from pbx.http.messages import HttpRequest, HttpResponse, ResponseWriter, reason_phrase
from pbx.http.websocket import HandshakeRefused, WebSocket, accept, text_frame
from pbx.security_events import SecurityAddress

ADDRESS = SecurityAddress("TCP", "192.0.2.1", 5000)


def test_a_response() -> None:
    writer = ResponseWriter("Asterisk/22", lambda: 1_700_000_000.5)
    assert writer.render(HttpResponse(200, b"{}", headers=b"X-A: b\r\n")) == (
        b"HTTP/1.1 200 OK\r\nServer: Asterisk/22\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
        b"Cache-Control: no-cache, no-store\r\nX-A: b\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_an_answer_to_head_has_no_body_and_a_204_no_type() -> None:
    writer = ResponseWriter("")
    head = writer.render(HttpResponse(405, b"{}"), close=True, head_only=True)
    assert head.endswith(b"Connection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n")
    assert b"Server" not in head
    empty = writer.render(HttpResponse(204))
    assert b"Content-Type" not in empty
    assert empty.endswith(b"Content-Length: 0\r\n\r\n")
    assert reason_phrase(422) == "Unprocessable Entity"


@pytest.mark.parametrize(("size", "head"), [(125, 2), (126, 4), (65535, 4), (65536, 10)])
def test_frames(size: int, head: int) -> None:
    frame = text_frame(b"x" * size)
    assert len(frame) == size + head
    assert frame[0] == 0x81


def handshake(**changes: bytes) -> HttpRequest:
    headers = {
        b"upgrade": b"websocket",
        b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
        b"sec-websocket-version": b"13",
    }
    headers.update({name.replace("_", "-").encode(): value for name, value in changes.items()})
    return HttpRequest("GET", "/ws", "", headers, b"", ADDRESS, ADDRESS, upgrade=True)


def test_the_handshake_of_rfc_6455_section_1_3() -> None:
    lines = accept(handshake(), ("ari",))
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in lines
    assert b"Protocol" not in lines
    assert b"Sec-WebSocket-Protocol: ari\r\n" in accept(handshake(sec_websocket_protocol=b"chat, ari"), ("ari",))


def test_handshakes_refused() -> None:
    for changes, status in (
        ({"sec_websocket_version": b"99"}, 400),
        ({"sec_websocket_key": b"x"}, 400),
        ({"sec_websocket_protocol": b"chat"}, 400),
        ({"upgrade": b"h2c"}, 426),
    ):
        with pytest.raises(HandshakeRefused) as refused:
            accept(handshake(**changes), ("ari",))
        assert refused.value.status == status


class Recorder:
    """A link that keeps what was written."""

    peer = ADDRESS
    queued = 0

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def set_write_timeout(self, seconds: float) -> None:
        """Nothing is timed here."""

    def describe(self, who: str) -> None:
        """Nobody logs here."""


def test_a_conversation() -> None:
    link, heard, lost = Recorder(), list[str](), list[bool]()
    socket = WebSocket(link, heard.append, lambda: lost.append(True))
    socket.receive(b"\x81\x82\0\0\0\0hi\x89\x81\0\0\0\0!")
    assert (heard, link.written) == (["hi"], b"\x8a\x01!")
    socket.receive(b"\x88\x82\0\0\0\0\x03\xe8")
    assert link.written.endswith(b"\x88\x02\x03\xe8")
    assert link.closed
    socket.send(text_frame(b"late"))
    socket.receive(b"\x81\x82\0\0\0\0hi")
    assert heard == ["hi"]
    socket.lost()
    assert lost == [True]

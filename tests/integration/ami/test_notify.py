"""PJSIPNotify."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from pbx.pjsip.message import SipMessage
from tests.integration.ami.conftest import Connect


class Listener(DatagramProtocol):
    """Takes one datagram and answers it 200."""

    def __init__(self) -> None:
        self.heard: Deferred[SipMessage] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if self.heard.called:
            return
        request = SipMessage(datagram)
        head = [f"{name}: {request.headers.get(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        head[2] += ";tag=x"
        assert self.transport is not None
        self.transport.write("\r\n".join(["SIP/2.0 200 OK", *head, "Content-Length: 0", "", ""]).encode(), addr)
        self.heard.callback(request)


@pytest_twisted.ensureDeferred
async def test_to_a_uri(connect: Connect) -> None:
    from twisted.internet import reactor

    client = await connect()
    listener = Listener()
    port = reactor.listenUDP(0, listener, interface="127.0.0.1")  # type: ignore[attr-defined]
    uri = f"sip:bob@127.0.0.1:{port.getHost().port}"
    fields = "Event=message-summary,Content-Type=text/plain,Content=one,Content=two"
    reply = await client.action("PJSIPNotify", URI=uri, Variable=fields)
    assert (reply["Response"], reply["Message"]) == ("Success", "NOTIFY sent")
    request = await listener.heard.addTimeout(5, reactor)
    assert (request.method, request.request_uri) == ("NOTIFY", uri)
    assert (request.headers.get("Event"), request.body) == ("message-summary", b"one\r\ntwo")
    assert (await client.action("PJSIPNotify", Endpoint="PJSIP/alice", Option="news"))["Response"] == "Success"
    await port.stopListening()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"Endpoint": "alice"}, "PJSIPNotify requires either an Option or Variable(s).You must use only one of them."),
        ({"Option": "news"}, "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel."),
        ({"Option": "old", "Endpoint": "alice"}, "Unable to find notify type 'old'"),
        ({"Option": "news", "Endpoint": "nobody"}, "Unable to retrieve endpoint nobody"),
        ({"Option": "news", "Channel": "PJSIP/nobody-1"}, "Channel not found"),
        ({"Option": "news", "URI": "no uri"}, "not a URI: 'no uri'"),
    ],
)
async def test_refusals(connect: Connect, fields: dict[str, str], why: str) -> None:
    client = await connect()
    reply = await client.action("PJSIPNotify", **fields)
    assert (reply["Response"], reply["Message"]) == ("Error", why)

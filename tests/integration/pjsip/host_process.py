"""A host in a process of its own, so that an abort fails one test and not all.

Prints its ports as JSON, answers OPTIONS with 200, refuses INVITE with 486 (Record-Route and all), and calls the SIP
URI of each line it reads.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import stdio
from twisted.internet.defer import Deferred
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from pbx.pjsip._native.invite_call import Call
from pbx.pjsip.host import IncomingRequest, PjsipHost, Priority, TransportSettings

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Events:
    """A caller that does nothing whatever it is told."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


class Commands(LineReceiver):
    """One line, one call."""

    delimiter = b"\n"

    def __init__(self, host: PjsipHost) -> None:
        self._host = host

    def lineReceived(self, line: bytes) -> None:
        target = line.decode()
        own = self._host.sent_by("udp")
        self._host.invite.invite(
            Call(target, "<sip:caller@127.0.0.1>", f"<{target}>", f"<sip:caller@{own[0]}:{own[1]}>", OFFER),
            Events(),
        )


async def main(reactor: Any) -> None:
    host = PjsipHost(reactor, server="test")
    await host.start()
    ports = {}
    for protocol in ("udp", "tcp"):
        ports[protocol] = (await host.listen(TransportSettings(protocol, protocol))).port

    def answer(request: IncomingRequest) -> bool:
        if request.method == "OPTIONS":
            request.respond(200)
        elif request.method == "INVITE":
            request.respond(486)
        else:
            return False
        return True

    host.on_request(Priority.APPLICATION, answer)
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    stdio.StandardIO(Commands(host))  # type: ignore[no-untyped-call]
    await Deferred()


def failed(failure: Failure) -> None:
    failure.printTraceback()  # type: ignore[no-untyped-call]
    sys.exit(1)


if __name__ == "__main__":
    from twisted.internet import reactor

    Deferred.fromCoroutine(main(reactor)).addErrback(failed)
    reactor.run()

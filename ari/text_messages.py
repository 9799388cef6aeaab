"""Text messages for applications that are subscribed to the endpoint they came from (res/stasis/messaging.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari.endpoints import endpoint_snapshot
from pbx.stasis.events import StasisEvent

if TYPE_CHECKING:
    from pbx.core.text_messages import TextMessage
    from pbx.server import Server
    from pbx.stasis.applications import StasisApplications


class EndpointMessages:
    """A handler of text messages: makes TextMessageReceived of them."""

    def __init__(self, server: Server, applications: StasisApplications) -> None:
        self._server = server
        self._applications = applications

    @staticmethod
    def _source(message: TextMessage) -> str:
        return f"endpoint:{message.technology}/{message.endpoint}"

    def has_destination(self, message: TextMessage) -> bool:
        """Whether an application is subscribed to the endpoint or to its technology."""
        if not message.technology or not message.endpoint:
            return False
        source = self._source(message)
        return self._applications.concerns(source, source.partition("/")[0])

    def handle(self, message: TextMessage) -> None:
        shown: dict[str, object] = {"from": message.sender, "to": message.to, "body": message.body}
        variables = dict(message.all_data())
        if variables:
            shown["variables"] = variables
        fields = (
            ("message", shown),
            ("endpoint", endpoint_snapshot(self._server, message.technology, message.endpoint)),
        )
        event = StasisEvent("TextMessageReceived", self._server.clock.now(), fields, (self._source(message),))
        self._applications.publish(event)

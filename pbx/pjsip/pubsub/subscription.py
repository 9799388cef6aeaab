"""One subscription (RFC 6665), from the first NOTIFY to the last.

It owns its dialog (`pbx.pjsip.pubsub.dialog`), the tree it watches and one timer. It ends by its expiry, by
``Expires: 0``, when its resource is no more, or when the subscriber does not know it any more (481).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.pjsip.events import SubscriberTold
from pbx.pjsip.out_of_dialog import OutOfDialogRequest
from pbx.pjsip.pubsub.dialog import Dialog
from pbx.pjsip.pubsub.packages import View
from pbx.pjsip.pubsub.tree import Node
from pbx.pjsip.uri import NameAddr

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.pjsip.host import IncomingRequest, Reply
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.out_of_dialog import Sending
    from pbx.pjsip.pubsub.packages import EventPackage
    from pbx.pjsip.pubsub.subscriptions import Subscriptions
    from pbx.pjsip.pubsub.tree import Plan

log = Logger()

#: What a subscriber says that knows the subscription no longer (RFC 6665 4.2.2); 408 and 503: it is gone.
_GONE = frozenset((404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 503, 604))


class Subscription:
    """One subscriber's subscription."""

    def __init__(
        self,
        owner: Subscriptions,
        package: EventPackage,
        endpoint: Endpoint,
        request: IncomingRequest,
        dialog: Dialog,
        media_type: str,
    ) -> None:
        self._owner = owner
        self.package = package
        self.endpoint = endpoint
        self.dialog = dialog
        self.media_type = media_type
        self.contact = owner.contact(request)
        self.event = request.headers.get("Event") or package.name
        self.user_agent = request.headers.get("User-Agent") or ""
        self.expires_at = 0.0
        self.over = False
        self.root: Node | None = None
        self._shape: tuple[object, ...] = ()
        self._batch_seconds = 0.0
        self._expiry: IDelayedCall | None = None
        self._batch: IDelayedCall | None = None
        self._sending: list[Sending] = []

    def __repr__(self) -> str:
        return f"<Subscription {self.resource}/{self.package.name} of {self.endpoint.id}>"

    @property
    def resource(self) -> str:
        return "" if self.root is None else self.root.resource

    @property
    def is_list(self) -> bool:
        return self.root is not None and self.root.is_list

    @property
    def seconds_left(self) -> int:
        return max(0, round(self.expires_at - self._owner.clock.monotonic()))

    def watch(self, planned: Plan, batch_seconds: float) -> bool:
        """Watch what was planned in the place of what is watched; False when that is not possible."""
        node = Node(planned, NameAddr.parse(self.contact).uri)
        watcher = replace(NameAddr.parse(self.dialog.remote_address).uri, port=0)
        view = View(self.endpoint, planned.resource, "", str(watcher), self.user_agent)
        old, self.root = self.root, node
        if old is not None:
            node.version = old.version
            old.close()
        cancel_timer(self._batch)
        self._batch = None
        self._shape, self._batch_seconds = planned.shape(), batch_seconds
        return node.open(self.package, view, self._changed) and self._read()

    def differs(self, planned: Plan) -> bool:
        """Whether a plan watches something else than is watched."""
        return planned.shape() != self._shape

    def _read(self) -> bool:
        root = self.root
        return root is not None and all(leaf.refresh(self._owner.formats, self.media_type) for leaf in root.leaves())

    def extend(self, seconds: int) -> None:
        """Let it live so long from now."""
        clock = self._owner.clock
        cancel_timer(self._expiry)
        self.expires_at = clock.monotonic() + seconds
        self._expiry = clock.call_later(seconds, self._expired)

    def _expired(self) -> None:
        self._expiry = None
        self.end("timeout")

    def end(self, reason: str = "") -> None:
        """Say a last time what is known, and end."""
        if self.over:
            return
        if self.root is not None:
            self.root.end()
        self.notify("TERMINATED", full=True, reason=reason, last=True)

    def _changed(self, leaf: Node, last: bool) -> None:
        """A package says that a leaf changed."""
        if self.over or self.root is None:
            return
        known = leaf.refresh(self._owner.formats, self.media_type)
        if last or not known:
            leaf.end()
            if leaf is self.root:
                self.notify("TERMINATED", full=True, reason="noresource", last=True)
                return
        if self._batch_seconds:
            if self._batch is None:
                self._batch = self._owner.clock.call_later(self._batch_seconds, self._send_batch)
        else:
            self.notify("STATE_CHANGED", full=False)

    def _send_batch(self) -> None:
        self._batch = None
        self.notify("STATE_CHANGED", full=False)

    def notify(self, why: str, *, full: bool, reason: str = "", last: bool = False) -> None:
        """Send a NOTIFY: of everything, or of what changed since the last one. ``why`` is `SubscriberTold`'s."""
        if self.over or self.root is None:
            return
        if full:
            cancel_timer(self._batch)
            self._batch = None
        found = self.root.body(self.media_type, full=full)
        if found is None and not last:
            return
        if last:
            state = "terminated" + (f";reason={reason}" if reason else "")
        else:
            state = f"active;expires={self.seconds_left}"
        headers = [("Event", self.event), ("Subscription-State", state), ("Allow-Events", self._owner.allow_events)]
        if self.is_list:
            headers.append(("Require", "eventlist"))
        if last:
            self.close()
        self._transmit(headers, found)
        self._owner.bus.publish(SubscriberTold(why, self.resource, self.endpoint.id))

    def _transmit(self, headers: list[tuple[str, str]], body: tuple[str, bytes] | None) -> None:
        dialog = self.dialog
        request = OutOfDialogRequest(
            "NOTIFY",
            dialog.target,
            endpoint=self.endpoint,
            from_uri=dialog.local_address,
            to_uri=dialog.remote_address,
            contact=self.contact,
            headers=tuple(headers),
            body=None if body is None else body[1],
            content_type=None if body is None else body[0],
            route=dialog.route,
            transport=dialog.transport,
            call_id=dialog.call_id,
            cseq=dialog.next_cseq(),
            from_tag=dialog.local_tag,
            to_tag=dialog.remote_tag,
        )
        sent: list[Sending] = []

        def answered(reply: Reply) -> None:
            for each in sent:
                dialog.local_cseq = max(dialog.local_cseq, each.cseq)
                if each in self._sending:
                    self._sending.remove(each)
            if reply.code in _GONE and not self.over:
                log.info(
                    "{subscription}: NOTIFY was answered {code}: it is over", subscription=repr(self), code=reply.code
                )
                self.close()

        try:
            sending = self._owner.requests.send(request, answered)
        except (ObeliskError, ValueError) as error:
            log.warn("{subscription}: no NOTIFY was sent: {error}", subscription=repr(self), error=str(error))
            self.close()
            return
        sent.append(sending)
        self._sending.append(sending)

    def close(self) -> None:
        """End without a word. Idempotent."""
        if self.over:
            return
        self.over = True
        cancel_timer(self._expiry)
        cancel_timer(self._batch)
        self._expiry = self._batch = None
        if self.root is not None:
            self.root.close()
        self._owner.forget(self)

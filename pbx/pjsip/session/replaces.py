"""Replaces (RFC 3891): which of our calls it names, and a call that takes that one's place (res_pjsip_refer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.core.bridge.swap import take_place
from pbx.core.causes import Cause
from pbx.core.frames import Control, ControlFrame
from pbx.core.masquerade import masquerade
from pbx.errors import ObeliskError
from pbx.pjsip._native.invite_session import CONNECTING, DISCONNECTED, EARLY, UAC
from pbx.pjsip.uri import SipUri, split_params, unescape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.session.session import PjsipSession

log = Logger()


class NotReplaced(ObeliskError):
    """No call can be replaced; the INVITE is answered with ``code``."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog that is meant; ``to_tag`` is our own tag in it."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """The header's value. Raises NotReplaced (400)."""
        call_id, _, rest = text.partition(";")
        params = {name.lower(): value for name, value in split_params(rest).items()}
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or not to_tag or not from_tag:
            raise NotReplaced(400, f"Replaces without call id and tags: {text[:80]!r}")
        return cls(call_id.strip(), to_tag, from_tag, "early-only" in params)


def named_in(target: SipUri) -> str:
    """The value of a Replaces header inside a URI (Refer-To), or empty."""
    for field in target.headers.split("&"):
        name, _, value = field.partition("=")
        if unescape(name).lower() == "replaces":
            return unescape(value)
    return unescape(target.param("Replaces") or target.param("replaces") or "")


def find(sessions: Iterable[PjsipSession], wanted: Replaces) -> PjsipSession | None:
    """The call that is meant."""
    tags = (wanted.to_tag, wanted.from_tag)
    for session in sessions:
        native = session.native
        if session.call_id != wanted.call_id or native is None or session.closed:
            continue
        if (native.field("local_tag"), native.field("remote_tag")) == tags:
            return session
    return None


def to_be_replaced(sessions: Sessions, request: SipMessage) -> PjsipSession | None:
    """The call whose place an INVITE is to take, None when it says nothing of that. Raises NotReplaced."""
    values = request.headers.get_all("Replaces")
    if not values or not sessions.replaces:
        return None
    if len(values) > 1:
        raise NotReplaced(400, "several Replaces headers")
    wanted = Replaces.parse(values[0])
    session = find(sessions, wanted)
    native = None if session is None else session.native
    if session is None or native is None:
        raise NotReplaced(481, f"no call {wanted.call_id} to be replaced")
    if native.state == DISCONNECTED or native.ending:
        raise NotReplaced(603, f"call {wanted.call_id} is over")
    if wanted.early_only and native.state >= CONNECTING:
        raise NotReplaced(486, f"call {wanted.call_id} is answered")
    if native.state <= EARLY and native.role != UAC:
        raise NotReplaced(481, f"call {wanted.call_id} is not one that we began")
    return session


def replace_call(session: PjsipSession, replaced: PjsipSession) -> None:
    """Answer ``session``'s call and put it where ``replaced`` is: in its bridge, or before what serves its channel."""
    channel, other = session.channel, replaced.channel
    if not channel.alive or channel.hangup_requested:
        return
    if replaced.closed or not other.alive or other.hangup_requested:
        channel.set_hangup_cause(Cause.NORMAL_CLEARING)
        session.refuse(481)
        channel.hangup()
        return
    channel.answer()
    if other.bridge is not None:
        Deferred.fromCoroutine(take_place(channel, other)).addErrback(_failed, session)
        return
    try:
        masquerade(other, channel)
    except ObeliskError as error:
        log.warn("{call_id}: not replaced: {error}", call_id=session.call_id, error=str(error))
        channel.hangup(Cause.NORMAL_TEMPORARY_FAILURE)
        return
    # What rang is answered now; whoever dialled it goes on with the one who came instead.
    channel.hangup()
    if other.owner == "dial":
        other.queue_frame(ControlFrame(Control.ANSWER))


def _failed(failure: Failure, session: PjsipSession) -> None:
    if not isinstance(failure.value, ObeliskError):
        log.failure("a call could not be replaced", failure)
    else:
        log.warn("{call_id}: not replaced: {error}", call_id=session.call_id, error=failure.getErrorMessage())
    if session.channel.alive:
        session.channel.hangup(Cause.NORMAL_TEMPORARY_FAILURE)

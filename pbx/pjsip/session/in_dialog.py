"""Requests inside a call that leave its media alone, both ways: digits in INFO, texts in MESSAGE, REFER."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.frames import DigitBegin, DigitEnd
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.session import dtmf_info

if TYPE_CHECKING:
    from pbx.pjsip._native.invite_session import InviteSession
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

#: Methods that are known, though none of them is taken inside a call while its module is not loaded.
_KNOWN = frozenset(("MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH", "OPTIONS", "REGISTER"))


def answer(session: PjsipSession, sessions: Sessions, message: SipMessage) -> tuple[int, Sequence[tuple[str, str]]]:
    """The code and the headers of the response; called inside PJSIP, so what it leads to waits."""
    handler = sessions.handler(message.method)
    if handler is not None:
        return handler(session, message)
    if message.method != "INFO":
        return 501 if message.method not in _KNOWN else 405, [("Allow", sessions.host.allow() or "INVITE")]
    taken = sessions.answer_info(session, message)
    if taken is not None:
        return taken
    if not message.body:
        return 200, ()
    digit = dtmf_info.parse(message.content_type, message.body)
    if digit is None:
        if message.content_type in dtmf_info.CONTENT_TYPES:
            return 400, ()
        return 415, [("Accept", ", ".join(dtmf_info.CONTENT_TYPES))]
    session.later(_pressed, session, *digit)
    return 200, ()


def _pressed(session: PjsipSession, digit: str, duration_ms: int) -> None:
    if not session.closed:
        session.channel.queue_frame(DigitBegin(digit))
        session.channel.queue_frame(DigitEnd(digit, duration_ms))


def send_digit(session: PjsipSession, native: InviteSession, digit: str, duration_ms: int) -> None:
    """Press a digit by INFO."""
    try:
        native.send_request("INFO", content_type=dtmf_info.CONTENT_TYPE, body=dtmf_info.build(digit, duration_ms))
    except (SessionOver, PjError) as error:
        log.warn("{channel}: the digit was not sent: {error}", channel=session.channel.name, error=str(error))


def send_text(session: PjsipSession, native: InviteSession, text: str, content_type: str) -> bool:
    """Send a text by MESSAGE (RFC 3428); False where that is not possible."""
    try:
        native.send_request(
            "MESSAGE", content_type=content_type or "text/plain;charset=UTF-8", body=text.encode("utf-8")
        )
    except (SessionOver, PjError) as error:
        log.info("{channel}: no text was sent: {error}", channel=session.channel.name, error=str(error))
        return False
    return True


def refer(session: PjsipSession, native: InviteSession, uri: str) -> bool:
    """Ask the far end to call ``uri`` instead (RFC 3515); False where that is not possible."""
    referrer = session.channel.get_variable("SIPREFERREDBYHDR") or native.field("local_uri")
    try:
        native.send_request("REFER", headers=[("Refer-To", f"<{uri}>"), ("Referred-By", referrer)])
    except (SessionOver, PjError, ValueError) as error:
        log.info("{channel}: not transferred: {error}", channel=session.channel.name, error=str(error))
        return False
    return True

"""New offers of ours inside a call: another DTMF mode or codec list, hold passed on, a refresh asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.media.errors import NoMediaPorts
from pbx.media.sdp import Direction
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.objects.enums import SessionRefreshMethod
from pbx.pjsip.session.agreement import NotAcceptable

if TYPE_CHECKING:
    from pbx.pjsip.objects.enums import DtmfMode
    from pbx.pjsip.session.session import PjsipSession

log = Logger()


def refresh(
    session: PjsipSession,
    method: SessionRefreshMethod = SessionRefreshMethod.INVITE,
    direction: Direction = Direction.SENDRECV,
) -> bool:
    """Offer our media again, by re-INVITE; an UPDATE refreshes the session alone. False where it is not possible."""
    native = session.native
    if native is None:
        return False
    try:
        if method is SessionRefreshMethod.UPDATE:
            native.update()
        elif native.can_reinvite:
            native.reinvite(session.media.offer(direction))
        else:
            log.info("{channel}: no re-INVITE is possible now", channel=session.channel.name)
            return False
    except (SessionOver, PjError, NotAcceptable, NoMediaPorts) as error:
        log.warn("{channel}: the session was not refreshed: {error}", channel=session.channel.name, error=str(error))
        return False
    return True


def set_dtmf_mode(session: PjsipSession, mode: DtmfMode) -> None:
    """How digits travel from now on; the far end is told where the call has an offer or an answer already."""
    if session.dtmf_mode is mode:
        return
    session.dtmf_mode = mode
    session.media.set_dtmf_mode(mode)
    if session.is_up:
        refresh(session)
    else:
        session.media.answer_again()

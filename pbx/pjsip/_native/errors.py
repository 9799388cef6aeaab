"""One checkpoint for PJSIP's statuses."""

from __future__ import annotations

from pbx.errors import ObeliskError
from pbx.pjsip._abi import ffi, open_library

PJ_SUCCESS = 0
#: pj/errno.h: PJ_ERRNO_START_STATUS is 70000
PJ_EUNKNOWN = 70001
PJ_EPENDING = 70002
PJ_EBUSY = 70011
PJ_ENOTFOUND = 70006
PJ_ECANCELLED = 70014
PJ_ERESOLVE = 70018
PJ_EIGNORED = 70020
#: sip_errno.h starts at 171000
PJSIP_EMISSINGHDR = 171050


class PjError(ObeliskError):
    """A PJSIP function failed: ``status`` is its number, ``what`` the function, the text PJSIP's own."""

    def __init__(self, status: int, what: str) -> None:
        self.status = status
        self.what = what
        super().__init__(f"{what}: {status_text(status)} ({status})")


class StaleMessage(ObeliskError):
    """The C message behind an incoming message was asked for after its callback had returned."""


def status_text(status: int) -> str:
    """PJSIP's text for a status."""
    buffer = ffi.new("char[200]")
    text = open_library().pj_strerror(status, buffer, 200)
    return bytes(ffi.buffer(text.ptr, text.slen)).decode("utf-8", "replace")


def check(status: int, what: str) -> None:
    """Raise PjError unless ``status`` is PJ_SUCCESS."""
    if status:
        raise PjError(status, what)

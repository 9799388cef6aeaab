"""What C threads tell Python: a digit arrived, a file has ended. Values are copied, the rest is the reactor's.

cffi reaches structures first through a callback's type badly, so callbacks take plain pointers and cast them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from twisted.logger import Logger

from pbx.media._native.library import CData
from pbx.pjsip._abi import ffi

log = Logger()

_IS_END = 2


def _failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last net: an exception in a C thread's callback cannot go anywhere else."""
    log.failure("media callback failed: {error}", error=error)


def _safe(signature: str, function: Callable[..., None]) -> CData:
    return ffi.callback(signature, function, onerror=_failed)


def dtmf_callback(reactor: Any, receive: Callable[[int, str, int, int, bool], None]) -> CData:
    """For pjmedia_stream_set_dtmf_event_callback: ``receive(key, digit, timestamp, duration_ms, end)`` on the reactor.

    The timestamp is PJMEDIA's, in ms. Keep the result as long as a stream may use it.
    """

    def on_event(_stream: CData, key: CData, event: CData) -> None:
        told = ffi.cast("pjmedia_stream_dtmf_event *", event)
        reactor.callFromThread(
            receive,
            int(ffi.cast("uintptr_t", key)),
            chr(told.digit & 0x7F),
            int(told.timestamp),
            int(told.duration),
            bool(told.flags & _IS_END),
        )

    return _safe("void(void *, void *, void *)", on_event)


def eof_callback(reactor: Any, ended: Callable[[int], None]) -> CData:
    """For pjmedia_wav_player_set_eof_cb2: ``ended(key)`` on the reactor. Keep the result while players live."""

    def on_eof(_port: CData, key: CData) -> None:
        reactor.callFromThread(ended, int(ffi.cast("uintptr_t", key)))

    return _safe("void(void *, void *)", on_eof)

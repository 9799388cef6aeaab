"""PJMEDIA endpoints: the first carries the codecs, each carries the sockets its worker thread polls."""

from __future__ import annotations

from typing import Any

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: An ioqueue takes 64 sockets and a 65th ends the process. Thirty pairs leave four for sockets that are being closed.
PAIRS_PER_ENDPOINT = 30


class EventManager:
    """PJMEDIA's event manager: without one, creating a stream ends the process. It has a thread of its own."""

    def __init__(self, library: PjLibrary) -> None:
        self._lib = library.lib
        self._pool = pool(library, b"media-events")
        self._manager = ffi.new("pjmedia_event_mgr **")
        check(self._lib, self._lib.pjmedia_event_mgr_create(self._pool, 0, self._manager), "pjmedia_event_mgr_create")

    def destroy(self) -> None:
        """Once, after every stream and player is gone."""
        self._lib.pjmedia_event_mgr_destroy(self._manager[0])
        self._lib.pj_pool_release(self._pool)


class MediaEndpoint:
    """One endpoint with one worker thread, and the count of RTP/RTCP pairs its ioqueue carries."""

    def __init__(self, library: PjLibrary) -> None:
        self._lib = library.lib
        made = ffi.new("pjmedia_endpt **")
        status = self._lib.pjmedia_endpt_create2(library.pool_factory, ffi.NULL, 1, made)
        check(self._lib, status, "pjmedia_endpt_create2")
        self.handle: CData = made[0]
        self.pairs = 0

    def register_codecs(self) -> None:
        """Register all codecs; only for the process's first endpoint, which the factories bind to."""
        lib = self._lib
        check(lib, lib.pjmedia_codec_g711_init(self.handle), "pjmedia_codec_g711_init")
        check(lib, lib.pjmedia_codec_g722_init(self.handle), "pjmedia_codec_g722_init")
        check(lib, lib.pjmedia_codec_gsm_init(self.handle), "pjmedia_codec_gsm_init")
        check(lib, lib.pjmedia_codec_ilbc_init(self.handle, 30), "pjmedia_codec_ilbc_init")
        check(lib, lib.pjmedia_codec_speex_init_default(self.handle), "pjmedia_codec_speex_init_default")
        check(lib, lib.pjmedia_codec_l16_init(self.handle, 0), "pjmedia_codec_l16_init")

    @property
    def codec_manager(self) -> Any:
        return self._lib.pjmedia_endpt_get_codec_mgr(self.handle)

    @property
    def full(self) -> bool:
        return self.pairs >= PAIRS_PER_ENDPOINT

    def take(self) -> None:
        """Count one more pair. Raises MediaError instead of letting the ioqueue abort."""
        if self.full:
            raise MediaError(f"an endpoint carries {PAIRS_PER_ENDPOINT} RTP pairs")
        self.pairs += 1

    def destroy(self) -> None:
        """Stop the worker and free the endpoint; its transports must be destroyed before."""
        self._lib.pjmedia_endpt_destroy2(self.handle)

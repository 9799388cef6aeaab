"""A codec used without a stream: for files that are kept coded."""

from __future__ import annotations

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media._native.stream import StreamFactory
from pbx.media.formats import Format
from pbx.pjsip._abi import ffi

_TYPE_AUDIO = 1
_INIT = "pj_status_t(*)(void *, void *)"
_OPEN = "pj_status_t(*)(void *, void *)"
_CLOSE = "pj_status_t(*)(void *)"
#: pjmedia_codec_op's encode and decode: codec, frame in, size of the room, frame out.
_CODE = "pj_status_t(*)(void *, void *, unsigned, void *)"


class Codec:
    """A codec that codes and decodes whole frames. `close` it."""

    def __init__(self, library: PjLibrary, streams: StreamFactory, form: Format, frame_bytes: int) -> None:
        """``frame_bytes``: what one frame of ``form.frame_ms`` is coded in. Raises MediaError."""
        self.form = form
        self.frame_bytes = frame_bytes
        #: Bytes of a frame's 16-bit samples.
        self.plain_bytes = form.sample_rate * form.frame_ms // 1000 * 2
        self._lib = lib = library.lib
        known = streams.codec(form)
        self._manager = streams.endpoint.codec_manager
        made = ffi.new("pjmedia_codec **")
        check(lib, lib.pjmedia_codec_mgr_alloc_codec(self._manager, known.info, made), f"codec {form.name}")
        self._codec: CData = made[0]
        self._memory = pool(library, b"codec")
        self._open = False
        try:
            param = ffi.new("pjmedia_codec_param *", known.default[0])
            # Silence is coded as everything else: in a file there is nothing that could be left out.
            param.setting.plc = param.setting.vad = 0
            op = self._codec.op
            check(lib, ffi.cast(_INIT, op.init)(self._codec, self._memory), f"codec {form.name}: init")
            check(lib, ffi.cast(_OPEN, op.open)(self._codec, param), f"codec {form.name}: open")
            self._open = True
        except BaseException:
            self.close()
            raise

    def decode(self, data: bytes) -> bytes:
        """16-bit little-endian samples of ``data``, frame by frame; a broken rest is left out. Raises MediaError."""
        return self._each(self._codec.op.decode, data, self.frame_bytes, self.plain_bytes, "decode")

    def encode(self, samples: bytes) -> bytes:
        """Frames of 16-bit little-endian ``samples``; what is less than a frame is left out. Raises MediaError."""
        return self._each(self._codec.op.encode, samples, self.plain_bytes, self.frame_bytes, "encode")

    def _each(self, function: CData, data: bytes, taken: int, given: int, what: str) -> bytes:
        step = ffi.cast(_CODE, function)
        frames = len(data) // taken
        # A copy: PJMEDIA's G.722 scales the samples where they are.
        source = ffi.new("char[]", data)
        target = ffi.new("char[]", frames * given or 1)
        one, other = ffi.new("pjmedia_frame *"), ffi.new("pjmedia_frame *")
        one.type = _TYPE_AUDIO
        one.size = taken
        for number in range(frames):
            one.buf = source + number * taken
            other.buf = target + number * given
            other.size = given
            check(self._lib, step(self._codec, one, given, other), f"codec {self.form.name}: {what}")
        return bytes(ffi.buffer(target, frames * given))

    def close(self) -> None:
        """Idempotent."""
        codec, self._codec = self._codec, None
        if codec is None:
            return
        if self._open:
            ffi.cast(_CLOSE, codec.op.close)(codec)
        self._lib.pjmedia_codec_mgr_dealloc_codec(self._manager, codec)
        self._lib.pj_pool_release(self._memory)

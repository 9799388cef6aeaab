"""A codec used without a stream: to play files that are kept coded."""

from __future__ import annotations

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media._native.stream import StreamFactory
from pbx.media.formats import Format
from pbx.pjsip._abi import ffi

_TYPE_AUDIO = 1
_INIT = "pj_status_t(*)(void *, void *)"
_OPEN = "pj_status_t(*)(void *, void *)"
_CLOSE = "pj_status_t(*)(void *)"
_DECODE = "pj_status_t(*)(void *, void *, unsigned, void *)"


def decode(library: PjLibrary, streams: StreamFactory, form: Format, data: bytes, frame_bytes: int) -> bytes:
    """16-bit little-endian samples of ``data``, frame by frame; a broken rest is left out. Raises MediaError."""
    lib = library.lib
    known = streams.codec(form)
    manager = streams.endpoint.codec_manager
    made = ffi.new("pjmedia_codec **")
    check(lib, lib.pjmedia_codec_mgr_alloc_codec(manager, known.info, made), f"codec {form.name}")
    codec: CData = made[0]
    memory = pool(library, b"decoder")
    try:
        param = ffi.new("pjmedia_codec_param *", known.default[0])
        param.setting.plc = 0
        check(lib, ffi.cast(_INIT, codec.op.init)(codec, memory), f"codec {form.name}: init")
        check(lib, ffi.cast(_OPEN, codec.op.open)(codec, param), f"codec {form.name}: open")
        try:
            return _decoded(lib, codec, form, data, frame_bytes)
        finally:
            ffi.cast(_CLOSE, codec.op.close)(codec)
    finally:
        lib.pjmedia_codec_mgr_dealloc_codec(manager, codec)
        lib.pj_pool_release(memory)


def _decoded(lib: object, codec: CData, form: Format, data: bytes, frame_bytes: int) -> bytes:
    step = ffi.cast(_DECODE, codec.op.decode)
    frames = len(data) // frame_bytes
    pcm_bytes = form.sample_rate * form.frame_ms // 1000 * 2
    source = ffi.from_buffer(data)
    target = ffi.new("char[]", frames * pcm_bytes or 1)
    coded, plain = ffi.new("pjmedia_frame *"), ffi.new("pjmedia_frame *")
    coded.type = _TYPE_AUDIO
    coded.size = frame_bytes
    for number in range(frames):
        coded.buf = source + number * frame_bytes
        plain.buf = target + number * pcm_bytes
        plain.size = pcm_bytes
        check(lib, step(codec, coded, pcm_bytes, plain), f"codec {form.name}: decode")
    return bytes(ffi.buffer(target, frames * pcm_bytes))

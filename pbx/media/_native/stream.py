"""An RTP stream (RFC 3550) between one transport and one port of the conference."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pbx.media._native.endpoint import MediaEndpoint
from pbx.media._native.library import CData, PjLibrary, check, fill_address
from pbx.media._native.udp_transport import UdpTransport
from pbx.media.errors import MediaError
from pbx.media.formats import Format
from pbx.media.parameters import Spread, StreamParameters, StreamStatistics
from pbx.media.sdp import Direction
from pbx.pjsip._abi import ffi

_TYPE_AUDIO = 1
_PROTO_RTP_AVP = 4 | 1 << 15
_ENCODING = 1
_DECODING = 2
_BOTH = _ENCODING | _DECODING
#: Jitter buffer: discard dynamically, by measured jitter and latency.
_DISCARD_PROGRESSIVE = 2
#: pjmedia_stream_dial_dtmf2 holds 31 digits and refuses more.
MAX_QUEUED_DIGITS = 31
_UNSPECIFIED = {"0.0.0.0", "::"}


#: Longest packets made: PJMEDIA's buffers and an Ethernet frame hold more, but no phone wants them.
MAX_PTIME_MS = 200


def _spread(stat: CData) -> Spread:
    """A pj_math_stat of microseconds."""
    if not stat.n:
        return Spread()
    deviation = math.sqrt(max(0.0, stat.m2_ / stat.n))
    return Spread(stat.min / 1000, stat.max / 1000, stat.mean / 1000, deviation / 1000)


def _statistics(ssrc: int, remote_ssrc: int, counters: CData) -> StreamStatistics:
    rx, tx = counters.rx, counters.tx
    return StreamStatistics(
        ssrc=ssrc,
        remote_ssrc=remote_ssrc,
        packets_received=rx.pkt,
        bytes_received=rx.bytes,
        packets_lost=rx.loss,
        packets_discarded=rx.discard,
        packets_reordered=rx.reorder,
        packets_duplicated=rx.dup,
        jitter=_spread(rx.jitter),
        packets_sent=tx.pkt,
        bytes_sent=tx.bytes,
        remote_packets_lost=tx.loss,
        remote_jitter=_spread(tx.jitter),
        round_trip=_spread(counters.rtt),
        round_trip_samples=counters.rtt.n,
    )


def _check(parameters: StreamParameters) -> None:
    """What PJMEDIA would not refuse but misuse."""
    events = (parameters.send_event_payload_type, parameters.receive_event_payload_type)
    for payload_type in (parameters.send_payload_type, parameters.receive_payload_type, *events):
        if payload_type is not None and not 0 <= payload_type <= 127:
            raise ValueError(f"{payload_type} is no RTP payload type")
    if not 0 < parameters.ptime_ms <= MAX_PTIME_MS:
        raise ValueError(f"ptime {parameters.ptime_ms} ms is not between 1 and {MAX_PTIME_MS}")


def _has_target(parameters: StreamParameters) -> bool:
    return parameters.remote_port != 0 and parameters.remote_address not in _UNSPECIFIED


@dataclass(slots=True)
class _Codec:
    info: CData
    default: CData
    name: CData  # keeps the encoding name alive


class StreamFactory:
    """Makes streams. Keeps the codecs' parameters and a scratch structure."""

    def __init__(self, library: PjLibrary, endpoint: MediaEndpoint) -> None:
        """``endpoint`` is the one the codecs are registered with."""
        self.lib = library.lib
        self.endpoint = endpoint
        self._codecs: dict[str, _Codec] = {}
        info = self._info = ffi.new("pjmedia_stream_info *")
        info.type = _TYPE_AUDIO
        info.proto = _PROTO_RTP_AVP
        info.dir = _BOTH
        info.rtp_seq_ts_set = 3
        info.jb_init = info.jb_min_pre = info.jb_max_pre = info.jb_max = -1
        info.jb_discard_algo = _DISCARD_PROGRESSIVE
        #: What is the same in every stream.
        self._blank = bytes(ffi.buffer(info))
        self._param = ffi.new("pjmedia_codec_param *")
        self._made = ffi.new("pjmedia_stream **")
        self._port = ffi.new("pjmedia_port **")
        self.statistics = ffi.new("pjmedia_rtcp_stat *")
        self.session = ffi.new("pjmedia_stream_rtp_sess_info *")

    def codec(self, form: Format) -> _Codec:
        """What PJMEDIA says of a codec; raises MediaError for one it does not have."""
        known = self._codecs.get(form.name)
        if known is None:
            text = form.encoding.encode("ascii")
            name = ffi.new("char[]", text)
            info = ffi.new("pjmedia_codec_info *")
            info.type = _TYPE_AUDIO
            info.pt = form.payload_type if form.payload_type is not None else form.dynamic_payload_type
            info.encoding_name.ptr = name
            info.encoding_name.slen = len(text)
            info.clock_rate = form.sample_rate
            info.channel_cnt = 1
            default = ffi.new("pjmedia_codec_param *")
            status = self.lib.pjmedia_codec_mgr_get_default_param(self.endpoint.codec_manager, info, default)
            check(self.lib, status, f"codec {form.name}")
            default.setting.vad = 0
            known = self._codecs[form.name] = _Codec(info, default, name)
        return known

    def create(
        self, transport: UdpTransport, form: Format, parameters: StreamParameters, dtmf_callback: CData, key: int
    ) -> Stream:
        """A started stream whose received digits go to ``dtmf_callback`` with ``key`` as its user data.

        Raises ValueError for a bad address, port or ptime, MediaError where PJMEDIA refuses.
        """
        _check(parameters)
        codec = self.codec(form)
        info = self._info
        ffi.memmove(info, self._blank, len(self._blank))
        fill_address(info.rem_addr, parameters.remote_address, parameters.remote_port)
        if parameters.remote_rtcp_port is not None:
            address = parameters.remote_rtcp_address or parameters.remote_address
            fill_address(info.rem_rtcp, address, parameters.remote_rtcp_port)
        if info.rem_addr.addr.sa_family != transport.family:
            raise ValueError(f"{parameters.remote_address} is of another IP version than the RTP socket")
        info.fmt = codec.info[0]
        self._param[0] = codec.default[0]
        frame_ms = codec.default.info.frm_ptime
        if parameters.ptime_ms < frame_ms or parameters.ptime_ms % frame_ms:
            raise ValueError(f"ptime {parameters.ptime_ms} ms is not a multiple of {form.name}'s {frame_ms} ms frames")
        self._param.setting.frm_per_pkt = parameters.ptime_ms // frame_ms
        info.param = self._param
        info.tx_pt = parameters.send_payload_type
        info.rx_pt = parameters.receive_payload_type
        info.tx_event_pt = parameters.send_event_payload_type or -1
        info.rx_event_pt = parameters.receive_event_payload_type or -1
        # RFC 3550 section 5.1: all three unpredictable; the sequence number low, so that it does not wrap at once.
        ssrc, timestamp, sequence = struct.unpack("=IIH", os.urandom(10))
        info.ssrc = ssrc or 1
        info.rtp_ts = timestamp
        info.rtp_seq = sequence & 0x7FFF
        status = self.lib.pjmedia_stream_create(
            self.endpoint.handle, ffi.NULL, info, transport.handle, ffi.NULL, self._made
        )
        check(self.lib, status, "pjmedia_stream_create")
        stream = Stream(self, self._made[0], int(info.ssrc))
        try:
            status = self.lib.pjmedia_stream_set_dtmf_event_callback(
                stream.handle, dtmf_callback, ffi.cast("void *", key)
            )
            check(self.lib, status, "pjmedia_stream_set_dtmf_event_callback")
            check(self.lib, self.lib.pjmedia_stream_get_port(stream.handle, self._port), "pjmedia_stream_get_port")
            stream.port = self._port[0]
            check(self.lib, self.lib.pjmedia_stream_start(stream.handle), "pjmedia_stream_start")
            if parameters.direction is not Direction.SENDRECV or not _has_target(parameters):
                stream.set_direction(parameters)
            transport.start()
        except MediaError:
            stream.destroy()
            raise
        return stream


class Stream:
    """A pjmedia stream. `destroy` once; its port must be taken out of the conference before that call."""

    def __init__(self, factory: StreamFactory, handle: CData, ssrc: int) -> None:
        self._factory = factory
        self._lib = factory.lib
        self.handle = handle
        self.port: CData = None
        self.ssrc = ssrc
        self.receives = True
        self._digit = ffi.new("char[1]")
        self._digits = ffi.new("pj_str_t *", {"ptr": self._digit, "slen": 1})

    def set_direction(self, parameters: StreamParameters) -> None:
        """Which directions carry audio (RFC 3264); nothing is sent to address 0 (hold by RFC 2543) or port 0."""
        sends = parameters.direction.sends and _has_target(parameters)
        self.receives = parameters.direction.receives
        for on, direction in ((sends, _ENCODING), (self.receives, _DECODING)):
            change = self._lib.pjmedia_stream_resume if on else self._lib.pjmedia_stream_pause
            check(self._lib, change(self.handle, direction), "pjmedia_stream_pause/resume")

    def freshen(self) -> None:
        """Forget what the jitter buffer gathered while nobody listened: it would be heard as a delay."""
        check(self._lib, self._lib.pjmedia_stream_resume(self.handle, _DECODING), "pjmedia_stream_resume")

    def send_digit(self, digit: str, duration_ms: int) -> bool:
        """Queue one digit (RFC 4733); False when the far end takes none or the queue is full."""
        self._digit[0] = digit.encode("ascii")
        return bool(self._lib.pjmedia_stream_dial_dtmf2(self.handle, self._digits, duration_ms) == 0)

    @property
    def packets_received(self) -> int:
        scratch = self._factory.statistics
        self._lib.pjmedia_stream_get_stat(self.handle, scratch)
        return int(scratch.rx.pkt)

    def count(self) -> Callable[[], StreamStatistics]:
        """RTCP's view of the stream as it is now (RFC 3550 section 6.4), to be read now or after its end."""
        counters = ffi.new("pjmedia_rtcp_stat *")
        self._lib.pjmedia_stream_get_stat(self.handle, counters)
        session = self._factory.session
        failed = self._lib.pjmedia_stream_get_rtp_session_info(self.handle, session)
        return partial(_statistics, self.ssrc, 0 if failed else int(session.rx_rtp.peer_ssrc), counters)

    def destroy(self) -> None:
        """Send RTCP BYE, let go of the transport and give up our reference.

        The encoder is paused first: a tick still under way must not put a frame of this call on the next one's socket.
        """
        self._lib.pjmedia_stream_pause(self.handle, _ENCODING)
        self._lib.pjmedia_stream_destroy(self.handle)

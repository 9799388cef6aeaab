"""The switchboard: legs, their streams, and who hears whom, on PJMEDIA's conference bridge.

Audio never passes through Python. One C thread mixes every 20 ms, one more per 30 RTP pairs receives; the reactor's
thread only arranges. C threads call Python for received digits and ends of files alone, and those calls copy their
values to the reactor.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from pbx.core.media import AudioLeg
from pbx.media._native.callbacks import dtmf_callback, eof_callback
from pbx.media._native.codec import Codec
from pbx.media._native.conference import WIDE_RATE, Conference
from pbx.media._native.endpoint import EventManager, MediaEndpoint
from pbx.media._native.library import PjLibrary, parse_address
from pbx.media._native.stream import StreamFactory
from pbx.media._native.wav import WavPlayer, WavWriter
from pbx.media.coded_files import CodedFormat
from pbx.media.errors import MediaError, SoundError
from pbx.media.formats import format_by_name
from pbx.media.graph import AudioGraph
from pbx.media.leg import Leg
from pbx.media.listening import Listening
from pbx.media.mixer import SILENCE, Band, Mixer
from pbx.media.parameters import StreamParameters
from pbx.media.playback import Playback
from pbx.media.recording import Recording
from pbx.media.settings import MediaSettings
from pbx.media.sound_cache import SoundCache
from pbx.media.sound_files import SoundFinder
from pbx.media.transport_pool import UNMARKED, RtpTransport, TransportPool
from pbx.media.wave_file import Sound

log = Logger()

_PORT_NAME_BYTES = 30


class MediaEngine:
    """Implements core's Switchboard. `start` before use, `stop` before PJLIB goes."""

    def __init__(self, library: PjLibrary, settings: MediaSettings, reactor: Any) -> None:
        """``library``: PJLIB, initialised on the reactor's thread. ``reactor``: IReactorTime, IReactorFDSet and
        IReactorFromThreads."""
        self.reactor = reactor
        self.settings = settings
        self.closing_recordings: dict[Path, Recording] = {}
        self._library = library
        self._finder = SoundFinder(settings.sound_directories, settings.default_language)
        self._keys = itertools.count(1)
        self._by_key: dict[int, Leg | Playback] = {}
        self._legs: set[Leg] = set()
        self._running = False

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Create the event manager, the first endpoint with its codecs, and the conference with its clock."""
        if self._running:
            raise MediaError("the media engine is already running")
        settings = self.settings
        self._events = EventManager(self._library)
        self._endpoint = MediaEndpoint(self._library)
        self._endpoint.register_codecs()
        self._streams = StreamFactory(self._library, self._endpoint)
        self._sounds = SoundCache(self.make_codec)
        self._on_dtmf = dtmf_callback(self.reactor, self._dtmf)
        self._on_eof = eof_callback(self.reactor, self._eof)
        self._conference = Conference(self._library, wide=settings.mixing_rate == WIDE_RATE)
        self._conference.start()
        self.mixer = Mixer(self._conference.narrow, self._conference.wide)
        self.graph = AudioGraph(self.mixer.connect, self.mixer.disconnect, SILENCE)
        self.graph.first_listener = self._first_listener
        self._slots: dict[int, Leg] = {}
        self._transports = TransportPool(
            self._library,
            self.reactor,
            self._endpoint,
            rtp_start=settings.rtp_start,
            rtp_end=settings.rtp_end,
            address=settings.bind_address,
            limit=settings.max_legs,
            strict=settings.strict_rtp,
            probation=settings.probation,
        )
        self._transports.detach = self.detach_stream
        self._running = True

    def stop(self) -> None:
        """Close all legs, stop the clock and the workers, close all sockets. Recordings are whole afterwards."""
        if not self._running:
            return
        self._running = False
        for leg in list(self._legs):
            self.close_leg(leg)
        closing = list(self.closing_recordings.values())
        for recording in closing:
            recording.doRead()  # makes room in the pipe, so that the clock thread can finish
        self._conference.stop()
        for recording in closing:
            recording.doRead()
        self._transports.close()
        self._endpoint.destroy()
        self._events.destroy()

    # -- streams -------------------------------------------------------------------------------------------------

    def lend_transport(
        self, *, symmetric: bool = False, address: str | None = None, marking: tuple[int, int] = UNMARKED
    ) -> RtpTransport:
        """An RTP/RTCP pair of the configured range, bound and not yet receiving.

        ``symmetric``: send to where packets come from (``rtp_symmetric``). ``address``: bind there instead of to the
        configured address. ``marking``: type of service and 802.1p priority of its packets. Raises NoMediaPorts.
        """
        return self._transports.lend(symmetric=symmetric, address=address, marking=marking)

    def attach_stream(self, leg: Leg, transport: RtpTransport, parameters: StreamParameters) -> None:
        """Give the leg a far end, or another one; its connections stay. A change of direction alone keeps the stream.

        Raises ValueError for parameters that cannot be, MediaError where PJMEDIA refuses; the leg then has no stream.
        """
        if leg.closed or not transport.lent:
            raise ValueError(f"{leg.name}: the leg is closed, or the transport was given back")
        if transport.leg is not None and transport.leg is not leg:
            raise ValueError(f"{leg.name}: port {transport.rtp_port} is {transport.leg.name}'s")
        form = format_by_name(parameters.codec)
        if form is None or not form.transcodable:
            raise ValueError(f"{leg.name}: there is no codec {parameters.codec!r}")
        if transport.strict is not None:
            parse_address(parameters.remote_address)
            transport.strict.aim(parameters.remote_address, parameters.remote_port, parameters.received_payload_types)
        present = leg.stream_parameters
        if leg.stream is not None and present is not None and leg.transport is transport:
            if present == parameters:
                return
            if present.differs_in_direction_only(parameters):
                leg.stream.set_direction(parameters)
                leg.stream_parameters = parameters
                return
        self.detach_stream(leg)
        key = self.new_key(leg)
        try:
            stream = self._streams.create(transport.native, form, parameters, self._on_dtmf, key)
        except BaseException:
            self.forget_key(key)
            raise
        try:
            band = Band.WIDE if form.sample_rate >= WIDE_RATE else Band.NARROW
            slot = self.mixer.add(stream.port, leg.name.encode("utf-8", "replace")[:_PORT_NAME_BYTES], band)
        except BaseException:
            self.forget_key(key)
            stream.destroy()
            raise
        transport.leg = leg
        transport.used = True
        leg.attached(stream, transport, parameters, key)
        self._slots[slot] = leg
        try:
            self.graph.attach(leg.node, slot)
        except ValueError:
            leg.node.slot = slot
            self.detach_stream(leg)
            raise

    def detach_stream(self, leg: Leg) -> None:
        """Take the leg's stream away; its connections and its lent transport stay. Idempotent."""
        stream, transport, slot = leg.stream, leg.transport, leg.node.slot
        if stream is None or transport is None or slot is None:
            return
        self.graph.detach(leg.node)
        self._slots.pop(slot, None)
        self.mixer.remove(slot)
        self.forget_key(leg.key)
        leg.detached()
        transport.leg = None
        stream.destroy()

    def _first_listener(self, slot: int) -> None:
        leg = self._slots.get(slot)
        if leg is not None and leg.stream is not None and leg.stream.receives:
            leg.stream.freshen()

    # -- Switchboard ---------------------------------------------------------------------------------------------

    def create_leg(self, name: str) -> Leg:
        leg = Leg(self, name)
        self._legs.add(leg)
        return leg

    def close_leg(self, leg: Leg) -> None:
        """`AudioLeg.close`. The transport stays lent: whoever borrowed it gives it back."""
        if leg.closed:
            return
        leg.closed = True
        for playback in list(leg.playbacks):
            playback.stop()
        for recording in list(leg.recordings):
            recording.stop()
        for listening in list(leg.listenings):
            listening.stop()
        self.detach_stream(leg)
        self.graph.remove(leg.node)
        self._legs.discard(leg)

    def connect(self, source: AudioLeg, sink: AudioLeg) -> None:
        one, other = self._leg(source), self._leg(sink)
        if not one.closed and not other.closed:
            self.graph.connect(one.node, other.node)

    def disconnect(self, source: AudioLeg, sink: AudioLeg) -> None:
        self.graph.disconnect(self._leg(source).node, self._leg(sink).node)

    def join(self, one: AudioLeg, other: AudioLeg) -> None:
        self.connect(one, other)
        self.connect(other, one)

    def part(self, one: AudioLeg, other: AudioLeg) -> None:
        self.disconnect(one, other)
        self.disconnect(other, one)

    def tap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        one, other = self._leg(leg), self._leg(sink)
        if not one.closed and not other.closed:
            self.graph.tap(one.node, other.node)

    def untap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        self.graph.untap(self._leg(leg).node, self._leg(sink).node)

    def add_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        one, other = self._leg(voice), self._leg(host)
        if not one.closed and not other.closed:
            self.graph.add_voice(one.node, other.node)

    def remove_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        self.graph.remove_voice(self._leg(voice).node, self._leg(host).node)

    def pipe(self, one: AudioLeg, other: AudioLeg) -> None:
        """Make the two ends of a Local pair. Raises ValueError for legs with a stream or another peer."""
        self.graph.pipe(self._leg(one).node, self._leg(other).node)

    def play(
        self, sink: AudioLeg, path: Path, *, offset_ms: int = 0, alone: bool = False, loop: bool = False
    ) -> Playback:
        """Raises SoundError. A file that a recording is just finishing is played once it is whole."""
        leg = self._leg(sink)
        if leg.closed:
            raise SoundError(f"{path}: {leg.name} is gone")
        playback = Playback(self, leg, path, offset_ms, alone=alone, loop=loop)
        pending = self.closing_recordings.get(path)
        if pending is None:
            playback.begin()
        else:
            pending.closed.addCallback(_passing(playback.begin_later))
        return playback

    def play_samples(
        self, sink: AudioLeg, samples: bytes, rate: int, *, alone: bool = False, loop: bool = False
    ) -> Playback:
        """Raises SoundError."""
        leg = self._leg(sink)
        if leg.closed:
            raise SoundError(f"{leg.name} is gone")
        playback = Playback(self, leg, Path("samples"), 0, alone=alone, loop=loop, samples=(samples, rate))
        playback.begin()
        return playback

    def record(
        self,
        leg: AudioLeg,
        path: Path,
        *,
        both_directions: bool = False,
        append: bool = False,
        keep_ms: int | None = None,
    ) -> Recording:
        """By extension, one of `RECORDABLE`. Raises SoundError."""
        own = self._leg(leg)
        if own.closed:
            raise SoundError(f"{path}: {own.name} is gone")
        pending = self.closing_recordings.get(path)
        if pending is not None:
            pending.finish_now()
        try:
            return Recording(self, own, path, both_directions=both_directions, append=append, keep_ms=keep_ms)
        except MediaError as error:
            raise SoundError(f"{path}: {error}") from error

    def listen(self, leg: AudioLeg, take: Callable[[bytes], object], form: str = "slin") -> Listening:
        """Raises SoundError, also for a form that is not one of `LISTENING_FORMATS`."""
        own = self._leg(leg)
        if own.closed:
            raise SoundError(f"{own.name} is gone")
        try:
            return Listening(self, own, take, form)
        except MediaError as error:
            raise SoundError(f"{own.name}: {error}") from error

    def find_sound(self, name: str, language: str) -> Path | None:
        return self._finder.find(name, language)

    # -- counts --------------------------------------------------------------------------------------------------

    @property
    def legs(self) -> int:
        return len(self._legs)

    @property
    def streams(self) -> int:
        return len(self._slots)

    @property
    def transports_lent(self) -> int:
        return self._transports.lent

    @property
    def transports_open(self) -> int:
        """Pairs open, lent or kept for the next call."""
        return self._transports.open_pairs

    # -- for playbacks and recordings ----------------------------------------------------------------------------

    def new_key(self, owner: Leg | Playback) -> int:
        """A number under which C callbacks find ``owner`` again."""
        key = next(self._keys)
        self._by_key[key] = owner
        return key

    def forget_key(self, key: int) -> None:
        self._by_key.pop(key, None)

    def open_sound(self, path: Path) -> Sound:
        return self._sounds.open(path)

    def make_player(self, sound: Sound, key: int, buffer_bytes: int, *, loop: bool = False) -> WavPlayer:
        return WavPlayer(
            self._library,
            sound.path,
            data_bytes=sound.data_bytes,
            least_bytes=sound.format.least_bytes,
            buffer_bytes=buffer_bytes,
            eof_callback=None if loop else self._on_eof,
            key=key,
        )

    def make_codec(self, coded: CodedFormat) -> Codec:
        """The codec of a kind of files. Raises MediaError."""
        return Codec(self._library, self._streams, coded.codec, coded.frame_bytes)

    def make_writer(self, path: str, rate: int, encoding: int, buffer_bytes: int) -> WavWriter:
        return WavWriter(self._library, path, rate=rate, encoding=encoding, buffer_bytes=buffer_bytes)

    # -- from C threads, by callFromThread -----------------------------------------------------------------------

    def _dtmf(self, key: int, digit: str, timestamp: int, duration_ms: int, end: bool) -> None:
        leg = self._by_key.get(key)
        if isinstance(leg, Leg):
            leg.digit_received(digit, timestamp, duration_ms, end)

    def _eof(self, key: int) -> None:
        playback = self._by_key.get(key)
        if isinstance(playback, Playback):
            playback.ended()

    @staticmethod
    def _leg(leg: AudioLeg) -> Leg:
        if not isinstance(leg, Leg):
            raise TypeError(f"{leg!r} is not one of this engine's legs")
        return leg


def _passing(call: Any) -> Any:
    """A Deferred callback that runs ``call`` and passes the value on to those behind it."""

    def callback(value: int) -> int:
        call()
        return value

    return callback

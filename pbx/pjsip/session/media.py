"""The audio of one session: an RTP transport, what was negotiated for it, and the stream made of that."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from pbx.media.formats import FORMATS
from pbx.media.parameters import AgreedCodec, StreamParameters
from pbx.media.sdp import Direction
from pbx.pjsip.objects.enums import DtmfMode, OfferPreference
from pbx.pjsip.session.agreement import (
    TELEPHONE_EVENT,
    LocalMedia,
    Negotiated,
    NotAcceptable,
)
from pbx.pjsip.session.offer_answer import accept_answer, answer_offer
from pbx.pjsip.session.own_description import build_offer, restate

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.core.media import AudioLeg
    from pbx.media import Leg, MediaEngine, RtpTransport, StreamStatistics
    from pbx.pjsip.objects import Endpoint

_EVENT_MODES = frozenset((DtmfMode.RFC4733, DtmfMode.AUTO, DtmfMode.AUTO_INFO))
_REMOTE_FIRST = frozenset((OfferPreference.REMOTE, OfferPreference.REMOTE_FIRST))
_FIRST_ONLY = frozenset((OfferPreference.LOCAL_FIRST, OfferPreference.REMOTE_FIRST))
_UNSPECIFIED = frozenset(("", "0.0.0.0", "::"))


@lru_cache(maxsize=1024)
def _usable(names: tuple[str, ...]) -> tuple[str, ...]:
    found = ((name, FORMATS.get(name)) for name in names)
    return tuple(name for name, known in found if known is not None and known.kind == "audio" and known.transcodable)


class SessionMedia:
    """One session's media. ``address`` is what our descriptions name, unless the endpoint has a media_address.

    Offers and answers are negotiated here at once; `start` makes the stream when the session wants it to flow.
    """

    def __init__(self, engine: MediaEngine, endpoint: Endpoint, address: str) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self._address = endpoint.media_address or address
        self._transport: RtpTransport | None = None
        self._leg: Leg | None = None
        self._id = random.getrandbits(30)
        self._version = self._id
        #: Our last description as sent, and the outcome of the last complete negotiation.
        self.text: bytes | None = None
        self.negotiated: Negotiated | None = None
        self._offered: LocalMedia | None = None
        self._remote_offer: bytes | None = None
        self._chosen: tuple[str, ...] | None = None
        self._events = endpoint.dtmf_mode in _EVENT_MODES
        self._last_count: Callable[[], StreamStatistics] | None = None
        self._last_source = ""

    @property
    def codecs(self) -> tuple[str, ...]:
        """The codecs chosen for this call, else the endpoint's, that the switchboard can code, in order."""
        return _usable(self._endpoint.allow.names) if self._chosen is None else self._chosen

    def choose(self, names: tuple[str, ...]) -> None:
        """Offer those of these codecs that can be used from now on; without any there is nothing to offer."""
        self._chosen = _usable(names)

    def set_dtmf_mode(self, mode: DtmfMode) -> None:
        """Whether telephone events are offered and answered from now on."""
        self._events = mode in _EVENT_MODES

    @property
    def leg(self) -> Leg | None:
        """The leg the stream is on; None while there is no stream."""
        return self._leg

    @property
    def address(self) -> str:
        """What our descriptions name."""
        transport = self._transport
        return transport.address if transport is not None and self._address in _UNSPECIFIED else self._address

    @property
    def transport(self) -> RtpTransport | None:
        return self._transport

    # Negotiation

    def answer(self, offer: bytes) -> bytes:
        """Our answer. Raises NotAcceptable (BadDescription for garbage), NoMediaPorts."""
        self._remote_offer = offer
        negotiated = answer_offer(offer, self._local())
        negotiated.text = self._versioned(negotiated.text)
        self.negotiated = negotiated
        self.text = negotiated.text
        return negotiated.text

    def answer_again(self) -> None:
        """Answer the far end's offer anew, before our answer to it has left; nothing where there was none."""
        if self._remote_offer is not None:
            self.answer(self._remote_offer)

    def offer(self, direction: Direction = Direction.SENDRECV, *, agreed_only: bool = False) -> bytes:
        """Our offer: for a first INVITE, or a later one, which may be of what was agreed on alone.

        Raises NotAcceptable, NoMediaPorts.
        """
        local = self._offered = self._local()
        local.direction = direction
        if agreed_only:
            local.codecs = self.agreed_names
        self.text = self._versioned(build_offer(local))
        return self.text

    def accept(self, answer: bytes) -> None:
        """Take the answer to our last offer. Raises NotAcceptable."""
        if self.text is None:
            raise NotAcceptable("nothing was offered")
        self.negotiated = accept_answer(self.text, answer, self._offered or self._local())

    def _local(self) -> LocalMedia:
        endpoint = self._endpoint
        transport = self._transport
        if transport is None:
            address = endpoint.media_address if endpoint.bind_rtp_to_media_address else None
            transport = self._engine.lend_transport(
                symmetric=endpoint.rtp_symmetric,
                address=address or None,
                marking=(endpoint.tos_audio, endpoint.cos_audio),
            )
            self._transport = transport
        known = self.negotiated
        payloads = {}
        if known is not None:
            payloads = {found.name: found.receive for found in known.formats}
            if known.telephone_event_receive is not None:
                payloads[TELEPHONE_EVENT] = known.telephone_event_receive
        return LocalMedia(
            address=self.address,
            port=transport.rtp_port,
            codecs=self.codecs,
            telephone_event=self._events,
            prefer_remote=endpoint.incoming_call_offer_pref in _REMOTE_FIRST,
            # Without a guard of the port nobody would notice that the far end turns to another codec.
            first_only=endpoint.preferred_codec_only
            or endpoint.incoming_call_offer_pref in _FIRST_ONLY
            or not transport.follows_codecs,
            use_ptime=endpoint.use_ptime,
            session_id=self._id,
            version=self._version,
            owner=endpoint.sdp_owner,
            session_name=endpoint.sdp_session,
            payloads=payloads,
        )

    def _versioned(self, text: bytes) -> bytes:
        """``text``, with a new version if it says something else than the last one (RFC 3264 section 8)."""
        if self.text is None or text == self.text:
            return text
        self._version += 1
        return restate(text, version=self._version)

    # The stream

    def start(self, leg: AudioLeg) -> None:
        """Let the negotiated media flow on ``leg``. Raises MediaError, ValueError for what cannot be streamed."""
        negotiated, transport = self.negotiated, self._transport
        if negotiated is None or transport is None:
            return
        first = negotiated.formats[0]
        parameters = StreamParameters(
            remote_address=negotiated.remote_address,
            remote_port=negotiated.remote_port,
            codec=first.name,
            send_payload_type=first.send,
            receive_payload_type=first.receive,
            remote_rtcp_port=negotiated.remote_rtcp_port,
            ptime_ms=negotiated.ptime_ms,
            send_event_payload_type=negotiated.telephone_event_send,
            receive_event_payload_type=negotiated.telephone_event_receive,
            direction=negotiated.direction,
            others=tuple(AgreedCodec(each.name, each.send, each.receive) for each in negotiated.formats[1:]),
        )
        # The engine made every channel's leg: core names it by its own protocol only.
        made = cast("Leg", leg)
        self._engine.attach_stream(made, transport, parameters)
        self._leg = made

    def move(self, leg: AudioLeg) -> None:
        """Let the stream, if there is one, go on on another leg."""
        if self._leg is None or self._transport is None:
            return
        if self._transport.leg is not None:
            self._engine.detach_stream(self._transport.leg)
        self._leg = None
        self.start(leg)

    @property
    def started(self) -> bool:
        return self._leg is not None

    @property
    def agreed_names(self) -> tuple[str, ...]:
        """The formats that were agreed on, or while there are none the endpoint's."""
        if self.negotiated is None:
            return self.codecs
        return tuple(found.name for found in self.negotiated.formats)

    def seconds_since_rtp(self) -> float:
        """How long no RTP has come; 0.0 without a stream."""
        leg = self._leg
        return 0.0 if leg is None else leg.seconds_since_rtp()

    @property
    def statistics(self) -> StreamStatistics | None:
        """The stream's counters, also once it has ended; None while there was none."""
        count = (None if self._leg is None else self._leg.count()) or self._last_count
        return None if count is None else count()

    @property
    def source(self) -> str:
        """``address:port`` of our side of the audio, also once it has ended."""
        transport = self._transport
        return self._last_source if transport is None else f"{self.address}:{transport.rtp_port}"

    def close(self) -> None:
        """End the stream and give the transport back. Idempotent."""
        self._last_count = (None if self._leg is None else self._leg.count()) or self._last_count
        self._last_source = self.source
        self._leg = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.release()

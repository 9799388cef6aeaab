"""Media: the switchboard behind all channels, on PJMEDIA. See `MediaEngine`."""

from __future__ import annotations

from pbx.media.engine import MediaEngine
from pbx.media.errors import MediaError, NoMediaPorts, SoundError
from pbx.media.leg import Leg
from pbx.media.parameters import StreamParameters, StreamStatistics
from pbx.media.sdp import Direction
from pbx.media.settings import MediaSettings
from pbx.media.transport_pool import RtpTransport

__all__ = [
    "Direction",
    "Leg",
    "MediaEngine",
    "MediaError",
    "MediaSettings",
    "NoMediaPorts",
    "RtpTransport",
    "SoundError",
    "StreamParameters",
    "StreamStatistics",
]

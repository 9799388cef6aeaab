"""What media refuses, and why."""

from __future__ import annotations

from pbx.errors import ObeliskError


class MediaError(ObeliskError):
    """PJMEDIA refused an operation; the message names it and gives PJMEDIA's own reason."""


class NoMediaPorts(ObeliskError):
    """No RTP port pair is left: the configured range is used up, or the process carries as many legs as it can."""


class SoundError(ObeliskError):
    """A sound file cannot be read or written; the message names it."""

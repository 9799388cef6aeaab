"""What can go wrong between an application and the calls it controls."""

from __future__ import annotations

from pbx.errors import ObeliskError


class StasisError(ObeliskError):
    """The base of them all."""


class UnknownApplication(StasisError):
    """No application of that name is registered."""


class BadSource(StasisError):
    """An event source is not of a known kind."""


class UnknownSource(StasisError):
    """There is no such event source, or the application does not hold it."""


class BadFilter(StasisError):
    """An event filter is not a list of objects with a type."""


class NameInUse(StasisError):
    """An id or name chosen by a client is taken."""


class BadName(StasisError, ValueError):
    """A name is empty, too long, or would leave the directory it belongs to."""


class BadBridgeType(StasisError, ValueError):
    """No bridge can be of those types."""


class BadFormat(StasisError):
    """A file format cannot be written."""


class NotPlaying(StasisError):
    """An operation needs a playback that is playing now."""


class NotRecording(StasisError):
    """An operation needs a recording that is being made now."""


class WrongState(StasisError):
    """The channel is not in a state in which that can be done."""

"""Dialling: one caller, several destinations at once, the first that answers wins."""

from __future__ import annotations

from pbx.core.dial.destinations import MAX_DESTINATIONS, Destination, parse_destinations
from pbx.core.dial.dial import Dial
from pbx.core.dial.options import DialOptions, DialResult, Entertainment
from pbx.core.dial.status import (
    ANSWER,
    BUSY,
    CANCEL,
    CHANUNAVAIL,
    CONGESTION,
    INVALIDARGS,
    NOANSWER,
    Tally,
    status_of_cause,
)

__all__ = [
    "ANSWER",
    "BUSY",
    "CANCEL",
    "CHANUNAVAIL",
    "CONGESTION",
    "INVALIDARGS",
    "MAX_DESTINATIONS",
    "NOANSWER",
    "Destination",
    "Dial",
    "DialOptions",
    "DialResult",
    "Entertainment",
    "Tally",
    "parse_destinations",
    "status_of_cause",
]

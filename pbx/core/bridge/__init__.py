"""Bridges: rooms in which channels hear each other."""

from pbx.core.bridge.bridge import Bridge, BridgeSnapshot, LeaveReason
from pbx.core.bridge.bridges import Bridges

__all__ = ["Bridge", "BridgeSnapshot", "Bridges", "LeaveReason"]

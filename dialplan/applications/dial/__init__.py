"""app_dial: Dial and RetryDial."""

from __future__ import annotations

from dialplan.applications.dial.module import DialModule

__all__ = ["DialModule"]

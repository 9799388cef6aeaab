"""SIP: PJSIP under Python's roof. `host` owns the stack, everything else stands on it."""

from __future__ import annotations

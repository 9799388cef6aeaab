"""The sockets of SIP: every one of them is Python's, PJSIP only sees complete, screened messages."""

from __future__ import annotations

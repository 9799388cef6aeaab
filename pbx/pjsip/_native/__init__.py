"""Floor 2: PJSIP behind checks. cffi values live here and below; what leaves this package upwards is plain Python."""

from __future__ import annotations

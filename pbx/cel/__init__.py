"""Channel event logging: one more reader of the bus, which tells what happened to each channel in order (main/cel.c).

`events` makes the events; backends (cel_custom, cel_manager) write or tell them. Nothing is kept over a restart.
"""

from __future__ import annotations

from pbx.cel.engine import CelEngine
from pbx.cel.event import CelEvent, CelType
from pbx.cel.modules import MODULES

__all__ = ["MODULES", "CelEngine", "CelEvent", "CelType"]

"""Call detail records: a fold over what the bus says, and what is done with each finished record (main/cdr.c).

`ledger` holds the policy: which parties a record is about, when it begins and ends. Nothing is kept over a restart;
backends (cdr_csv, cdr_manager) keep what they are given.
"""

from __future__ import annotations

from pbx.cdr.engine import CdrEngine
from pbx.cdr.modules import MODULES
from pbx.cdr.record import Cdr, Disposition

__all__ = ["MODULES", "Cdr", "CdrEngine", "Disposition"]

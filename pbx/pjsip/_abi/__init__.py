"""Floor 1: PJSIP's ABI, declared and compiled to a Python file; nothing here calls PJSIP."""

from __future__ import annotations

from typing import Any

from pbx.pjsip._abi import _pjsip_abi
from pbx.pjsip._abi.library import LibraryError, open_library

#: Typed as Any: what it makes has the members that the declarations give it, which no type checker sees.
ffi: Any = _pjsip_abi.ffi

__all__ = ["LibraryError", "ffi", "open_library"]

"""An enumeration whose members are cheap to look up in dictionaries and sets."""

from __future__ import annotations

from enum import Enum


class SingleEnum(Enum):
    """Members hash as the single objects they are; Enum hashes their names, by a function in Python.

    For what a call looks up: flags by timer mode, states by control. Members compare by identity in either case.
    """

    __hash__ = object.__hash__

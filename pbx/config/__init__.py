"""Asterisk's configuration language: reader, editor, and typed options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.config.errors import ConfigErrors
from pbx.config.model import Config, Include, Item, Section
from pbx.config.reader import load_config
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config.loader import ConfigLoader

__all__ = ["Config", "ConfigError", "ConfigErrors", "ConfigLoader", "Include", "Item", "Section", "load_config"]


def __getattr__(name: str) -> object:
    """`ConfigLoader` brings Twisted in, which the command line client must not wait for: imported when asked for."""
    if name == "ConfigLoader":
        from pbx.config.loader import ConfigLoader

        return ConfigLoader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

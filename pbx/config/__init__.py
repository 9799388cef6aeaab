"""Asterisk's configuration language: reader, editor, and typed options."""

from __future__ import annotations

from pbx.config.errors import ConfigErrors
from pbx.config.loader import ConfigLoader
from pbx.config.model import Config, Include, Item, Section
from pbx.config.reader import load_config
from pbx.errors import ConfigError

__all__ = ["Config", "ConfigError", "ConfigErrors", "ConfigLoader", "Include", "Item", "Section", "load_config"]

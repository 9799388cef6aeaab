"""Which Obelisk this is, and which Asterisk its clients are told they talk to."""

from __future__ import annotations

VERSION = "0.1.0"
ASTERISK_VERSION = "22.10.1"
PRODUCT_TOKEN = f"Obelisk/{VERSION}"

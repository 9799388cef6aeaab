"""The Asterisk REST Interface: what Stasis applications connect to."""

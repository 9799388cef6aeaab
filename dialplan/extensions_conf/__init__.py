"""extensions.conf: the plan in Asterisk's own language."""

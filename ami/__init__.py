"""The Asterisk Manager Interface: what manager clients connect to."""

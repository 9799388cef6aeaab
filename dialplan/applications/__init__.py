"""The applications, a module of the exchange for each of Asterisk's."""

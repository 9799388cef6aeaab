"""The console: its commands by area, and the ``obelisk`` program."""

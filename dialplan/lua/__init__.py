"""Lua dialplans: extensions.lua and what it may see of the exchange."""

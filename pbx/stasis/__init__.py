"""Stasis: applications outside the exchange that control its calls."""

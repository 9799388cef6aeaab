-- The table is missing.
hints = {}

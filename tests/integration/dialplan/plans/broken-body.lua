-- An error while the body runs.
extensions = { lua = {} }
local x = nil + 1

-- goto is a word of the language since Lua 5.2.
extensions = { lua = { long = function() app.goto("x") end } }

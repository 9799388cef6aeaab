-- A key that is no name.
extensions = { lua = { [true] = function() end, [false] = function() end } }

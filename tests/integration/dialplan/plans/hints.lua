-- hints: they become native hints; contexts may be of either file.
extensions = { lua = { [100] = function() app.Answer() app.Wait(0.2) end, _2XX = function() end, h = function() end },
               shared = { x = function() end } }
hints = {
  lua = { [100] = "Custom:one", ["101"] = "Custom:two&Custom:three", ["_3XX"] = "Custom:${EXTEN}", number = 5, flag = true,
          [true] = "Custom:never" },
  shared = { x = "Custom:x", y = "Custom:lua" },
  only = { z = "Custom:z" },
}

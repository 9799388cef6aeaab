-- Generation 1 of a plan that is loaded anew while a call runs.
version = "1"
extensions = { lua = {}, own1 = {} }
extensions.lua.long = function()
  channel.BEFORE = version
  app.UserEvent("Ready")
  app.Wait(1)
  channel.AFTER = version
  app.Goto("lua", "next", 1)
end
extensions.lua.next = function() channel.NEXT = version end
extensions.lua["new1"] = function() channel.NEW = version end
extensions.own1["100"] = function() channel.OWN = version end
extensions.lua.i = function() channel.WRONG = channel.INVALID_EXTEN:get() end
hints = { lua = { ["201"] = "Custom:lamp1", long = "Custom:long" } }

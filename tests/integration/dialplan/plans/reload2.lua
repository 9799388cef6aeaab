-- Generation 2 of a plan that is loaded anew while a call runs.
version = "2"
extensions = { lua = {}, own2 = {} }
extensions.lua.long = function()
  channel.BEFORE = version
  app.UserEvent("Ready")
  app.Wait(1)
  channel.AFTER = version
  app.Goto("lua", "next", 1)
end
extensions.lua.next = function() channel.NEXT = version end
extensions.lua["new2"] = function() channel.NEW = version end
extensions.own2["100"] = function() channel.OWN = version end
extensions.lua.i = function() channel.WRONG = channel.INVALID_EXTEN:get() end
hints = { lua = { ["202"] = "Custom:lamp2", long = "Custom:long" } }

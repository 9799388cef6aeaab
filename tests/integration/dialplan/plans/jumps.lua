-- Applications that go elsewhere in the plan, or run others: what a function sees of them.

local function outcome(body, ...)
  local fine, failure = pcall(body, ...)
  if fine then return "ok" end
  return type(failure) .. " " .. tostring(failure)
end

local lua = {}
extensions = { lua = lua }

lua.target = function(context, extension) channel.REACHED = context .. "," .. extension end
lua.gotoif = function()
  app.GotoIf("0?lua,target,1")
  channel.STILL = "1"
  app.GotoIf("1?lua,target,1")
  channel.NEVER = "1"
end
lua.gosub = function()
  app.Gosub("sub", "s", "1(one,two)")
  channel.NEVER = "1"
end
lua.gosubs = function()
  app.GosubIf("1?sub,s,1(three)")
  channel.NEVER = "1"
end
lua.caught = function()
  channel.E = outcome(app.Gosub, "sub", "s", 1)
  error(5)
end
lua.back = function() app.Return() channel.NEVER = "1" end
lua.execute = function()
  channel.EXEC = outcome(app.Exec, "NoOp(inside)")
  channel.TRY = outcome(app.TryExec, "NoSuchThing(x)")
  channel.STATUS = channel.TRYSTATUS:get()
  channel.EXECIF = outcome(app.ExecIf, "1?Set(SEEN=yes):Set(SEEN=no)")
  channel.SEEN_THEN = channel.SEEN:get()
end
lua.handlers = function()
  channel["CHANNEL(hangup_handler_push)"] = "handler,s,1(one)"
  app.Hangup(17)
end
lua.h = function(context, extension) channel.IN_H = context .. "," .. extension end

-- Applications that go elsewhere in the plan, or run others: what a function sees of them.

local function outcome(body, ...)
  local fine, failure = pcall(body, ...)
  if fine then return "ok" end
  return type(failure) .. " " .. tostring(failure)
end

local lua = {}
extensions = { lua = lua }

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
lua.h = function(context, extension) channel.IN_H = context .. "," .. extension end

-- app: names, arguments, what comes back, and numeric errors as control flow.

-- What a call came to: "ok", or the kind and text of the error without its place.
local function outcome(body, ...)
  local fine, failure = pcall(body, ...)
  if fine then return "ok" end
  if type(failure) == "number" then return math.type(failure) .. " " .. failure end
  return type(failure) .. " " .. (tostring(failure):gsub("^.-:%d+: ", ""))
end

local lua = {}
extensions = { lua = lua }

lua.arguments = function()
  app.UserEvent("One", "a: 1")
  app.userevent("Two", "a: 1", "b: 2")
  app["USEREVENT"]("Three", nil, "c: 3", nil)
  app.UserEvent("Four,x: 1,y: 2", "z: ${EXTEN}")
  app.UserEvent("Five", "n: " .. 7, "m: " .. 2.5)
  app.UserEvent("Six", 'q: "a,b"', "back: a\\,b")
end

for name, call in pairs {
  none = function() app.NoOp() end,
  empty = function() app.NoOp("") end,
  null = function() app.NoOp(nil) end,
  nulls = function() app.NoOp(nil, nil, nil) end,
  between = function() app.NoOp("a", nil, "c") end,
  trailing = function() app.NoOp("a", nil) end,
  numbers = function() app.NoOp(1, 2.5, 60.0, -0.0, 1e100, 1 << 40) end,
  raw = function() app.NoOp("${EXTEN}", "$[1 + 1]", "a,b", '"quoted"', "back\\slash") end,
  large = function() app.NoOp(("x"):rep(600)) end,
} do
  lua["noop-" .. name] = call
end

lua.values = function()
  channel.TYPE = type(app.NoOp) == type(app.NoSuchThing) and "same" or "other"
  channel.RETURNED = select("#", app.NoOp("x"))
  channel.UNKNOWN = outcome(app.NoSuchThing, "x")
  channel.BOOLEAN = outcome(app.NoOp, "a", true)
  channel.TABLE = outcome(app.NoOp, "a", {})
  channel.FUNCTION = outcome(app.NoOp, "a", print)
end

lua.hangup = function()
  channel.E = outcome(app.Hangup, 17)
  channel.AGAIN = outcome(app.NoOp)
  channel.WAIT = outcome(app.Wait, 1)
  error(-1)
end
lua.unwind = function()
  app.Hangup(21)
  channel.NEVER = "1"
end

lua["goto"] = function()
  channel.E = outcome(app.Goto, "lua", "target", 1)
  channel.EXTEN_NOW = channel.EXTEN:get()
  error(5)
end
lua.target = function(context, extension)
  channel.REACHED = context .. "," .. extension
  count = (count or 0) + 1
  if count < 3 then app["goto"]("target", 1) end
  channel.COUNT = count
end
lua.swallowed = function()
  pcall(app.Goto, "lua", "target", 1)
  channel.AFTER = "still here"
end
lua.nowhere = function() app.Goto("lua", "no-such", 1) end
lua.mixed = function() channel.FIRST = "lua" end

for name, value in pairs { one = 1, minus = -1, text = "1", digit = ("7"):byte(), star = ("*"):byte(), seven = 7,
                           float = 1.0, half = 1.5, zero = 0, twelve = 12, hex = "0x37", padded = " 55 " } do
  lua["error-" .. name] = function()
    app.Answer()
    error(value, 0)
  end
end
lua["error-nil"] = function() error() end
lua["error-table"] = function() error({ code = 5 }) end
lua["7"] = function() channel.SEVEN = "1" end
lua["*"] = function() channel.STAR = "1" end
lua.e = function()
  channel.WHY = channel.EXCEPTION("reason"):get() .. "," .. channel.EXCEPTION("context"):get() .. ","
    .. channel.EXCEPTION("exten"):get() .. "," .. channel.EXCEPTION("priority"):get()
end
lua.i = function() channel.WRONG = channel.INVALID_EXTEN:get() end
lua.h = function(context, extension) channel.IN_H = context .. "," .. extension end

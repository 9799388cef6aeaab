-- Errors, special extensions, what happens when a function has ended.

local lua = {}
local function ended() channel.IN_H = channel.EXTEN:get() .. "," .. channel.HANGUPCAUSE:get() end
extensions = { lua = lua, bare = {}, special = {}, timeouts = {}, broken = {}, again = {} }

lua.returns = function() return 1, 2, 3 end
lua.answered = function() app.Answer() end
for _, status in ipairs { "BUSY", "CONGESTION", "CHANUNAVAIL", "NOANSWER" } do
  lua["fall-" .. status] = function()
    app.Answer()
    channel.DIALSTATUS = status
    app.UserEvent("Ready")
  end
end
lua.text = function() error("something is wrong") end
lua.none = function() return nil + 1 end
lua.callnil = function() nosuch() end
lua.handler = function() error(setmetatable({}, { __tostring = function() error("twice") end })) end
lua.number = 5
lua.text_value = "text"
lua.recursion = function() local function f() return 1 + f() end f() end
lua.h = ended
lua.e = function() channel.WRONG = "e must not run" end

extensions.bare["100"] = function() error("no h here") end
extensions.bare.s = function(context, extension) channel.S = context .. "," .. extension end

-- i, t, T, e
local special = extensions.special
special.away = function() app.Goto("special", "999", 1) end
special.i = function(context, extension)
  channel.I = context .. "," .. extension .. "," .. channel.INVALID_EXTEN:get() .. "," .. channel.EXTEN:get()
end
special.h = ended
special.limit = function()
  app.Answer()
  channel["TIMEOUT(absolute)"] = "0.5"
  app.Wait(30)
  channel.NEVER = "1"
end
special.T = function() channel.LIMIT = channel.EXTEN:get() end
special.silent = function()
  app.Answer()
  app.WaitExten("0.3")
  channel.NEVER = "1"
end
special.t = function() channel.SILENT = "1" end

local again = extensions.again
again.away = function() app.Goto("again", "999", 1) end
again.limit = function()
  app.Answer()
  channel["TIMEOUT(absolute)"] = "0.5"
  app.Wait(30)
end
again.silent = special.silent
again.wrong = function() error(1) end
again.e = function()
  channel.E = channel["EXCEPTION(reason)"]:get() .. "," .. channel["EXCEPTION(exten)"]:get() .. ","
    .. channel["EXCEPTION(context)"]:get() .. "," .. channel["EXCEPTION(priority)"]:get()
  error(1)
end
again.h = function()
  ended()
  app.Wait(1)
  channel.NEVER = "1"
end

extensions.broken.h = function() error("h is broken") end
extensions.broken["100"] = function() app.Hangup(17) end

-- autoservice_*, check_hangup, what is there when, and how long a state lives.

early = type(app) .. type(channel) .. type(check_hangup) .. type(autoservice_start)
app = "the file's own"
runs = (runs or 0) + 1

local lua = {}
extensions = { lua = lua }

lua.helpers = function()
  channel.EARLY = early
  channel.LATE = type(app) .. type(channel) .. type(check_hangup) .. type(autoservice_start)
  channel.FLAG = tostring(autoservice_status())
  autoservice_stop()
  channel.STOPPED = tostring(autoservice_status()) .. select("#", autoservice_stop())
  autoservice_start()
  channel.STARTED = tostring(autoservice_status()) .. select("#", autoservice_start())
  channel.HUNG = tostring(check_hangup())
  autoservice_stop()
  app.Goto("lua", "later", 1)
end
lua.later = function()
  channel.KEPT = tostring(autoservice_status())
  pcall(app.Hangup)
  channel.HUNG = tostring(check_hangup())
end

lua.state = function()
  mine = (mine or 0) + 1
  channel.RUNS = runs .. "," .. mine
  app.Goto("lua", "state2", 1)
end
lua.state2 = function()
  channel.RUNS = runs .. "," .. mine
  lua.added = function() channel.ADDED = "1" end
  app.Goto("lua", "added", 1)
end
lua.i = function() channel.WRONG = channel.INVALID_EXTEN:get() end

lua.libraries = function()
  local names = {}
  for _, name in ipairs { "string", "table", "math", "os", "coroutine", "utf8", "debug", "package" } do
    names[#names + 1] = type(_G[name]) == "table" and name or "-"
  end
  channel.NAMES = table.concat(names, " ")
  channel.VERSION = _VERSION
  channel.TIME = tostring(os.time() > 0) .. #os.date("%Y") .. type(os.clock()) .. tostring(os.getenv("NO_SUCH_NAME"))
end

lua.direct = function(context, extension)
  extensions.lua.called("some", "thing")
  channel.AFTER = context .. "," .. extension
end
lua.called = function(context, extension) channel.CALLED = context .. "," .. extension .. "," .. channel.EXTEN:get() end

lua.threads = function()
  local co = coroutine.wrap(function(a)
    local b = coroutine.yield(a + 1)
    return b * 2
  end)
  channel.CO = co(1) .. "," .. co(5)
end

lua.h = function() channel.IN_H = tostring(check_hangup()) .. "," .. tostring(mine) end

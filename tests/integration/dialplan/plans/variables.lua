-- channel: reading and writing variables and functions.

local function outcome(body, ...)
  local fine, failure = pcall(body, ...)
  if fine then return "ok" end
  return type(failure) .. " " .. (tostring(failure):gsub("^.-:%d+: ", ""))
end
local function shown(value) return value == nil and "nil" or "[" .. value .. "]" end

local lua = {}
extensions = { lua = lua }

lua.read = function()
  channel.X = "abcdef"
  channel.A = shown(channel.X:get()) .. shown(channel.X.value) .. channel.X.name
  channel.B = shown(channel.UNSET:get()) .. shown(channel.UNSET.value)
  channel.EMPTY = ""
  channel.C = shown(channel.EMPTY:get()) .. shown(channel.EMPTY.value)
  local old = channel.X
  channel.X = "new"
  channel.D = old.value .. "," .. old:get() .. "," .. channel.X.value
  channel.X = "abcdef"
  channel.E = shown(channel["X:1:3"]:get()) .. shown(channel["X:-2"]:get()) .. shown(channel["X:9"]:get())
  channel.F = channel.EXTEN:get() .. channel.CONTEXT:get() .. channel.PRIORITY:get()
  channel.G = channel.CHANNEL:get():gsub("%-%x+", "") .. shown(channel.UNIQUEID:get() and "u")
  channel.H = type(channel.PRIORITY:get()) .. type(channel.CALLERID("num"):get())
  channel.I = shown(channel.X.nosuch) .. type(channel.X.get) .. type(channel.X.set)
  channel.J = shown(channel["${X}"]:get()) .. shown(channel["X)"]:get())
  channel.K = tostring(channel.X == channel.X)
  channel.L = shown(channel[5]:get())
  channel.M = shown(channel["X "]:get()) .. shown(channel[" X"]:get()) .. shown(channel.x:get())
end

lua["functions"] = function()
  channel.A = shown(channel.LEN("abc"):get()) .. shown(channel["LEN(abc)"]:get()) .. channel.LEN("abc").name
  channel.B = shown(channel.LEN():get()) .. channel.LEN().name .. channel.CUT("a", nil, "c").name
  channel.C = shown(channel.FILTER("0-9", "a1b2c3"):get())
  channel.D = shown(channel["NOSUCH(x)"]:get()) .. shown(channel.len("abc"):get())
  channel.E = shown(rawget(channel["LEN(abc)"], "value"))
  channel.F = shown(channel.TOUPPER("a,b"):get()) .. shown(channel["TOUPPER(${EXTEN})"]:get())
  channel.GLOBAL("G1"):set("one")
  channel["GLOBAL(G2)"] = "two"
  channel["GLOBAL(G3)"]:set(3)
  channel.G = channel.G1:get() .. channel.GLOBAL("G2"):get() .. channel.G3:get()
  channel.CALLERID("num"):set("777")
  channel.CALLERID("name"):set("A \"B\" C")
  channel.H = channel["CALLERID(all)"]:get()
  channel.I = outcome(function() channel["NOSUCH(x)"] = "v" end)
  channel.J = outcome(function() channel["LEN(x)"] = "v" end)
  channel.K = shown(channel["MATH(1+2,int)"]:get()) .. shown(channel.MATH("7/2"):get())
  channel.L = shown(channel["CHANNEL(state)"]:get()) .. shown(channel.CHANNEL("nosuch"):get())
  channel.M = shown(channel["LEN(abc) "]:get()) .. shown(channel["LEN(abc):1"]:get())
  channel.HASH("h", "one"):set("1")
  channel["HASH(h,two)"] = "2"
  channel.N = channel["HASH(h,one)"]:get() .. channel.HASH("h", "two"):get() .. channel["HASHKEYS(h)"]:get()
end

lua.write = function()
  channel.NUMBER = 5
  channel.FLOAT = 2.50
  channel.WHOLE = 3.0
  channel.BIG = 1 << 53
  channel.SPACES = "  a  b  "
  channel.COMMAS = 'a,b"c"'
  channel.RAW = "${EXTEN}$[1+1]\\"
  channel.LINES = "one\ntwo"
  channel.NIL = outcome(function() channel.X = nil end)
  channel.BOOLEAN = outcome(function() channel.X = true end)
  channel.TABLE = outcome(function() channel.X = {} end)
  channel.SETNIL = outcome(function() channel.X:set(nil) end)
  channel.SETNONE = outcome(function() channel.X:set() end)
  channel.SETTABLE = outcome(function() channel.X:set({}) end)
  channel.DOTGET = outcome(function() return channel.X.get() end)
  channel.DOTSET = outcome(function() channel.X.set("v") end)
  channel._ONCE = "once"
  channel.__ALWAYS = "always"
  channel.ONCE_NOW = shown(channel.ONCE:get()) .. shown(channel._ONCE:get())
  channel.ALWAYS_NOW = shown(channel.ALWAYS:get()) .. shown(channel.__ALWAYS:get())
  channel.LONG = ("x"):rep(5000)
  channel.LENGTH = #channel.LONG:get()
  channel[""] = "empty name"
  channel["A B"] = "spaced"
  channel.SPACED = shown(channel["A B"]:get())
end

lua.keys = function()
  channel.NILKEY = outcome(function() return channel[nil] end)
  channel.TABLEKEY = outcome(function() return channel[{}] end)
  channel.TRUEKEY = outcome(function() channel[true] = "x" end)
  channel[7] = "seven"
  channel.SEVEN = channel["7"]:get()
  channel.APPKEY = outcome(function() return app[nil] end)
end

lua.h = function() end

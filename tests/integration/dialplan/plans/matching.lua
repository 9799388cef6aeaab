-- Which extension a number reaches, and when enough digits are there.

local numbers = { "100", "101", "1001", "200", "201", "2015", "300", "350", "399", "400", "40", "4", "500", "5", "51",
                  "600", "60", "6", "700", "770", "7700", "7", "800", "8", "80", "8000", "900", "911", "0", "00", "*72",
                  "#", "a1", "A1", "alice", "al-ice", "1-00", "55-5", "include", "Include", "x", "_1XX", "2xyz" }

local lua, patterns, outer, inner, deep = {}, {}, {}, {}, {}
extensions = { lua = lua, patterns = patterns, outer = outer, inner = inner, deep = deep, loops = {} }

-- Every extension of `patterns` says which it is and goes on to the next number.
local function entry(name)
  return function(context, extension)
    channel.HIT = extension .. " -> " .. name .. " in " .. context
    app.Goto("lua", "next", 1)
  end
end
for _, name in ipairs { "100", "_1XX", "_1.", "_10X", "_2XX", "_20[0-4]", "_2!", "_[3]XX", "_3[5-9]X", "_35X", "_4.", "_4XX",
                        "_5!", "_5X", "_6X", "_6X.", "_7X!", "_77X", "_8ZX", "_8NX", "_8.", "_Z11", "_N11", "0", "_0.",
                        "_*XX", "#", "a1", "_a[0-9]", "alice", "_1-XX-X", "_[a-f5]5-5", "_.x" } do
  patterns[name] = entry(name)
end
patterns[911] = entry("number 911")
patterns.i = function()
  channel.HIT = channel.INVALID_EXTEN:get() .. " is invalid"
  app.Goto("lua", "next", 1)
end

lua.all = function()
  at = 0
  app.Goto("lua", "next", 1)
end
lua.next = function()
  at = at + 1
  local number = numbers[at]
  if not number then return end
  local exists = channel.DIALPLAN_EXISTS("patterns", number, "1"):get() .. channel.DIALPLAN_EXISTS("patterns", number, "2"):get()
    .. channel.DIALPLAN_EXISTS("patterns", number):get()
  channel.EXISTS = number .. ": " .. exists
  app.Goto("patterns", number == "" and "none" or number, 1)
end

-- Includes: by name, in order, Lua contexts only.
outer["10"] = entry("outer 10")
outer.include = { "nowhere", "native", "inner" }
inner["10"] = entry("inner 10")
inner["11"] = entry("inner 11")
inner["_1X"] = entry("inner _1X")
inner.include = { "deep" }
deep["_XX"] = entry("deep _XX")
deep["12"] = entry("deep 12")

lua.includes = function()
  numbers = {}
  at = 0
  for _, number in ipairs { "10", "11", "12", "13", "20", "77" } do
    channel.EXISTS = number .. ": " .. channel.DIALPLAN_EXISTS("outer", number, "1"):get()
  end
  app.Goto("outer", "10", 1)
end
lua.included = function(_, _)
  numbers = {}
  at = 0
  app.Goto("outer", where or "12", 1)
end
lua["include-11"] = function() numbers = {} at = 0 app.Goto("outer", "11", 1) end
lua["include-20"] = function() numbers = {} at = 0 app.Goto("outer", "20", 1) end
lua["include-native"] = function() numbers = {} at = 0 app.Goto("holder", "11", 1) end
lua["both"] = function() channel.WHO = "lua" end
lua["_bot[h]"] = function() channel.WHO = "lua pattern" end
lua["only-lua"] = function() channel.WHO = "lua" end

-- Overlap dialling: an error with a digit's code begins a number, digits of the far end go on.
local overlap = {}
extensions.overlap = overlap
overlap.start = function()
  app.Answer()
  channel["TIMEOUT(digit)"] = "0.4"
  channel["TIMEOUT(response)"] = "0.6"
  app.UserEvent("Ready")
  app.WaitExten("1")
end
for _, name in ipairs { "1", "12", "_2XX", "_3!", "_4.", "_5X", "5" } do
  overlap[name] = function(_, extension) channel.DIALLED = extension .. " -> " .. name end
end
overlap.i = function() channel.WRONG = channel.INVALID_EXTEN:get() end
overlap.t = function() channel.LATE = "1" end

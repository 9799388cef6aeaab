-- The ground every script stands on: one emptied global table that shows each call its own variables, the guards
-- against scripts that run away.
--
-- Runs once per runtime with the real globals and returns the kernel table `K` that the other parts extend. Nothing
-- here is reachable from a script except through `K.base` and `K.libraries`.

local G = _G
local error, getmetatable, ipairs, load, next = error, getmetatable, ipairs, load, next
local rawequal, rawget, rawlen, rawset, select, setmetatable = rawequal, rawget, rawlen, rawset, select, setmetatable
local tostring, type, xpcall = tostring, type, xpcall
local coroutine, table, math, os, io, utf8, debug, package = coroutine, table, math, os, io, utf8, debug, package
local form = string.format
local sethook, traceback, getinfo, raw_getmetatable, raw_setmetatable =
  debug.sethook, debug.traceback, debug.getinfo, debug.getmetatable, debug.setmetatable
-- Elements a table function may walk inside C where a metamethod could make the walk endless.
local MAX_WALK = 1000000
-- Bytes string.rep may make.
local MAX_STRING = 1048576
-- Bytes of print output kept between two yields.
local MAX_PRINT = 65536

local K = { libraries = {}, base = {}, TAG = {}, MAX_WALK = MAX_WALK, MAX_STRING = MAX_STRING }

-- Limits ---------------------------------------------------------------------------------------------------------

-- What watches scripts is Python's (see _watch.py): it counts and looks at the clock, in a hook of each coroutine. These
-- are all of Python that the kernel holds, and no script reaches them.
local watch, doom, look, verdict
-- The numbers of _watch.py and _runtime.py.
local GIVE_WAY, TOO_MANY, INTERRUPTED = 1, 2, 10
local HOOK_STEP

local co_isyieldable, co_running, co_yield = coroutine.isyieldable, coroutine.running, coroutine.yield
local TAG = K.TAG
local REASONS = {
  [TOO_MANY] = "instruction budget exhausted: the script ran too long without calling an application",
  [TOO_MANY + 1] = "time budget exhausted: string or table functions ran too long without calling an application",
}

local killed = false -- why the script that runs now is ended, once the kernel knows
local unwatched -- whether tools look at every coroutine with a hook of theirs

-- Whether the script that runs now is ended, and why.
local function ended()
  killed = killed or REASONS[verdict()] or false
  return killed
end

-- Raised at every instruction of a script that is ended where it cannot yield.
local function kill()
  if not ended() then return end -- a coroutine that was left by a script before this one
  if unwatched then sethook(kill, "", 1) else doom(form("%p", co_running())) end
  error(killed, 0)
end

-- A script that is ended yields and is never resumed: to unwind thousands of protected calls would take seconds.
local function stop()
  if co_isyieldable() then co_yield(TAG, INTERRUPTED, "", "") end
  kill()
end

-- Counts instructions that the hook does not see; with none, called before work in C that may be long. Lets others run
-- where the script's time for now is over.
local function charge(steps)
  local found = look(steps, co_isyieldable())
  if found == GIVE_WAY then
    co_yield(TAG, INTERRUPTED, "", "")
  elseif found > GIVE_WAY then
    stop()
  end
end

local function heavy() return charge(0) end

-- A hook for coroutines that tools or the kernel look at otherwise: it never lets others run.
local function hook()
  if look(HOOK_STEP, false) > GIVE_WAY then kill() end
end

function K.set_watch(watching, dooming, looking, telling, step)
  watch, doom, look, verdict, HOOK_STEP = watching, dooming, looking, telling, step
end

-- Has a coroutine watched: with no other hook, by the one that can interrupt it.
function K.guard(co, other, mask)
  sethook(co, other or kill, mask or "", HOOK_STEP)
  if not other then watch(form("%p", co)) end
end

-- Tools watch every coroutine with a hook of theirs, and none is interrupted.
function K.watched_by_tools() unwatched = true end

-- The script that goes on may use as much as any.
function K.refill() killed = false end

-- Seconds of CPU that some 30,000 instructions take which allocate.
function K.measure()
  local clock = os.clock
  local began, tables = clock(), {}
  for round = 1, 20 do
    local made = {}
    for i = 1, 250 do made["k" .. i] = { i } end
    tables[round % 2] = made
  end
  return clock() - began
end

K.hook, K.charge, K.heavy = hook, charge, heavy
K.was_killed = ended
-- Ends the script if it has to: where it was interrupted only Python may know.
function K.check() if killed then stop() end end
function K.check_interrupted() if ended() then stop() end end

-- Where the script is, as Lua writes it before an error: the nearest line of a script that led to the caller. A frame
-- may be missing (a tail call) or be C (pcall).
function K.place()
  for level = 3, 12 do
    local info = getinfo(level, "Sl")
    if not info then break end
    if info.currentline > 0 and info.short_src:sub(1, 9) ~= "(obelisk " then
      return info.short_src .. ":" .. info.currentline .. ": "
    end
  end
  return ""
end

-- The environment of a call ----------------------------------------------------------------------------------------

local global_meta = { __metatable = false }
K.global_meta = global_meta
local current -- the environment of the call that runs now

function K.enter(env)
  current = env
  global_meta.__index = env
  global_meta.__newindex = env
end

local base, libraries = K.base, K.libraries
local late = {} -- names that appear after the body has run: maker functions
local makers = {} -- names whose value is made for each environment: maker functions
K.late, K.makers = late, makers

local function library_copy(name)
  local copy = {}
  for key, value in next, libraries[name] do copy[key] = value end
  return copy
end
K.library_copy = library_copy

-- What an environment lacks it takes from the base at first use: functions are shared, tables are copied, so that a
-- script may change its own `string` table and nobody else's.
local function provide(env, key)
  local value = base[key]
  if value == nil then
    if libraries[key] then
      value = library_copy(key)
    elseif makers[key] then
      value = makers[key]()
    end
  end
  if value ~= nil then rawset(env, key, value) end
  return value
end

local body_meta = { __index = provide, __metatable = false }
local run_meta = {
  __metatable = false,
  __index = function(env, key)
    local value = provide(env, key)
    if value == nil then
      local make = late[key]
      if make then
        value = make()
        rawset(env, key, value)
      end
    end
    return value
  end,
}

K.provide, K.run_meta = provide, run_meta

function K.new_environment() return setmetatable({}, body_meta) end

-- The metatables of environments that are not a script's own.
local ours = setmetatable({ [body_meta] = true, [run_meta] = true }, { __mode = "k" })
-- Those of environments whose body has not run yet, with the function that runs it (see body.lua).
local unfinished = setmetatable({}, { __mode = "k" })
K.ours, K.unfinished = ours, unfinished

-- The environment with all that its body defines.
local function whole(env)
  local finish = unfinished[raw_getmetatable(env)]
  if finish then finish(env) end
  return env
end

-- After the body: the helpers appear, taking the place of same-named globals of the file.
function K.open_environment(env)
  if raw_getmetatable(env) == body_meta then
    for key in next, late do env[key] = nil end
    raw_setmetatable(env, run_meta)
  else -- the script gave its globals a metatable of its own
    for key, make in next, late do rawset(env, key, make()) end
  end
end

local function materialize(env)
  local meta = raw_getmetatable(whole(env))
  if ours[meta] then
    for key in next, base do if rawget(env, key) == nil then provide(env, key) end end
    for key in next, libraries do if rawget(env, key) == nil then provide(env, key) end end
    for key in next, makers do if rawget(env, key) == nil then provide(env, key) end end
    if meta ~= body_meta then
      for key, make in next, late do if rawget(env, key) == nil then rawset(env, key, make()) end end
    end
  end
  return env
end

global_meta.__pairs = function() return next, materialize(current), nil end
global_meta.__len = function() return rawlen(whole(current)) end

-- Base functions -----------------------------------------------------------------------------------------------------

for _, name in ipairs { "assert", "error", "ipairs", "pairs", "pcall", "select", "tonumber", "tostring",
                        "type", "rawequal", "rawlen", "_VERSION" } do
  base[name] = G[name]
end
base._G = G

local function expect_table(value, number, name)
  if type(value) ~= "table" then
    error(("bad argument #%d to '%s' (table expected, got %s)"):format(number, name, value == nil and "no value" or type(value)), 3)
  end
end

K.expect_table = expect_table

function base.setmetatable(value, meta)
  expect_table(value, 1, "setmetatable")
  if meta ~= nil and type(meta) ~= "table" then
    error("bad argument #2 to 'setmetatable' (nil or table expected)", 2)
  end
  if meta ~= nil and rawget(meta, "__gc") ~= nil then
    error("__gc is not available to dialplan scripts", 2)
  end
  if rawequal(value, G) then
    raw_setmetatable(materialize(current), meta)
    return value
  end
  return setmetatable(value, meta)
end

-- A message handler runs before the stack unwinds. When the error came from the hook, hooks are still off there, and a
-- handler of the script's own could not be stopped any more: so it is not asked about the end of its script.
function base.xpcall(body, handler, ...)
  if type(handler) ~= "function" then
    error("bad argument #2 to 'xpcall' (function expected, got " .. type(handler) .. ")", 2)
  end
  return xpcall(body, function(...)
    if ended() then return killed end
    return handler(...)
  end, ...)
end

function base.getmetatable(value)
  if rawequal(value, G) then
    local meta = raw_getmetatable(whole(current))
    return not ours[meta] and meta or nil
  end
  return getmetatable(value)
end

function base.rawget(value, key)
  if rawequal(value, G) then return rawget(materialize(current), key) end
  return rawget(value, key)
end

function base.rawset(value, key, new)
  if rawequal(value, G) then
    rawset(whole(current), key, new)
    return value
  end
  return rawset(value, key, new)
end

function base.next(value, key)
  if rawequal(value, G) then value = materialize(current) end
  return next(value, key)
end

local printed, printed_bytes = {}, 0

function base.print(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  local line = table.concat(parts, "\t")
  if printed_bytes + #line <= MAX_PRINT then
    printed_bytes = printed_bytes + #line
    printed[#printed + 1] = line
  end
end

function K.take_printed()
  local text = table.concat(printed, "\n")
  printed, printed_bytes = {}, 0
  return text
end

-- What a script has printed waits with it where it is interrupted: it may print so much in all.
function K.put_printed_aside(record)
  if printed[1] == nil then return end
  record.printed, record.printed_bytes = printed, printed_bytes
  printed, printed_bytes = {}, 0
end

function K.put_printed_back(record)
  if not record.printed then return end
  printed, printed_bytes = record.printed, record.printed_bytes
  record.printed, record.printed_bytes = nil, nil
end

function K.has_printed() return printed[1] ~= nil end

do
  local collectgarbage = collectgarbage
  function base.collectgarbage(option)
    if option == "count" then return collectgarbage("count") end
    return 0 -- the collector serves every call; no script steers it
  end
end

function base.load(chunk, name, mode, ...)
  if mode ~= nil and mode ~= "t" and mode ~= "bt" then return nil, "only text chunks can be loaded" end
  heavy()
  if select("#", ...) > 0 then return load(chunk, name, "t", (...)) end
  return load(chunk, name, "t")
end

base.warn = function(...) base.print("warning:", ...) end

-- Other libraries ----------------------------------------------------------------------------------------------------------

libraries.math = {}
for key, value in next, math do libraries.math[key] = value end
-- One generator serves every call: a script that seeds it would steer the others' numbers.
libraries.math.randomseed = function() end

-- C functions that look at each byte of a text: from a length on, the clock is looked at first.
local LONG = 16384
K.LONG = LONG
function K.watched(body)
  return function(text, ...)
    if type(text) == "string" and #text > LONG then heavy() end
    return body(text, ...)
  end
end

libraries.utf8 = {}
for key, value in next, utf8 do libraries.utf8[key] = value end
for _, key in ipairs { "codepoint", "len", "offset" } do libraries.utf8[key] = K.watched(utf8[key]) end

local MAX_DATE_FORMAT = 4096
local function date(format, ...)
  if type(format) == "string" and #format > MAX_DATE_FORMAT then error("bad argument #1 to 'date' (too long)", 2) end
  return os.date(format, ...)
end

libraries.os = { time = os.time, date = date, clock = os.clock, getenv = os.getenv, difftime = os.difftime }

local lib_debug = { traceback = traceback }
libraries.debug = lib_debug

-- Facts about functions and lines, never the functions of other callers or of the exchange itself.
function lib_debug.getinfo(what, options)
  if type(what) ~= "number" and type(what) ~= "function" then
    error("bad argument #1 to 'getinfo' (function or level expected)", 2)
  end
  local info = getinfo(type(what) == "number" and what + 1 or what, "Slnu")
  if info and type(what) == "function" then info.func = what end
  return info
end

-- The prudent reader of lua.conf may give these away.
function K.live_dangerously()
  libraries.io = {}
  for key, value in next, io do libraries.io[key] = value end
  for key, value in next, os do libraries.os[key] = value end
  K.loadlib = package.loadlib
end

-- The string metatable is everybody's: its methods are the guarded ones and the table behind it is out of reach.
function K.seal_strings(methods)
  libraries.string = methods
  local shared = {}
  for key, value in next, methods do shared[key] = value end
  local meta = raw_getmetatable("")
  meta.__index = shared
  meta.__metatable = false
end

function K.seal_globals()
  local keys = {}
  for key in next, G do keys[#keys + 1] = key end
  for _, key in ipairs(keys) do rawset(G, key, nil) end
  raw_setmetatable(G, global_meta)
end

return K

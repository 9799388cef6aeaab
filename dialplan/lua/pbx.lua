-- The global `pbx`, which Asterisk does not have: helpers that wait while other calls go on. A file that has a global of
-- this name keeps its own.
--
-- What they take and give crosses to the engine packed: a letter for the type, then the value (see packing.py).

local K = ...
local HELPER = 9

local TAG, place = K.TAG, K.place
local co_yield = coroutine.yield
local error, next, pcall, rawget, select, setmetatable, type =
  error, next, pcall, rawget, select, setmetatable, type
local math_type = math.type
local pack, unpack, sub, byte = string.pack, string.unpack, string.sub, string.byte
local concat, tunpack, tpack = table.concat, table.unpack, table.pack

-- How deep tables may nest that are handed to the engine; a table inside itself ends here too.
local MAX_DEPTH = 16

local function put(out, value, depth, what)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = pack("<c1s4", "s", value)
  elseif kind == "number" then
    out[#out + 1] = math_type(value) == "integer" and pack("<c1i8", "i", value) or pack("<c1d", "d", value)
  elseif kind == "boolean" then
    out[#out + 1] = value and "t" or "f"
  elseif kind == "nil" then
    out[#out + 1] = "n"
  elseif kind == "table" then
    if depth >= MAX_DEPTH then error(what .. ": the tables are nested too deep", 0) end
    out[#out + 1] = "{"
    for key, each in next, value do
      put(out, key, depth + 1, what)
      put(out, each, depth + 1, what)
    end
    out[#out + 1] = "}"
  else
    error(what .. ": a " .. kind .. " cannot be given to it", 0)
  end
end

local take

local function take_list(text, at)
  local list, n = {}, 0
  while byte(text, at) ~= 93 do
    n = n + 1
    list[n], at = take(text, at)
  end
  return list, at + 1
end

local function take_table(text, at)
  local found, key = {}
  while byte(text, at) ~= 125 do
    key, at = take(text, at)
    found[key], at = take(text, at)
  end
  return found, at + 1
end

function take(text, at)
  local letter = sub(text, at, at)
  at = at + 1
  if letter == "s" then return unpack("<s4", text, at) end
  if letter == "i" then return unpack("<i8", text, at) end
  if letter == "d" then return unpack("<d", text, at) end
  if letter == "t" then return true, at end
  if letter == "f" then return false, at end
  if letter == "[" then return take_list(text, at) end
  if letter == "{" then return take_table(text, at) end
  return nil, at
end

K.put, K.take = put, take

-- Asks the engine and waits. An integer unwinds, as where an application ends that way; "!" begins what was done wrong,
-- "?" what failed; the rest is the answer.
local function ask(name, ...)
  local out = {}
  local fine, reason = pcall(put, out, tpack(...), 0, "pbx." .. name)
  if not fine then error(place() .. reason, 0) end
  local answer = co_yield(TAG, HELPER, name, concat(out))
  if type(answer) == "number" then error(answer, 0) end
  if answer == nil then return nil end
  local mark = sub(answer, 1, 1)
  if mark == "!" then error(place() .. "pbx." .. name .. ": " .. sub(answer, 2), 0) end
  if mark == "?" then return nil, sub(answer, 2) end
  return (take(answer, 1))
end

-- Tasks ------------------------------------------------------------------------------------------------------------

local tasks = setmetatable({}, { __mode = "k" })
local task_methods = {}
local task_meta = { __index = task_methods, __metatable = false }

local function record_of(task, name)
  local record = tasks[task]
  if not record then error("use ':' to call " .. name .. ", as in task:" .. name .. "()", 3) end
  return record
end

function task_methods.wait(task)
  local record = record_of(task, "wait")
  if not record.finished then
    if K.running() == record then error("a task cannot wait for itself", 2) end
    ask("wait", record.number)
  end
  if record.failure ~= nil then error(record.failure, 0) end
  return tunpack(record.results, 1, record.results.n)
end

function task_methods.done(task) return record_of(task, "done").finished == true end

function task_methods.cancel(task)
  local record = record_of(task, "cancel")
  if not record.finished then ask("cancel", record.number) end
end

local function spawn(body, ...)
  if type(body) ~= "function" then
    error("bad argument #1 to 'spawn' (function expected, got " .. type(body) .. ")", 2)
  end
  local record = K.new_task(body, ...)
  local task = setmetatable({}, task_meta)
  tasks[task] = record
  ask("spawn", record.number)
  return task
end

-- Databases --------------------------------------------------------------------------------------------------------

local database_methods = {}
local database_meta = { __index = database_methods, __metatable = false }

function database_methods.query(database, sql, ...)
  if type(database) ~= "table" or type(rawget(database, "dsn")) ~= "string" then
    error("use ':' to call query, as in db:query(\"select ...\")", 2)
  end
  local values = select("#", ...) == 1 and type((...)) == "table" and (...) or { ... }
  local rows, reason = ask("query", rawget(database, "dsn"), sql, values, select("#", ...), rawget(database, "timeout"))
  return rows, reason
end

local function db(dsn, options)
  if type(dsn) ~= "string" then error("bad argument #1 to 'db' (string expected, got " .. type(dsn) .. ")", 2) end
  local timeout = type(options) == "table" and options.timeout or nil
  return setmetatable({ dsn = dsn, timeout = timeout }, database_meta)
end

-- The rest ---------------------------------------------------------------------------------------------------------

local function sleep(seconds)
  ask("sleep", seconds)
end

local function http(request)
  local answer, reason = ask("http", request)
  return answer, reason
end

local function log(...)
  ask("log", place(), ...)
end

K.makers.pbx = function() return { sleep = sleep, http = http, db = db, spawn = spawn, log = log } end

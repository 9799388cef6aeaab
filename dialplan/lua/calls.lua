-- What a dialplan script sees of the exchange (`app`, `channel`, `autoservice_*`, `check_hangup`, `require`) and the
-- driver that starts, resumes and ends calls.
--
-- A script and the engine talk by yields of exactly three values, tag, name and text, and each answer is one value.
-- The tags are those of dialplan/lua/_runtime.py.

local K = ...
local DONE, APPLICATION, READ, WRITE, HANGUP_CHECK, REQUIRE, SOURCE, RESULT, FAILED = 0, 1, 2, 3, 4, 5, 6, 7, 8
local PRINTED = 64

local TAG, arm, enter, refill, set_main = K.TAG, K.arm, K.enter, K.refill, K.set_main
local co_resume, co_yield = coroutine.resume, coroutine.yield
local traceback, raw_getmetatable = debug.traceback, debug.getmetatable
local error, load, next, pairs, rawequal, rawget, rawset, select = error, load, next, pairs, rawequal, rawget, rawset, select
local setmetatable, tonumber, tostring, type = setmetatable, tonumber, tostring, type
local find, pack, concat, sub = string.find, string.pack, table.concat, string.sub
local math_type, floor, tointeger = math.type, math.floor, math.tointeger

local calls, next_call = {}, 1
local chunks, next_chunk = {}, 1
local running -- the record of the call that runs now

-- Arguments --------------------------------------------------------------------------------------------------------

local function piece(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "nil" then return "" end
  if kind == "number" then return tostring(value) end
  error("attempt to concatenate a " .. kind .. " value", 4) -- above piece and join and what joins
end

-- Joined with commas and nothing else: no quoting, nil is empty.
local function join(...)
  local n = select("#", ...)
  if n == 0 then return "" end
  if n == 1 then
    local only = ...
    if type(only) == "string" then return only end
    local text = piece(only)
    return text
  end
  local parts = { ... }
  for i = 1, n do parts[i] = piece(parts[i]) end
  return concat(parts, ",", 1, n)
end

-- Applications -----------------------------------------------------------------------------------------------------

local function refuse(answer)
  if type(answer) == "string" then error(answer, 3) end
  error(answer, 0)
end

local function application(name)
  return function(...)
    local answer = co_yield(TAG, APPLICATION, name, join(...))
    if answer ~= 0 then return refuse(answer) end
  end
end

-- Functions carry no state, so one per name serves every call.
local MAX_NAMES = 1000
local names = 0
local applications = {}
local applications_meta = {}
setmetatable(applications, applications_meta)
applications_meta.__index = function(_, name)
  if type(name) ~= "string" then
    if type(name) ~= "number" then error("attempt to index app with a " .. type(name) .. " value", 2) end
    name = tostring(name)
  end
  local made = application(name)
  if names < MAX_NAMES then
    names = names + 1
    rawset(applications, name, made)
  end
  return made
end

local app_meta = { __index = applications, __metatable = false }
K.late.app = function() return setmetatable({}, app_meta) end

-- Variables --------------------------------------------------------------------------------------------------------

local function new_value(value, position, name)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return tostring(value) end
  error(("bad argument #%d to '%s' (string expected, got %s)"):format(position, name, kind == "nil" and "nil" or kind), 3)
end

local variable

local function get(self)
  if type(self) ~= "table" or type(rawget(self, "name")) ~= "string" then
    error("use ':' to call get, as in channel.X:get()", 2)
  end
  return (co_yield(TAG, READ, rawget(self, "name"), ""))
end

local function set(self, value)
  if type(self) ~= "table" or type(rawget(self, "name")) ~= "string" then
    error("use ':' to call set, as in channel.X:set(value)", 2)
  end
  value = new_value(value, 1, "set")
  co_yield(TAG, WRITE, rawget(self, "name"), value)
end

local variable_meta = {
  __metatable = false,
  __call = function(self, ...) return variable(rawget(self, "name") .. "(" .. join(...) .. ")") end,
}

function variable(name)
  local value
  if sub(name, -1) ~= ")" then value = co_yield(TAG, READ, name, "") end
  return setmetatable({ name = name, value = value, get = get, set = set }, variable_meta)
end

local function variable_name(key)
  if type(key) == "string" then return key end
  if type(key) == "number" then return tostring(key) end
  error("attempt to index channel with a " .. type(key) .. " value", 3)
end

local channel_meta = {
  __metatable = false,
  __index = function(_, key) return variable(variable_name(key)) end,
  __newindex = function(_, key, value)
    key = variable_name(key)
    value = new_value(value, 3, "__newindex")
    co_yield(TAG, WRITE, key, value)
  end,
}
K.late.channel = function() return setmetatable({}, channel_meta) end

-- Helpers ----------------------------------------------------------------------------------------------------------

local function autoservice_start() running.autoservice = true end
local function autoservice_stop() running.autoservice = false end
local function autoservice_status() return running.autoservice end
local function check_hangup() return co_yield(TAG, HANGUP_CHECK, "", "") == 1 end

K.late.autoservice_start = function() return autoservice_start end
K.late.autoservice_stop = function() return autoservice_stop end
K.late.autoservice_status = function() return autoservice_status end
K.late.check_hangup = function() return check_hangup end

-- Modules ----------------------------------------------------------------------------------------------------------

local function loaded_table()
  local loaded = running.loaded
  if not loaded then
    loaded = {}
    running.loaded = loaded
    for name in next, K.libraries do loaded[name] = K.base._G[name] end
    loaded._G = K.base._G
  end
  return loaded
end

function K.base.require(name)
  if type(name) ~= "string" then error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2) end
  local loaded = loaded_table()
  local value = loaded[name]
  if value ~= nil then return value end
  local preload = rawget(running, "preload")
  local body = preload and preload[name]
  if not body then
    local answer = co_yield(TAG, REQUIRE, name, "")
    if type(answer) == "string" then error(answer, 2) end
    body = chunks[answer]
  end
  value = body(name)
  if value == nil then value = loaded[name] end
  if value == nil then value = true end
  loaded[name] = value
  return value
end

function K.base.loadfile(name, mode, ...)
  if type(name) ~= "string" then return nil, "a file name is needed" end
  local source, where = co_yield(TAG, SOURCE, name, ""), "@" .. name
  if source == nil then return nil, "cannot open " .. name end
  return K.base.load(source, where, "t", ...)
end

function K.base.dofile(name)
  local body, reason = K.base.loadfile(name)
  if not body then error(reason, 2) end
  return body()
end

K.makers.package = function()
  running.preload = running.preload or {}
  return { loaded = loaded_table(), preload = running.preload, path = "", cpath = "", config = "/\n;\n?\n!\n-\n",
           loadlib = K.loadlib }
end

-- The driver -------------------------------------------------------------------------------------------------------

-- Compiles a source for every call to come; gives its number, or nil and why not.
function K.compile(source, name)
  local body, reason = load(source, name, "t")
  if not body then return nil, reason end
  local number = next_chunk
  next_chunk = number + 1
  chunks[number] = body
  return number, ""
end

function K.forget(number) chunks[number] = nil end

-- A call of its own environment, or of a shared one whose body has run already.
function K.open(chunk, shared)
  local number = next_call
  next_call = number + 1
  local record
  if shared then
    local owner = calls[shared]
    record = { env = owner.env, ready = true, autoservice = true, loaded = owner.loaded, preload = owner.preload }
  else
    record = { env = K.new_environment(), body = chunks[chunk], ready = false, autoservice = true }
  end
  calls[number] = record
  return number
end

-- What a call held can be collected at once, also when it was the last that ran.
local nobody = {}
function K.close(number)
  if running and running == calls[number] then
    running = nil
    set_main(nil)
    enter(nobody)
  end
  calls[number] = nil
end

function K.open_calls()
  local n = 0
  for _ in next, calls do n = n + 1 end
  return n
end

local function outcome(record, tag, name, text)
  if K.has_printed() then tag = tag + PRINTED end
  return tag, name, text
end

local function ended(record, ok, failure)
  local co = record.co
  record.co, record.outer = record.outer and record.outer.co, record.outer and record.outer.outer
  if ok then return outcome(record, DONE, "", "") end
  local killed = K.was_killed()
  if killed then
    failure = type(failure) == "string" and failure or killed
  else
    local number = (type(failure) == "number" or type(failure) == "string") and tonumber(failure)
    if number then return outcome(record, RESULT, "", tointeger(number) or 0) end
  end
  local kind = type(failure)
  local message
  if kind == "string" then
    message = failure
  elseif kind == "table" and not raw_getmetatable(failure) then
    message = "(error object is a table)"
  else
    -- A __tostring of the script's own may fail or run long: it is asked under the hook, and its failure is an answer.
    local asking = arm(function() return tostring(failure) end)
    local fine, said = co_resume(asking)
    message = fine and type(said) == "string" and said or "(error object is a " .. kind .. ")"
  end
  return outcome(record, FAILED, traceback(co, message), "")
end

local function sorted(record, ok, tag, kind, name, text)
  if ok and rawequal(tag, TAG) then
    if K.has_printed() then return kind + PRINTED, name, text end
    return kind, name, text
  end
  return ended(record, ok, tag)
end

function K.resume(number, answer)
  local record = calls[number]
  local co = record.co
  running = record
  set_main(co)
  enter(record.env)
  refill()
  return sorted(record, co_resume(co, answer))
end

local function begin(number, body, ...)
  local record = calls[number]
  running = record
  enter(record.env)
  refill()
  if record.co then record.outer = { co = record.co, outer = record.outer } end
  local co = arm(body)
  record.co = co
  set_main(co)
  return sorted(record, co_resume(co, record, ...))
end

local function make_ready(record)
  if not record.ready then
    -- Failed bodies are not run again: the call has what the body defined before the error.
    record.ready = true
    K.enter(record.env)
    local body = record.body
    record.body = nil
    body()
    K.open_environment(record.env)
  end
end

local function perform(record, context_key, key, context, exten)
  make_ready(record)
  local extensions = K.base._G.extensions
  if type(extensions) ~= "table" then error("the global 'extensions' is not a table", 0) end
  local entries = extensions[context_key]
  if type(entries) ~= "table" then error(("context '%s' has vanished"):format(context_key), 0) end
  local action = entries[key]
  if action == nil and type(key) == "string" then
    -- A number in the file stands for its text.
    local number = tonumber(key)
    if number and tostring(number) == key then action = entries[number] end
  end
  if action == nil then error(("extension '%s' has vanished from context '%s'"):format(key, context_key), 0) end
  action(context, exten)
end

-- Runs an extension of a call: `context_key` and `key` say where the function is, the rest are its arguments.
function K.start(number, context_key, key, context, exten)
  return begin(number, perform, context_key, key, context, exten)
end

local function field(text) return pack("<s4", text) end

local function entry_name(key)
  if type(key) == "string" then return key end
  if type(key) == "number" then return tostring(key) end
  return nil
end

-- What the file defines, as one string of records: a letter and two counted fields (c context, e extension, i include,
-- h hint).
local function survey(record)
  make_ready(record)
  local globals = K.base._G
  local extensions = globals.extensions
  if type(extensions) ~= "table" then error("Unable to find 'extensions' table: the file must define it", 0) end
  local out, n = {}, 0
  local function put(letter, one, two)
    n = n + 1
    out[n] = letter .. field(one) .. field(two)
  end
  for context, entries in pairs(extensions) do
    if type(context) ~= "string" then error("a context name must be a string, not a " .. type(context), 0) end
    if type(entries) ~= "table" then
      error(("extensions[%q] must be a table, not a %s"):format(context, type(entries)), 0)
    end
    put("c", context, "")
    for key, value in pairs(entries) do
      local name = entry_name(key)
      if not name then
        error(("an extension of context '%s' is a %s; only strings and numbers are names"):format(context, type(key)), 0)
      elseif name:lower() ~= "include" then
        put("e", context, name)
      elseif name == "include" then
        if type(value) ~= "table" then
          error(("include of context '%s' must be a list of context names, not a %s"):format(context, type(value)), 0)
        end
        for i = 1, #value do
          if type(value[i]) == "string" then put("i", context, value[i]) end
        end
      end
    end
  end
  local hints = globals.hints
  if type(hints) == "table" then
    for context, entries in pairs(hints) do
      if type(context) == "string" and type(entries) == "table" then
        for key, device in pairs(entries) do
          local name = entry_name(key)
          if name and type(device) == "string" then put("h", context, name) put("d", device, "") end
        end
      end
    end
  end
  record.survey = concat(out, "", 1, n)
end

-- Runs the body of a call of its own and reads what it defined; the text of the survey is fetched with `K.surveyed`.
function K.survey(number) return begin(number, survey) end
function K.surveyed(number)
  local record = calls[number]
  local text = record.survey
  record.survey = nil
  return text
end

K.seal_globals()
return K

-- What a script written for Asterisk sees of the exchange: `app`, `channel`, `autoservice_*`, `check_hangup`, `require`.
--
-- A script and the engine talk by yields of exactly three values, tag, name and text, and each answer is one value: an
-- integer where the script is to unwind with it, otherwise what was asked for. The tags are those of
-- dialplan/lua/_runtime.py.

local K = ...
local APPLICATION, READ, WRITE, HANGUP_CHECK, REQUIRE, SOURCE = 1, 2, 3, 4, 5, 6

local TAG = K.TAG
local co_yield = coroutine.yield
local error, next, rawget, rawset, select = error, next, rawget, rawset, select
local setmetatable, tostring, type = setmetatable, tostring, type
local concat, sub = table.concat, string.sub
local place = K.place
local running = K.running -- gives the record of the call that runs now

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
  if type(answer) == "string" then error(place() .. answer, 0) end
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
    if type(name) ~= "number" then error("bad argument #2 to 'index' (string expected, got " .. type(name) .. ")", 2) end
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

-- A function may wait; the call may be hung up or sent elsewhere meanwhile, which unwinds as in an application.
local function read(name)
  local answer = co_yield(TAG, READ, name, "")
  if type(answer) == "number" then error(answer, 0) end
  return answer
end

local variable

local function get(self)
  if type(self) ~= "table" or type(rawget(self, "name")) ~= "string" then
    error("User probably used '.' instead of ':' for retrieving a channel variable value", 2)
  end
  return read(rawget(self, "name"))
end

local function set(self, ...)
  if type(self) ~= "table" or type(rawget(self, "name")) ~= "string" then
    error("User probably used '.' instead of ':' for setting a channel variable", 2)
  end
  if select("#", ...) == 0 then error("bad argument #1 to 'set' (string expected, got no value)", 2) end
  local value = new_value((...), 1, "set")
  local answer = co_yield(TAG, WRITE, rawget(self, "name"), value)
  if answer then error(answer, 0) end
end

local variable_meta = {
  __metatable = false,
  -- A plain variable's value is noted when the table is made; a function's is read when asked for.
  __index = function(self, key)
    if key == "value" and sub(rawget(self, "name"), -1) == ")" then return read(rawget(self, "name")) end
  end,
  __call = function(self, ...) return variable(rawget(self, "name") .. "(" .. join(...) .. ")") end,
}

function variable(name)
  local value
  if sub(name, -1) ~= ")" then value = co_yield(TAG, READ, name, "") end
  return setmetatable({ name = name, value = value, get = get, set = set }, variable_meta)
end

local function variable_name(key, event)
  if type(key) == "string" then return key end
  if type(key) == "number" then return tostring(key) end
  error("bad argument #2 to '" .. event .. "' (string expected, got " .. type(key) .. ")", 3)
end

local channel_meta = {
  __metatable = false,
  __index = function(_, key) return variable(variable_name(key, "index")) end,
  __newindex = function(_, key, value)
    key = variable_name(key, "newindex")
    value = new_value(value, 3, "newindex")
    local answer = co_yield(TAG, WRITE, key, value)
    if answer then error(answer, 0) end
  end,
}
K.late.channel = function() return setmetatable({}, channel_meta) end

-- Helpers ----------------------------------------------------------------------------------------------------------

local function autoservice_start() running().unattended = nil end
local function autoservice_stop() running().unattended = true end
local function autoservice_status() return not running().unattended end
local function check_hangup() return co_yield(TAG, HANGUP_CHECK, "", "") == 1 end

K.late.autoservice_start = function() return autoservice_start end
K.late.autoservice_stop = function() return autoservice_stop end
K.late.autoservice_status = function() return autoservice_status end
K.late.check_hangup = function() return check_hangup end

-- Modules ----------------------------------------------------------------------------------------------------------

local function loaded_table()
  local record = running()
  record = record.owner or record
  local loaded = record.loaded
  if not loaded then
    loaded = {}
    record.loaded = loaded
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
  local record = running()
  record = record.owner or record
  local loading = record.loading
  if not loading then
    loading = {}
    record.loading = loading
  end
  if loading[name] then error(("loop or previous error loading module '%s'"):format(name), 2) end
  local preload = record.preload
  local body = preload and preload[name]
  if not body then
    local answer = co_yield(TAG, REQUIRE, name, "")
    if type(answer) == "string" then error(answer, 2) end
    body = K.chunk(answer)
  end
  loading[name] = true
  value = body(name)
  loading[name] = nil
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
  local record = running()
  record = record.owner or record
  record.preload = record.preload or {}
  return { loaded = loaded_table(), preload = record.preload, path = "", cpath = "", config = "/\n;\n?\n!\n-\n",
           loadlib = K.loadlib }
end

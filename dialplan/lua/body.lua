-- The bodies of files: compiled once, and run for each call in globals of its own. Where nobody can tell the
-- difference a body runs late, when a call first needs something that it defines, which most calls never do.
--
-- Nobody can tell where the body is pure: when the file was loaded it called nothing but functions whose results come
-- from their arguments alone, so it defines the same whenever it runs. An extension's function that has captured
-- nothing but the globals is then the same in every call, and calls share the one that was made when the file was
-- loaded. A call whose body has not run has empty globals; reading one that the body reads or defines, writing any,
-- and whatever looks at them as a table runs it first.

local K = ...
local G = _G
local debug, math, os, string, table = debug, math, os, string, table
local error, ipairs, load, next, rawequal, rawget, setmetatable = error, ipairs, load, next, rawequal, rawget, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local co_running = coroutine.running
local getinfo, getlocal, getupvalue = debug.getinfo, debug.getlocal, debug.getupvalue
local raw_getmetatable, raw_setmetatable = debug.getmetatable, debug.setmetatable
local find, sub = string.find, string.sub
local enter, open_environment = K.enter, K.open_environment
local guard, hook, late, makers, ours, provide, run_meta, unfinished =
  K.guard, K.hook, K.late, K.makers, K.ours, K.provide, K.run_meta, K.unfinished

-- Compiling --------------------------------------------------------------------------------------------------------

local chunks, next_chunk = {}, 1

-- Whether a source may assign to _ENV. All functions of a chunk share that variable, also those of other calls, so such
-- a chunk is compiled anew for each of them.
local function replaces_globals(source)
  local at = 1
  while true do
    local first, last = find(source, "%f[%w_]_ENV%f[^%w_]", at)
    if not first then return false end
    at = last + 1
    local declared = find(sub(source, first > 32 and first - 32 or 1, first - 1), "%f[%w_]local%s+$")
    if not (declared or find(source, "^%s*[.%[)]", at) or find(source, "^%s*==", at)) then return true end
  end
end

-- Compiles a source for every call to come; gives its number, or nil and why not.
function K.compile(source, name)
  local body, reason = load(source, name, "t")
  if not body then return nil, reason end
  local number = next_chunk
  next_chunk = number + 1
  chunks[number] = { body = body, source = replaces_globals(source) and source or nil, name = name }
  return number, ""
end


-- The body of a chunk for one call. Call it at once: only what has no name is the main chunk in tracebacks.
local function chunk_body(number)
  local chunk = chunks[number]
  return chunk.source and load(chunk.source, chunk.name, "t") or chunk.body
end
K.chunk = chunk_body

-- Purity -----------------------------------------------------------------------------------------------------------

-- Functions whose results come from their arguments alone. What they call in turn is looked at like any other call.
local pure = { [chunk_body] = true, [provide] = true, [K.library_copy] = true }
pure[G.rawset] = true -- the real one, which `provide` calls
pure[K.base.setmetatable], pure[K.expect_table] = true, true -- but for the globals' own metatable
pure[G.rawget], pure[G.setmetatable] = true, true -- the real ones, which that calls
pure[os.getenv], pure[os.difftime] = true, true
local pure_sources = {}
for _, part in ipairs { "patterns", "strings", "tables" } do pure_sources["=(obelisk " .. part .. ".lua)"] = true end
for _, name in ipairs { "ipairs", "next", "pairs", "rawequal", "rawlen", "select", "tonumber", "tostring", "type" } do
  pure[G[name]] = true
end
for name, body in next, string do
  if name ~= "dump" and name ~= "gmatch" then pure[body] = true end
end
for _, body in next, K.libraries.string do pure[body] = true end
for _, name in ipairs { "concat", "insert", "move", "pack", "remove", "unpack" } do -- sort may ask the clock
  pure[table[name]] = true
end
for _, name in ipairs { "abs", "ceil", "floor", "fmod", "max", "min", "modf", "sqrt", "tointeger", "type", "ult" } do
  pure[math[name]] = true
end

local watching, only_pure -- whether calls are looked at, and whether all so far were pure
local set_meta = K.base.setmetatable

local function watcher(event)
  if event == "count" then return hook() end
  if not (watching and only_pure) then return end
  local info = getinfo(2, "Sf")
  local func, source = info.func, info.source
  if info.what == "C" or sub(source, 1, 10) == "=(obelisk " then
    only_pure = pure[func] or pure_sources[source] or false
    if func == provide then
      local _, key = getlocal(2, 2)
      if late[key] or makers[key] then only_pure = false end
    elseif func == set_meta then
      local _, value = getlocal(2, 1)
      if rawequal(value, G) then only_pure = false end
    end
  end
end

-- Whether a table and those in it are read without running anything of a script.
local function is_plain(extensions)
  if raw_getmetatable(extensions) then return false end
  for _, entries in next, extensions do
    if type(entries) == "table" and raw_getmetatable(entries) then return false end
  end
  return true
end

-- Runs a chunk's body; gives whether it is pure.
local function run_watched(chunk)
  local co = co_running()
  guard(co, watcher, "c")
  watching, only_pure = true, true
  chunk_body(chunk)()
  watching = false
  guard(co)
  return only_pure
end

-- Whether calls can share a function.
local shareable = setmetatable({}, { __mode = "k" })
local function may_share(func)
  local known = shareable[func]
  if known ~= nil then return known end
  local i = 1
  repeat
    local name, value = getupvalue(func, i)
    i = i + 1
  until not name or not rawequal(value, G)
  local shared = not getupvalue(func, i - 1)
  shareable[func] = shared
  return shared
end

-- Running late -----------------------------------------------------------------------------------------------------

local prototypes = {} -- chunk to the metatable of globals whose body has not run
-- Metatables of globals whose body has not run to what it defines as `extensions`.
local early = setmetatable({}, { __mode = "k" })
-- Metatables of globals whose body runs, or was ended by a limit, to the function that makes them new.
local broken = setmetatable({}, { __mode = "k" })

-- From now on calls of a chunk begin without running its body, which is pure and has run in `env`.
local function run_late(chunk, env)
  local defined = {}
  for key in next, env do
    if late[key] then return end -- the helper of this name appears when the body has run
    defined[key] = true
  end
  local index = run_meta.__index
  local running = { __metatable = false, __index = index }
  local function finish(unready)
    raw_setmetatable(unready, running)
    chunk_body(chunk)()
    raw_setmetatable(unready, run_meta)
  end
  local meta = {
    __metatable = false,
    __index = function(unready, key)
      if not defined[key] then return index(unready, key) end
      finish(unready)
      return unready[key]
    end,
    __newindex = function(unready, key, value)
      if key == nil then error("table index is nil", 2) end
      if key ~= key then error("table index is NaN", 2) end
      finish(unready)
      unready[key] = value
    end,
  }
  ours[running], unfinished[meta] = true, finish
  early[meta] = env.extensions
  broken[running] = function(half)
    for key in next, defined do half[key] = nil end
    raw_setmetatable(half, meta)
  end
  prototypes[chunk] = meta
end

-- Where a limit has ended a script in the middle of the body, the body is to run again when it is needed: `h` has an
-- allowance of its own.
function K.mend(env)
  local again = broken[raw_getmetatable(env)]
  if again then again(env) end
end

function K.forget(chunk)
  chunks[chunk], prototypes[chunk] = nil, nil
end

-- A new call's globals, and the chunk whose body has to run in them before anything else, if any.
function K.new_globals(chunk)
  local meta = prototypes[chunk]
  if meta then return setmetatable({}, meta) end
  return K.new_environment(), chunk
end

-- Runs the body that a call still needs. Failed bodies are not run again: the call has what the body defined before the
-- error.
function K.make_ready(record)
  local chunk = record.chunk
  if not chunk then return end
  record.chunk = nil
  enter(record.env)
  chunk_body(chunk)()
  open_environment(record.env)
end

-- As `make_ready`, for the first call of a file.
function K.make_ready_first(record)
  local chunk, env = record.chunk, record.env
  -- Tools want to see every line run.
  if not chunk or K.tools or chunks[chunk].source then return K.make_ready(record) end
  record.chunk = nil
  enter(env)
  local extensions = run_watched(chunk) and rawget(env, "extensions")
  if type(extensions) == "table" and is_plain(extensions) then run_late(chunk, env) end
  open_environment(env)
end

-- What `extensions` has in a place. A number in the file stands for its text.
local function entry(entries, key)
  local action = entries[key]
  if action == nil then
    local number = tonumber(key)
    if number and tostring(number) == key then action = entries[number] end
  end
  return action
end

-- The function of an extension, where a call has it without its body having run. Runs nothing of a script.
function K.shared_action(record, context, key)
  local extensions = early[raw_getmetatable(record.env)]
  local entries = extensions and extensions[context]
  local action = type(entries) == "table" and entry(entries, key)
  return type(action) == "function" and may_share(action) and action or nil
end

-- The function of an extension in the call's own globals, which the record has from now on. Raises where there is none
-- any more.
function K.own_action(record, context, key)
  K.make_ready(record)
  local extensions = K.base._G.extensions
  if type(extensions) ~= "table" then error("the global 'extensions' is not a table", 0) end
  local entries = extensions[context]
  if type(entries) ~= "table" then error(("context '%s' has vanished"):format(context), 0) end
  local action = entry(entries, key)
  if action == nil then error(("extension '%s' has vanished from context '%s'"):format(key, context), 0) end
  if type(action) ~= "function" and not (raw_getmetatable(action) or {}).__call then
    error(("extensions.lua: extensions[%q][%q] is a %s, not a function"):format(context, key, type(action)), 0)
  end
  record.action = type(action) == "function" and action
  return action
end

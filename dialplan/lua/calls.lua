-- The driver: starts, resumes and ends calls and their tasks.
--
-- The tags are those of dialplan/lua/_runtime.py; script.lua says how a script and the engine talk.

local K = ...
local DONE, RESULT, FAILED, INTERRUPTED = 0, 7, 8, 10
local PRINTED = 64

local TAG, arm, enter, refill, set_main = K.TAG, K.arm, K.enter, K.refill, K.set_main
local co_resume, co_status = coroutine.resume, coroutine.status
local traceback, getinfo, raw_getmetatable = debug.traceback, debug.getinfo, debug.getmetatable
local error, load, next, pairs, pcall, rawequal = error, load, next, pairs, pcall, rawequal
local tonumber, tostring, type = tonumber, tostring, type
local pack, concat, unpack, tpack = string.pack, table.concat, table.unpack, table.pack
local tointeger = math.tointeger
-- The library's own, not the guarded ones that texts have for methods: these work after a script was killed too.
local find, form = string.find, string.format

-- Tasks that one call may have at once.
local MAX_TASKS = 16

local calls, next_call = {}, 1
local running -- the record of the call that runs now

function K.running() return running end
function K.record(number) return calls[number] end

-- A call of its own environment, or of a shared one whose body has run already.
function K.open(chunk, shared)
  local number = next_call
  next_call = number + 1
  local record
  if shared then
    local owner = calls[shared]
    record = { env = owner.env, co = false, action = false, owner = owner }
  else
    local env, unrun = K.new_globals(chunk)
    record = { env = env, co = false, action = false, chunk = unrun }
  end
  calls[number] = record
  return number
end

-- What a call held can be collected at once, also when it was the last that ran.
local nobody = {}
function K.close(number)
  local record = calls[number]
  if running and running == record then
    running = nil
    set_main(nil)
    enter(nobody)
  end
  if record and record.body_of_task then
    K.mend(record.env)
    if not record.finished then
      record.finished, record.failure = true, "the task was cancelled"
      record.call.tasks = record.call.tasks - 1
    end
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

-- Where a script failed, at least: the extension's own function, when a tail call has left no line of it on the stack.
local function told(record, co, message)
  local text = traceback(co, message)
  local action = record.action
  if action and not find(text, "\n\t[^%(%[][^\n]*:%d+: ") then
    local info = getinfo(action, "S")
    text = text .. form("\n\t%s:%d: in the extension's function, which begins there", info.short_src, info.linedefined)
  end
  return text
end

-- The coroutine that a call ran has ended: what it runs inside of is next, if anything.
local function left(record)
  local outer = record.outer
  if outer then record.co, record.outer = outer.co, outer.outer else record.co = false end
end

-- The same as `told` where there was no memory left for it.
function K.post_mortem(number)
  local record = calls[number]
  local co = record and record.co
  if not co or co_status(co) ~= "dead" then return "" end
  left(record)
  return told(record, co, "not enough memory")
end

local function ended(record, ok, failure)
  local co = record.co
  local killed = K.was_killed()
  if ok and co_status(co) == "suspended" then
    if not killed then
      K.put_printed_aside(record)
      return INTERRUPTED, "", ""
    end
    ok, failure = false, killed
  end
  if record.body_of_task then
    record.finished = true
    record.call.tasks = record.call.tasks - 1
    if not ok then record.failure = killed or failure end
  end
  if ok then
    left(record)
    return outcome(record, DONE, "", "")
  end
  if killed then
    failure = type(failure) == "string" and failure or killed
  else
    local number = (type(failure) == "number" or type(failure) == "string") and tonumber(failure)
    if number then
      left(record)
      return outcome(record, RESULT, "", tointeger(number) or 0)
    end
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
  local fine, text = pcall(told, record, co, message)
  if not fine then return FAILED, "not enough memory", "" end -- and a post mortem
  left(record)
  return outcome(record, FAILED, text, "")
end

local function sorted(record, ok, tag, kind, name, text)
  if ok and rawequal(tag, TAG) and kind ~= INTERRUPTED then
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

-- Lets a script go on that was interrupted, with what it has left.
function K.go_on(number)
  local record = calls[number]
  running = record
  set_main(record.co)
  enter(record.env)
  refill()
  K.put_printed_back(record)
  return sorted(record, co_resume(record.co))
end

local function begin(record, body, ...)
  running = record
  enter(record.env)
  refill()
  if record.co then record.outer = { co = record.co, outer = record.outer } end
  local co = arm(body)
  record.co = co
  set_main(co)
  return sorted(record, co_resume(co, ...))
end

-- Runs a function as a call.
function K.begin(number, body, ...) return begin(calls[number], body, ...) end

local function perform(record, context_key, key, context, exten)
  K.own_action(record, context_key, key)(context, exten)
end

-- Runs an extension of a call: `context_key` and `key` say where the function is, the rest are its arguments. A shared
-- function is all that its coroutine runs: what is below it on the stack is memory of every call that waits.
function K.start(number, context_key, key, context, exten)
  local record = calls[number]
  K.mend(record.env)
  local action = K.shared_action(record, context_key, key)
  record.action = action or false
  if action then return begin(record, action, context, exten) end
  return begin(record, perform, record, context_key, key, context, exten)
end

-- A task of the running call: a function that runs beside the extension, in the same environment. Its results stay
-- here; the engine knows its number only.
function K.new_task(body, ...)
  local call = running.call or running
  if (call.tasks or 0) >= MAX_TASKS then
    error("more than " .. MAX_TASKS .. " tasks of one call: wait for some of them", 3)
  end
  call.tasks = (call.tasks or 0) + 1
  local number = next_call
  next_call = number + 1
  local record = { env = call.env, unattended = call.unattended, owner = call.owner or call, call = call,
                   body_of_task = body, arguments = tpack(...), number = number }
  calls[number] = record
  return record
end

local function perform_task(record)
  local arguments = record.arguments
  record.arguments = nil
  record.results = tpack(record.body_of_task(unpack(arguments, 1, arguments.n)))
end

-- Runs a task that `K.new_task` made.
function K.start_task(number)
  local record = calls[number]
  return begin(record, perform_task, record)
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
  K.make_ready_first(record)
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
        for _, each in next, value do
          local included = entry_name(each)
          if included then put("i", context, included) end
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
          device = entry_name(device)
          if name and device then put("h", context, name) put("d", device, "") end
        end
      end
    end
  end
  record.survey = concat(out, "", 1, n)
end

-- Runs the body of a call of its own and reads what it defined; the text of the survey is fetched with `K.surveyed`.
function K.survey(number)
  local record = calls[number]
  return begin(record, survey, record)
end
function K.surveyed(number)
  local record = calls[number]
  local text = record.survey
  record.survey = nil
  return text
end

-- Coroutines through which an application may still yield.
--
-- A script's coroutine runs under the same hook, and an application called in it yields through every level: such a
-- yield carries TAG, which no script can make, and is passed up; the answer is passed down the same way. A script's own
-- yields carry GIVEN; what carries neither is where the hook has interrupted a script, which is passed up as well.

local K = ...
local error, rawequal, type = error, rawequal, type
local co_create, co_resume, co_yield, co_running, co_status, co_close, co_isyieldable =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.running, coroutine.status, coroutine.close,
  coroutine.isyieldable
local TAG, check, check_interrupted, guard, libraries = K.TAG, K.check, K.check_interrupted, K.guard, K.libraries
local GIVEN = {}
local INTERRUPTED = 10 -- the number of _runtime.py

local main -- the coroutine of the call that runs now

function K.set_main(co) main = co end

local lib_co = {}
libraries.coroutine = lib_co

local watching, mask -- a tool's hook

-- Tools that want to see each line give a hook of their own, which has to call `K.hook` at each count.
function K.watch(hook)
  watching, mask = hook, "l"
  K.watched_by_tools()
end

local function arm(body)
  check()
  local co = co_create(body)
  guard(co, watching, mask)
  return co
end
K.arm = arm

function lib_co.create(body)
  if type(body) ~= "function" then error("bad argument #1 to 'create' (function expected)", 2) end
  return arm(body)
end

local relay

local function without_first(_, ...) return ... end

local function passed(co, ok, ...)
  check()
  if not ok then return ok, ... end
  local mark, kind = ...
  if rawequal(mark, GIVEN) then return ok, without_first(...) end
  if rawequal(mark, TAG) then
    if kind == INTERRUPTED then
      check_interrupted()
      -- Where nothing can be passed up the script has to go on.
      if not co_isyieldable() then return relay(co) end
    end
    return relay(co, co_yield(...))
  end
  if co_status(co) == "dead" then return ok, ... end
  check_interrupted()
  if co_isyieldable() then co_yield(TAG, INTERRUPTED, "", "") end
  return relay(co)
end

function relay(co, ...) return passed(co, co_resume(co, ...)) end

function lib_co.resume(co, ...)
  if type(co) ~= "thread" then error("bad argument #1 to 'resume' (coroutine expected)", 2) end
  if rawequal(co, main) then return false, "cannot resume non-suspended coroutine" end
  return relay(co, ...)
end

local function unwrapped(ok, ...)
  if ok then return ... end
  error((...), 0)
end

function lib_co.wrap(body)
  if type(body) ~= "function" then error("bad argument #1 to 'wrap' (function expected)", 2) end
  local co = arm(body)
  return function(...) return unwrapped(relay(co, ...)) end
end

function lib_co.yield(...)
  if rawequal(co_running(), main) then error("attempt to yield from outside a coroutine", 2) end
  return co_yield(GIVEN, ...)
end

function lib_co.running()
  local co = co_running()
  return co, rawequal(co, main)
end

function lib_co.isyieldable(co)
  co = co or co_running()
  return not rawequal(co, main) and co_isyieldable(co)
end

local function closed(...)
  check() -- in a __close of the coroutine's own
  return ...
end

lib_co.status = co_status
function lib_co.close(co)
  check()
  if rawequal(co, main) then error("cannot close a running coroutine", 2) end
  return closed(co_close(co))
end

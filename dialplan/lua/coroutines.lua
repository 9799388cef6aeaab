-- Coroutines through which an application may still yield.
--
-- A script's coroutine runs under the same hook, and an application called in it yields through every level: such a
-- yield carries TAG, which no script can make, and is passed up; the answer is passed down the same way.

local K = ...
local error, rawequal, type = error, rawequal, type
local co_create, co_resume, co_yield, co_running, co_status, co_close, co_isyieldable =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.running, coroutine.status, coroutine.close,
  coroutine.isyieldable
local sethook = debug.sethook
local HOOK_STEP, TAG, check, hook, libraries = K.HOOK_STEP, K.TAG, K.check, K.hook, K.libraries

local main -- the coroutine of the call that runs now

function K.set_main(co) main = co end

local lib_co = {}
libraries.coroutine = lib_co

local armed, mask = hook, ""

-- Tools that want to see each line give a hook of their own, which has to call `hook` at each count.
function K.watch(watching)
  armed, mask = watching, "l"
  K.keep_hook(true)
end

local function arm(body)
  check()
  local co = co_create(body)
  sethook(co, armed, mask, HOOK_STEP)
  return co
end
K.arm = arm

function lib_co.create(body)
  if type(body) ~= "function" then error("bad argument #1 to 'create' (function expected)", 2) end
  return arm(body)
end

local relay

local function passed(co, ok, first, ...)
  check()
  if ok and rawequal(first, TAG) then return relay(co, co_yield(TAG, ...)) end
  return ok, first, ...
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
  return co_yield(...)
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

-- What a test file has: `test(name, function(t) ... end)`, `t` for the dialplan under test, and calls and telephones.
-- Every method asks Python (pbx/testing/lua_tests.py), which has the only list of them.

local K = ...
local HELPER = 9
local TAG, place = K.TAG, K.place
local co_yield = coroutine.yield
local error, ipairs, rawequal, setmetatable, tostring, type = error, ipairs, rawequal, setmetatable, tostring, type
local concat, tpack, spack = table.concat, table.pack, string.pack

local T = K.tools or {}
K.tools = T

local tests = {} -- name, function, and place of each test

local function ask(name, ...)
  local out = {}
  K.put(out, tpack(...), 0, name)
  local answer = co_yield(TAG, HELPER, name, concat(out))
  if answer == nil then return nil end
  -- "!" begins what the test did wrong, or what the dialplan did otherwise than expected.
  if answer:sub(1, 1) == "!" then error(place() .. answer:sub(2), 0) end
  return (K.take(answer, 1))
end

-- An object is a kind and a key; its methods are whatever Python knows for the kind.
local methods = {} -- kind to name to function
local keys = setmetatable({}, { __mode = "k" })

local function method(kind, name)
  local of_kind = methods[kind]
  local made = of_kind[name]
  if not made then
    made = function(self, ...)
      local key = keys[self]
      if not key then error("use ':' to call " .. name .. ", as in " .. kind .. ":" .. name .. "(...)", 2) end
      return ask(kind .. "." .. name, key, ...)
    end
    of_kind[name] = made
  end
  return made
end

local function class(kind)
  methods[kind] = {}
  return {
    __metatable = false,
    __index = function(_, name) return method(kind, tostring(name)) end,
    __tostring = function(self) return kind .. " " .. tostring(keys[self]) end,
  }
end

local call_meta, phone_meta = class("call"), class("phone")

local function object(meta, key)
  local made = setmetatable({}, meta)
  keys[made] = key
  return made
end

-- `t.call(...)` and `t:call(...)` are the same.
local plan = {}
local plan_functions = {}
setmetatable(plan, {
  __metatable = false,
  __index = function(_, name)
    name = tostring(name)
    local made = plan_functions[name]
    if not made then
      made = function(first, ...)
        local answer
        if rawequal(first, plan) then answer = ask("plan." .. name, ...) else answer = ask("plan." .. name, first, ...) end
        if name == "call" then return object(call_meta, answer) end
        if name == "phone" then return object(phone_meta, answer) end
        return answer
      end
      plan_functions[name] = made
    end
    return made
  end,
})

local function test(name, body)
  if type(name) ~= "string" then error("a test needs a name: test(\"name\", function(t) ... end)", 2) end
  if type(body) ~= "function" then error("a test needs a function: test(\"name\", function(t) ... end)", 2) end
  tests[#tests + 1] = { name = name, body = body, place = place() }
end
K.makers.test = function() return test end

-- Runs the body of the test file, which names its tests.
function T.load(number) return K.begin(number, K.make_ready, K.record(number)) end

-- The tests: a name and a place of each.
function T.tests()
  local out = {}
  for _, each in ipairs(tests) do
    out[#out + 1] = spack("<s4s4", each.name, each.place)
  end
  return concat(out)
end

-- Runs one test.
function T.run(number, index)
  return K.begin(number, function() tests[index].body(plan) end)
end

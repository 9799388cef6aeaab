-- Lua's patterns made safe: the C matcher runs where its worst case is small, and otherwise a matcher written in Lua,
-- which can be interrupted.

local K = ...
local string, math = string, math
local byte, char, sub, c_find = string.byte, string.char, string.sub, string.find
local error, tonumber, unpack = error, tonumber, table.unpack
local tointeger = math.tointeger
local heavy = K.heavy

-- Steps the C matcher may need in the worst case before the other one is taken.
local MAX_C_COST = 1000000
-- From this worst case on, time is looked at before the C matcher runs.
local NOTABLE_COST = 20000
-- Patterns whose analysis is kept.
local MAX_CACHED = 500

-- Parsing ----------------------------------------------------------------------------------------------------------

-- The end of the single item at `i` (exclusive), as in Lua's manual 6.4.1; nil when malformed.
local function item_end(p, i)
  local c = byte(p, i)
  if c == 37 then -- %
    if i == #p then return nil end
    return i + 2
  elseif c == 91 then -- [
    i = i + 1
    if byte(p, i) == 94 then i = i + 1 end
    repeat
      local inner = byte(p, i)
      if not inner then return nil end
      i = i + (inner == 37 and 2 or 1)
    until byte(p, i) == 93
    return i + 1
  end
  return i + 1
end

local function parse(p)
  local items, unbounded, optional = {}, 0, 0
  local i, anchored = 1, false
  if byte(p, 1) == 94 then anchored, i = true, 2 end
  while i <= #p do
    local c = byte(p, i)
    local following = byte(p, i + 1)
    if c == 40 then
      if following == 41 then
        items[#items + 1] = { kind = "position" }
        i = i + 2
      else
        items[#items + 1] = { kind = "open" }
        i = i + 1
      end
    elseif c == 41 then
      items[#items + 1] = { kind = "close" }
      i = i + 1
    elseif c == 36 and i == #p then
      items[#items + 1] = { kind = "finish" }
      i = i + 1
    elseif c == 37 and following == 98 then -- %bxy
      if i + 3 > #p then return nil end
      items[#items + 1] = { kind = "balance", opening = byte(p, i + 2), closing = byte(p, i + 3) }
      unbounded = unbounded + 1
      i = i + 4
    elseif c == 37 and following == 102 then -- %f[set]
      if byte(p, i + 2) ~= 91 then return nil end
      local stop = item_end(p, i + 2)
      if not stop then return nil end
      items[#items + 1] = { kind = "frontier", source = sub(p, i + 2, stop - 1) }
      i = stop
    elseif c == 37 and following and following >= 48 and following <= 57 then
      items[#items + 1] = { kind = "back", number = following - 48 }
      unbounded = unbounded + 1
      i = i + 2
    else
      local stop = item_end(p, i)
      if not stop then return nil end
      local item = { kind = "single", source = sub(p, i, stop - 1) }
      local mark = byte(p, stop)
      if mark == 42 or mark == 43 or mark == 45 then
        item.mark = mark
        unbounded = unbounded + 1
        stop = stop + 1
      elseif mark == 63 then
        item.mark = mark
        optional = optional + 1
        stop = stop + 1
      end
      items[#items + 1] = item
      i = stop
    end
  end
  items.anchored, items.unbounded, items.optional, items.length = anchored, unbounded, optional, #p
  return items
end

local cache, cached = {}, 0

local function analysed(p)
  local items = cache[p]
  if items == nil then
    items = parse(p) or false
    if cached >= MAX_CACHED then cache, cached = {}, 0 end
    cache[p] = items
    cached = cached + 1
  end
  return items
end

-- The C matcher's worst case on a subject of `length`: ways to divide it among the unbounded items, from every start.
local function worst(items, length)
  local levels = items.unbounded + (items.anchored and 0 or 1)
  local cost = 2.0 ^ items.optional * (1 + items.length / 32)
  for level = 1, levels do cost = cost * (length + level) / level end
  return cost
end

-- Whether the C matcher may be used. A malformed pattern goes there too: it says what is wrong with it.
local function quick(p, length)
  local items = analysed(p)
  if not items then return true end
  local cost = worst(items, length)
  if cost > NOTABLE_COST then
    heavy()
    if cost > MAX_C_COST then return false, items end
  end
  return true
end

-- The matcher in Lua ---------------------------------------------------------------------------------------------

local function byte_set(item)
  local set = item.set
  if not set then
    set = {}
    local one = "^" .. item.source
    for code = 0, 255 do set[code] = c_find(char(code), one) ~= nil end
    item.set = set
  end
  return set
end

-- A matcher for one subject: `run(start)` gives the end (exclusive) of a match at `start`, and leaves the captures.
local function matcher(s, items)
  local length = #s
  local starts, ends, level = {}, {}, 0
  local step

  local function single(item, i, at)
    local set, mark = byte_set(item), item.mark
    if mark == 63 then
      local code = byte(s, at)
      if code and set[code] then
        local stop = step(i + 1, at + 1)
        if stop then return stop end
      end
      return step(i + 1, at)
    elseif mark == 45 then
      while true do
        local stop = step(i + 1, at)
        if stop then return stop end
        local code = byte(s, at)
        if not (code and set[code]) then return nil end
        at = at + 1
      end
    end
    local most = at
    while most <= length and set[byte(s, most)] do most = most + 1 end
    for to = most, at + (mark == 43 and 1 or 0), -1 do
      local stop = step(i + 1, to)
      if stop then return stop end
    end
    return nil
  end

  local function balance(item, at)
    if byte(s, at) ~= item.opening then return nil end
    local depth = 1
    for i = at + 1, length do
      local code = byte(s, i)
      if code == item.closing then
        depth = depth - 1
        if depth == 0 then return i + 1 end
      elseif code == item.opening then
        depth = depth + 1
      end
    end
    return nil
  end

  function step(i, at)
    while true do
      local item = items[i]
      if not item then return at end
      local kind = item.kind
      if kind == "single" then
        if item.mark then return single(item, i, at) end
        local code = byte(s, at)
        if not (code and byte_set(item)[code]) then return nil end
        at = at + 1
      elseif kind == "open" or kind == "position" then
        if level >= 32 then error("too many captures", 0) end
        level = level + 1
        starts[level] = at
        ends[level] = kind == "position" and "position" or false
        local stop = step(i + 1, at)
        if not stop then level = level - 1 end
        return stop
      elseif kind == "close" then
        local which = level
        while which > 0 and ends[which] do which = which - 1 end
        if which == 0 then error("invalid pattern capture", 0) end
        ends[which] = at
        local stop = step(i + 1, at)
        if not stop then ends[which] = false end
        return stop
      elseif kind == "finish" then
        if at ~= length + 1 then return nil end
      elseif kind == "balance" then
        at = balance(item, at)
        if not at then return nil end
      elseif kind == "frontier" then
        local set = byte_set(item)
        if set[byte(s, at - 1) or 0] or not set[byte(s, at) or 0] then return nil end
      else -- back reference
        local number = item.number
        if number == 0 or number > level or not ends[number] or ends[number] == "position" then
          error("invalid capture index %" .. number, 0)
        end
        local part = sub(s, starts[number], ends[number] - 1)
        if sub(s, at, at + #part - 1) ~= part then return nil end
        at = at + #part
      end
      i = i + 1
    end
  end

  local function run(start)
    level = 0
    return step(1, start)
  end

  local function capture(number, start, stop)
    if number > level then
      if number == 1 then return sub(s, start, stop - 1) end
      error("invalid capture index %" .. number, 0)
    end
    if ends[number] == "position" then return starts[number] end
    if not ends[number] then error("unfinished capture", 0) end
    return sub(s, starts[number], ends[number] - 1)
  end

  -- All captures; the whole match where there is none and `whole` is wanted.
  local function captures(start, stop, whole)
    local n = level
    if n == 0 and whole then return sub(s, start, stop - 1) end
    local values = {}
    for number = 1, n do values[number] = capture(number, start, stop) end
    return unpack(values, 1, n)
  end

  return run, captures, capture
end

local function first_position(init, length)
  init = init == nil and 1 or (tointeger(tonumber(init)) or error("number has no integer representation", 3))
  if init < 0 then
    init = length + init + 1
    if init < 1 then init = 1 end
  elseif init == 0 then
    init = 1
  end
  return init
end

local function slow_find(s, items, init, wants_positions)
  init = first_position(init, #s)
  if init > #s + 1 then return nil end
  local run, captures = matcher(s, items)
  for start = init, items.anchored and init or #s + 1 do
    local stop = run(start)
    if stop then
      if wants_positions then return start, stop - 1, captures(start, stop, false) end
      return captures(start, stop, true)
    end
  end
  return nil
end

K.patterns = { first_position = first_position, matcher = matcher, quick = quick, slow_find = slow_find }

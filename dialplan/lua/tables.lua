-- The table library. Inside C a walk over a table with metamethods may be endless without one instruction of Lua; such
-- walks are made here, and what C does with each element of a long table is charged.

local K = ...
local table, math = table, math
local charge, heavy, libraries, MAX_WALK = K.charge, K.heavy, K.libraries, K.MAX_WALK
local error, rawlen, select, tonumber, type = error, rawlen, select, tonumber, type
local raw_getmetatable, tointeger = debug.getmetatable, math.tointeger

local lib_table = { pack = table.pack }
libraries.table = lib_table

-- From so many elements on, what C does with each of them is charged.
local MANY = 1000

local function charge_for(list, first, last)
  local n = (tointeger(last) or rawlen(list)) - (tointeger(first) or 1)
  if n <= MANY then return end
  charge(math.min(n, MAX_WALK) // 4) -- Lua itself refuses to hand over more
  heavy()
end

function lib_table.unpack(list, first, last)
  if type(list) == "table" then charge_for(list, first, last) end
  return table.unpack(list, first, last)
end

local function plain(value)
  local meta = type(value) == "table" and raw_getmetatable(value)
  return not meta
end

function lib_table.concat(list, separator, first, last)
  if plain(list) then
    if type(list) == "table" then charge_for(list, first, last) end
    return table.concat(list, separator, first, last)
  end
  first, last = first or 1, last or #list
  local copy, n = {}, 0
  for i = first, last do
    n = n + 1
    if n > MAX_WALK then error("table too large to concatenate", 2) end
    copy[n] = list[i]
  end
  return table.concat(copy, separator, 1, n)
end

function lib_table.insert(list, ...)
  if plain(list) then
    if type(list) == "table" and select("#", ...) > 1 then charge_for(list) end
    return table.insert(list, ...)
  end
  local n = #list + 1
  local count = select("#", ...)
  if count == 1 then
    list[n] = (...)
  elseif count == 2 then
    local position, value = ...
    if type(position) ~= "number" or position < 1 or position > n then
      error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    for i = n, position + 1, -1 do list[i] = list[i - 1] end
    list[position] = value
  else
    error("wrong number of arguments to 'insert'", 2)
  end
end

function lib_table.remove(list, position)
  if plain(list) then
    if position == nil then return table.remove(list) end
    if type(list) == "table" then charge_for(list) end
    return table.remove(list, position)
  end
  local n = #list
  position = position or n
  if n + 1 == position or (n == 0 and position == 0) then
    local value = list[position]
    list[position] = nil
    return value
  end
  if position < 1 or position > n + 1 then error("bad argument #2 to 'remove' (position out of bounds)", 2) end
  local value = list[position]
  for i = position, n - 1 do list[i] = list[i + 1] end
  list[n] = nil
  return value
end

function lib_table.move(from, first, last, target, to)
  if tonumber(first) and tonumber(last) and last - first > MAX_WALK then error("too many elements to move", 2) end
  heavy()
  if to == nil then return table.move(from, first, last, target) end
  return table.move(from, first, last, target, to)
end

-- Texts of this length and more are compared by a function of Lua's, which the hook can end: C would compare the same
-- long text with itself as often as it stands in the list.
local LONG = 256

local function less(one, other) return one < other end

local function has_long(list, n)
  for i = 1, n do
    local value = list[i]
    if type(value) == "string" and #value >= LONG then return true end
  end
  return false
end

local function sort(list, n, compare)
  if compare == nil and n > 16 then
    if has_long(list, n) then compare = less else heavy() end
  end
  return table.sort(list, compare)
end

function lib_table.sort(list, compare)
  if type(list) ~= "table" then return table.sort(list, compare) end
  local n = #list
  if type(n) ~= "number" or n > MAX_WALK then error("table too large to sort", 2) end
  if n > 256 then charge(n * math.ceil(math.log(n, 2))) end
  if plain(list) then return sort(list, n, compare) end
  local copy = {}
  for i = 1, n do copy[i] = list[i] end
  sort(copy, n, compare)
  for i = 1, n do list[i] = copy[i] end
end

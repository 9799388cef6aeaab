-- The table library. Inside C a walk over a table with metamethods may be endless without one instruction of Lua; such
-- walks are made here, and what C does with each element of a long table is done in parts, between which others run.

local K = ...
local table, math = table, math
local heavy, libraries, MAX_WALK = K.heavy, K.libraries, K.MAX_WALK
local collectgarbage, error, pcall, rawlen, select, tonumber, type =
  collectgarbage, error, pcall, rawlen, select, tonumber, type
local raw_getmetatable, tointeger = debug.getmetatable, math.tointeger

local lib_table = { pack = table.pack }
libraries.table = lib_table

-- From so many elements on, time is looked at before C walks over them.
local MANY = 1000
-- Elements that C puts together at a time.
local PART = 10000

local function length(list, first, last)
  return (tointeger(last) or rawlen(list)) - (tointeger(first) or 1) + 1
end

local function look_at(list, first, last)
  if type(list) == "table" and length(list, first, last) > MANY then heavy() end
end

function lib_table.unpack(list, first, last)
  look_at(list, first, last)
  return table.unpack(list, first, last)
end

local function plain(value)
  local meta = type(value) == "table" and raw_getmetatable(value)
  return not meta
end

-- As table.concat, whose buffers are not what makes the collector run.
local function joined(...)
  local ok, text = pcall(table.concat, ...)
  if ok then return text end
  if text ~= "not enough memory" then error(text, 0) end
  collectgarbage()
  return table.concat(...)
end

K.joined = joined

local function concat_parts(list, separator, first, last)
  local parts, n = {}, 0
  for from = first, last, PART do
    heavy()
    n = n + 1
    parts[n] = joined(list, separator, from, math.min(from + PART - 1, last))
  end
  heavy()
  return joined(parts, separator)
end

function lib_table.concat(list, separator, first, last)
  if plain(list) then
    if type(list) == "table" and length(list, first, last) > PART then
      return concat_parts(list, separator, tointeger(first) or 1, tointeger(last) or rawlen(list))
    end
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
    if select("#", ...) > 1 then look_at(list) end
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
    look_at(list)
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

-- Lists that C sorts: it can be interrupted nowhere, neither in a function that compares nor between, and would compare
-- the same long text with itself as often as it stands in the list. All others are sorted here.
local SHORT_LIST, SHORT_TEXT = 500, 256

local function quick(list, n)
  if n > SHORT_LIST then return false end
  for i = 1, n do
    local value = list[i]
    local kind = type(value)
    if kind == "table" or kind == "string" and #value >= SHORT_TEXT then return false end
  end
  return true
end

local function less(one, other) return one < other end

-- Sorted runs of so many elements are merged.
local RUN = 8

local function sort_runs(list, n, compare)
  for first = 1, n, RUN do
    for i = first + 1, math.min(first + RUN - 1, n) do
      local value, to = list[i], i
      while to > first and compare(value, list[to - 1]) do to = to - 1 end
      for at = i, to + 1, -1 do list[at] = list[at - 1] end
      list[to] = value
    end
  end
end

-- Merges list[first..middle] and list[middle + 1..last], which both are sorted. A comparison that fails leaves all there.
local function merge(list, merged, first, middle, last, compare)
  local one, other = first, middle + 1
  for i = first, last do
    if other > last or one <= middle and not compare(list[other], list[one]) then
      merged[i - first + 1] = list[one]
      one = one + 1
    else
      merged[i - first + 1] = list[other]
      other = other + 1
    end
  end
  heavy()
  table.move(merged, 1, last - first + 1, first, list)
end

local function merge_sort(list, n, compare)
  sort_runs(list, n, compare)
  local merged, width = {}, RUN
  while width < n do
    for first = 1, n - width, 2 * width do
      merge(list, merged, first, first + width - 1, math.min(first + 2 * width - 1, n), compare)
    end
    width = 2 * width
  end
end

function lib_table.sort(list, compare)
  if type(list) ~= "table" then return table.sort(list, compare) end
  local n = #list
  if type(n) ~= "number" or n > MAX_WALK then error("table too large to sort", 2) end
  if compare ~= nil and type(compare) ~= "function" then return table.sort(list, compare) end -- which says what is wrong
  if not plain(list) then
    local copy = {}
    for i = 1, n do copy[i] = list[i] end
    merge_sort(copy, n, compare or less)
    for i = 1, n do list[i] = copy[i] end
  elseif compare == nil and quick(list, n) then
    table.sort(list)
  else
    merge_sort(list, n, compare or less)
  end
end

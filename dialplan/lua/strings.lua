-- The string library: its patterns are those of patterns.lua, and long texts are worked on in parts, between which others
-- run.

local K = ...
local string, math, table = string, math, table
local byte, char, sub, rep = string.byte, string.char, string.sub, string.rep
local c_find, c_match, c_gmatch, c_gsub, c_format =
  string.find, string.match, string.gmatch, string.gsub, string.format
local error, select, tonumber, tostring, tpack, type, unpack =
  error, select, tonumber, tostring, table.pack, type, table.unpack
local tointeger = math.tointeger
local first_position, matcher, quick, slow_find =
  K.patterns.first_position, K.patterns.matcher, K.patterns.quick, K.patterns.slow_find
local heavy, joined, LONG, MAX_STRING = K.heavy, K.joined, K.LONG, K.MAX_STRING

-- Subject times pattern that a plain search compares at a time, at the worst.
local MAX_PLAIN = 10000000
-- Bytes that C changes at a time.
local PART = 1 << 18
-- Bytes that C quotes at a time.
local QUOTED_PART = 1 << 16
-- Bytes of what says how values are packed or formatted.
local MAX_FORMAT = 1 << 16

local function text(value, number, name)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return tostring(value) end
  error(("bad argument #%d to '%s' (string expected, got %s)"):format(number, name, value == nil and "no value" or kind), 3)
end

-- A search for `p` as it is written: in a long text part by part, each of which overlaps the next by the length of `p`.
local function plain_find(s, p, init)
  if #s * #p <= MAX_PLAIN then
    if #s > LONG then heavy() end
    return c_find(s, p, init, true)
  end
  local at = first_position(init, #s)
  local part = MAX_PLAIN // #p + #p
  while at + #p - 1 <= #s do
    heavy()
    local first, last = c_find(sub(s, at, at + part - 1), p, 1, true)
    if first then return first + at - 1, last + at - 1 end
    at = at + part - #p + 1
  end
  return nil
end

-- What a match is replaced by: what `replacement` gives for its captures, or for the whole.
local function replaced(replacement, whole, ...)
  local value
  if select("#", ...) > 0 then value = replacement(...) else value = replacement(whole) end
  if not value then return whole end
  if type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 3)
  end
  return value
end

-- gsub with a function, which C would call where it can be interrupted nowhere.
local function call_for_each(s, p, replacement, most)
  local anchored = byte(p, 1) == 94
  local out, n, at, count, last_end = {}, 0, 1, 0, nil
  local from = 1 -- what is before it is in `out`
  while count < most and at <= #s + 1 do
    local found = tpack(c_find(s, p, at))
    local first, stop = found[1], found[2]
    if not first then break end
    if stop + 1 == last_end then -- nothing, where the match before has ended
      at = at + 1
    else
      out[n + 1] = sub(s, from, first - 1)
      out[n + 2] = replaced(replacement, sub(s, first, stop), unpack(found, 3, found.n))
      n = n + 2
      count = count + 1
      from, at, last_end = stop + 1, stop + 1, stop + 1
    end
    if anchored then break end
  end
  out[n + 1] = sub(s, from)
  return table.concat(out), count
end

-- The library ------------------------------------------------------------------------------------------------------

local M = {}

for _, name in ipairs { "char", "len", "sub" } do M[name] = string[name] end
M.byte = K.watched(string.byte)

for _, name in ipairs { "lower", "reverse", "upper" } do
  local body = string[name]
  M[name] = function(s)
    if type(s) ~= "string" or #s <= PART then return body(s) end
    local parts, n = {}, 0
    for at = 1, #s, PART do
      heavy()
      n = n + 1
      parts[n] = body(sub(s, at, at + PART - 1))
    end
    if name == "reverse" then
      for i = 1, n // 2 do parts[i], parts[n + 1 - i] = parts[n + 1 - i], parts[i] end
    end
    return joined(parts)
  end
end

for _, name in ipairs { "packsize", "unpack" } do
  local body = string[name]
  M[name] = function(form, ...)
    if type(form) == "string" and #form > MAX_FORMAT then error("format too long", 2) end
    return body(form, ...)
  end
end

-- A long text as "%q" writes it. A control character before a digit is written otherwise than before another one.
local function quoted(s)
  local parts, n, at = {}, 0, 1
  while at <= #s do
    heavy()
    local stop = at + QUOTED_PART - 1
    if c_find(s, "^%c%d", stop) then stop = stop + 1 end
    n = n + 1
    parts[n] = sub(c_format("%q", sub(s, at, stop)), 2, -2)
    at = stop + 1
  end
  parts[1], parts[n] = '"' .. parts[1], parts[n] .. '"'
  return joined(parts)
end

-- The values of `form` with those that "%q" would quote for long quoted already, and `form` for them.
local function quoted_first(form, ...)
  local values, n = tpack(...), 0
  form = call_for_each(form, "%%([-+ #0]*%d*%.?%d*)(.)", function(how, kind)
    if kind == "%" then return nil end
    n = n + 1
    local value = values[n]
    if kind == "q" and how == "" and type(value) == "string" and #value > QUOTED_PART then
      values[n] = quoted(value)
      return "%s"
    end
  end, #form)
  return form, unpack(values, 1, values.n)
end

-- What these make may be long although the first text is not.
local function look_at_long(form, ...)
  if type(form) ~= "string" then return end
  if #form > MAX_FORMAT then error("format too long", 3) end
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "string" and #value > LONG then
      heavy()
      return true
    end
  end
end

function M.pack(form, ...)
  look_at_long(form, ...)
  return string.pack(form, ...)
end

function M.format(form, ...)
  if look_at_long(form, ...) and c_find(form, "%q", 1, true) then return c_format(quoted_first(form, ...)) end
  return c_format(form, ...)
end

function M.rep(s, n, separator)
  if type(s) == "string" and type(n) == "number" then
    local unit = #s + (type(separator) == "string" and #separator or 0)
    if unit == 0 then return "" end
    if n * unit > MAX_STRING then error("resulting string too large", 2) end
  end
  return rep(s, n, separator)
end

function M.find(s, p, init, plain)
  s, p = text(s, 1, "find"), text(p, 2, "find")
  if plain then return plain_find(s, p, init) end
  local ok, items = quick(p, #s)
  if ok then return c_find(s, p, init) end
  return slow_find(s, items, init, true)
end

function M.match(s, p, init)
  s, p = text(s, 1, "match"), text(p, 2, "match")
  local ok, items = quick(p, #s)
  if ok then return c_match(s, p, init) end
  return slow_find(s, items, init, false)
end

function M.gmatch(s, p, init)
  s, p = text(s, 1, "gmatch"), text(p, 2, "gmatch")
  -- In gmatch a leading '^' is no anchor; the C function then matches it as a character.
  local ok, items = quick(byte(p, 1) == 94 and "%" .. p or p, #s)
  if ok then
    local advance = c_gmatch(s, p, init)
    -- The iterator itself is C's; a function of ours around it keeps its state out of other hands.
    return function() return advance() end
  end
  local at, last_end = first_position(init, #s), nil
  local run, captures = matcher(s, items)
  return function()
    for start = at, #s + 1 do
      local stop = run(start)
      if stop and stop ~= last_end then
        at, last_end = stop, stop
        return captures(start, stop, true)
      end
    end
    at = #s + 2
    return nil
  end
end

local function expand(replacement, s, start, stop, capture)
  local out, i = {}, 1
  while true do
    local percent = c_find(replacement, "%", i, true)
    if not percent then break end
    out[#out + 1] = sub(replacement, i, percent - 1)
    local code = byte(replacement, percent + 1)
    if code == 37 then
      out[#out + 1] = "%"
    elseif code == 48 then
      out[#out + 1] = sub(s, start, stop - 1)
    elseif code and code >= 49 and code <= 57 then
      out[#out + 1] = tostring(capture(code - 48, start, stop))
    else
      error("invalid use of '%' in replacement string", 0)
    end
    i = percent + 2
  end
  out[#out + 1] = sub(replacement, i)
  return table.concat(out)
end

function M.gsub(s, p, replacement, most)
  s, p = text(s, 1, "gsub"), text(p, 2, "gsub")
  local ok, items = quick(p, #s)
  if ok then
    if type(replacement) == "function" and (most == nil or tointeger(most)) then
      return call_for_each(s, p, replacement, most == nil and #s + 1 or tointeger(most))
    end
    if most == nil then return c_gsub(s, p, replacement) end
    return c_gsub(s, p, replacement, most)
  end
  local kind = type(replacement)
  if kind == "number" then replacement, kind = tostring(replacement), "string" end
  if kind ~= "string" and kind ~= "table" and kind ~= "function" then
    error("bad argument #3 to 'gsub' (string/function/table expected, got " .. kind .. ")", 2)
  end
  most = most == nil and #s + 1 or tointeger(tonumber(most))
  local run, captures, capture = matcher(s, items)
  local out, at, count, last_end = {}, 1, 0, nil
  while count < most do
    local stop = run(at)
    if stop and stop ~= last_end then
      count = count + 1
      local value
      if kind == "string" then
        value = expand(replacement, s, at, stop, capture)
      elseif kind == "table" then
        value = replacement[capture(1, at, stop)]
      else
        value = replacement(captures(at, stop, true))
      end
      if not value then
        value = sub(s, at, stop - 1)
      elseif type(value) ~= "string" and type(value) ~= "number" then
        error("invalid replacement value (a " .. type(value) .. ")", 2)
      end
      out[#out + 1] = tostring(value)
      at, last_end = stop, stop
    elseif at <= #s then
      out[#out + 1] = sub(s, at, at)
      at = at + 1
    else
      break
    end
    if items.anchored then break end
  end
  out[#out + 1] = sub(s, at)
  return table.concat(out), count
end

K.seal_strings(M)

-- For developers' tools: which functions the extensions are and where they stand, which lines have run, and where a
-- call is now. The exchange itself does not load this part.

local K = ...
local getinfo, getupvalue, raw_getmetatable = debug.getinfo, debug.getupvalue, debug.getmetatable
local next, pairs, rawget, select, tostring, type = next, pairs, rawget, select, tostring, type
local pack, concat, sort = string.pack, table.concat, table.sort

local T = {}
K.tools = T

local function field(text) return pack("<s4", text) end

local function own(source) return source:sub(1, 10) == "=(obelisk " or source == "=[C]" end
local function file_of(source) return source:sub(1, 1) == "@" and source:sub(2) or source end

-- Functions of extensions -----------------------------------------------------------------------------------------

-- One record for each extension of the call's environment: context, name, kind, file, first line, last line.
function T.functions(number)
  local record = K.record(number)
  K.enter(record.env)
  local extensions = rawget(record.env, "extensions")
  local out = {}
  for context, entries in pairs(type(extensions) == "table" and extensions or {}) do
    for name, value in pairs(type(entries) == "table" and entries or {}) do
      local text = tostring(name)
      if text:lower() ~= "include" and (type(name) == "string" or type(name) == "number") then
        local kind, file, first, last = type(value), "", 0, 0
        if kind == "function" then
          local info = getinfo(value, "S")
          file, first, last = file_of(info.source), info.linedefined, info.lastlinedefined
        elseif (raw_getmetatable(value) or {}).__call then
          kind = "function"
        end
        out[#out + 1] = field(context) .. field(text) .. field(kind) .. field(file) .. field(tostring(first))
          .. field(tostring(last))
      end
    end
  end
  return concat(out)
end

-- Lines -----------------------------------------------------------------------------------------------------------

local seen = {} -- source to line to true

-- Notes each line that runs from now on, in every call.
function T.watch()
  local hook = K.hook
  K.watch(function(event, line)
    if event ~= "line" then return hook() end
    local source = getinfo(2, "S").source
    local lines = seen[source]
    if not lines then
      lines = {}
      seen[source] = lines
    end
    lines[line] = true
  end)
end

local function records(lines_of)
  local out = {}
  for source, lines in next, lines_of do
    if not own(source) then
      local list = {}
      for line in next, lines do list[#list + 1] = line end
      sort(list)
      out[#out + 1] = field(file_of(source)) .. field(concat(list, ","))
    end
  end
  return concat(out)
end

-- The lines that have run: file and line numbers.
function T.lines_run() return records(seen) end

-- The lines with code in every function that the call's environment reaches.
function T.lines_there(number)
  local found, visited = {}, {}
  local pending = { K.record(number).env }
  while #pending > 0 do
    local value = table.remove(pending)
    if not visited[value] then
      visited[value] = true
      if type(value) == "function" then
        local info = getinfo(value, "SL")
        if info.what ~= "C" and not own(info.source) then
          local lines = found[info.source] or {}
          found[info.source] = lines
          for line in next, info.activelines or {} do
            -- The line of `end` is code of its own, and nobody's.
            if line ~= info.lastlinedefined or line == info.linedefined then lines[line] = true end
          end
          for i = 1, 255 do
            local name, upvalue = getupvalue(value, i)
            if not name then break end
            if type(upvalue) == "function" or type(upvalue) == "table" then pending[#pending + 1] = upvalue end
          end
        end
      elseif type(value) == "table" then
        for key, each in next, value do
          if type(key) == "function" or type(key) == "table" then pending[#pending + 1] = key end
          if type(each) == "function" or type(each) == "table" then pending[#pending + 1] = each end
        end
      end
    end
  end
  return records(found)
end

-- Where a call is: file and line of the script's innermost frame, or nothing.
function T.where(number)
  local record = K.record(number)
  local co = record and record.co
  if not co then return "" end
  for level = 0, 40 do
    local info = getinfo(co, level, "Sl")
    if not info then break end
    if info.currentline > 0 and not own(info.source) then return file_of(info.source) .. ":" .. info.currentline end
  end
  return ""
end

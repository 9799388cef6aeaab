-- For developers' tools: which functions the extensions are and where they stand, which lines have run, and where a
-- call is now. The exchange itself does not load this part.

local K = ...
local getinfo, getupvalue, raw_getmetatable = debug.getinfo, debug.getupvalue, debug.getmetatable
local next, pairs, rawget, tostring, type = next, pairs, rawget, tostring, type
local pack, concat, remove, sort = string.pack, table.concat, table.remove, table.sort

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

local seen = {} -- source to first line of a function to lines of it to true

-- The budget of instructions that a line is charged with: what this hook runs itself is counted as well, and mostly takes
-- the place of the script's own.
local LINE_CHARGE = 10

-- Notes each line that runs in calls that begin from now on.
function T.watch()
  local hook, charge = K.hook, K.charge
  K.watch(function(event, line)
    if event ~= "line" then return hook() end
    charge(LINE_CHARGE)
    local info = getinfo(2, "S")
    local functions = seen[info.source]
    if not functions then
      functions = {}
      seen[info.source] = functions
    end
    local lines = functions[info.linedefined]
    if not lines then
      lines = {}
      functions[info.linedefined] = lines
    end
    lines[line] = true
  end)
end

-- A record for each function: file, its first line, the lines.
local function records(found)
  local out = {}
  for source, functions in next, found do
    for first, lines in next, own(source) and {} or functions do
      local list = {}
      for line in next, lines do list[#list + 1] = line end
      sort(list)
      out[#out + 1] = field(file_of(source)) .. field(tostring(first)) .. field(concat(list, ","))
    end
  end
  return concat(out)
end

-- The lines that have run.
function T.lines_run() return records(seen) end

-- The lines with code of every function that the call's environment reaches.
function T.lines_there(number)
  local found, visited = {}, {}
  local pending = { K.record(number).env }
  local function visit(value)
    local kind = type(value)
    if (kind == "function" or kind == "table") and not visited[value] then
      visited[value] = true
      pending[#pending + 1] = value
    end
  end
  while #pending > 0 do
    local value = remove(pending)
    if type(value) == "table" then
      for key, each in next, value do
        visit(key)
        visit(each)
      end
    else
      local info = getinfo(value, "SL")
      if info.what ~= "C" and not own(info.source) then
        local functions = found[info.source] or {}
        found[info.source] = functions
        local lines = functions[info.linedefined] or {}
        functions[info.linedefined] = lines
        for line in next, info.activelines or {} do
          -- The line of `end` is code of its own, and nobody's.
          if line ~= info.lastlinedefined or line == info.linedefined then lines[line] = true end
        end
        for i = 1, 255 do
          local name, upvalue = getupvalue(value, i)
          if not name then break end
          visit(upvalue)
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

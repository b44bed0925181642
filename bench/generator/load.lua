-- What wrk sends, and what it prints at the end. Arguments: the host, then as many numbers and words as `wrk.ts` gives.

local words, number = {}, 0

-- The numbers of some paths, in turn or at random. `template` has `{n}` in the place of the number, or nowhere.
local function source(template, first, count, order)
  local before, after = template:match("^(.*){n}(.*)$")
  local turn = 0
  return function()
    local n = first
    if count > 1 then
      if order == "random" then n = first + math.random(0, count - 1) else n = first + turn % count end
      turn = turn + 1
    end
    if before == nil then return template, n end
    return before .. string.format("%d", n) .. after, n
  end
end

-- As `childOf` in `servers/representations.ts`.
local function child(n)
  local head = string.format('{"id":%d,"parentId":%d,"text":"', n, math.floor(n / 10))
  return head .. string.rep("x", 1024 - #head - 2) .. '"}'
end

local function encode(method, path, fields, body)
  if body == nil then return method .. " " .. path .. " HTTP/1.1\r\n" .. fields .. "\r\n" end
  return method .. " " .. path .. " HTTP/1.1\r\n" .. fields .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function init(args)
  local method, fields, withBody = args[1], args[2], args[3] == "child"
  local paths = source(args[4], tonumber(args[5]), tonumber(args[6]), args[7])
  local every = tonumber(args[8])
  local written = every > 0 and source(args[9], tonumber(args[10]), tonumber(args[11]), args[12]) or nil
  local fixed = nil
  if tonumber(args[6]) == 1 and not withBody and written == nil then fixed = encode(method, (paths()), fields) end
  local sent = 0
  math.randomseed(os.time())
  request = function()
    if fixed ~= nil then return fixed end
    sent = sent + 1
    if written ~= nil and sent % every == 0 then
      local path, n = written()
      return encode("PUT", path, fields .. "Content-Type: application/json\r\n", child(n))
    end
    local path, n = paths()
    return encode(method, path, fields, withBody and child(n) or nil)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"errors":%d,"cpuSeconds":%.3f}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, os.clock()
  ))
end

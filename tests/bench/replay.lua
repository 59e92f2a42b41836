-- Sends the requests of a file, one after another and again from the beginning.
-- Arguments: the file, and how many requests a second to send (0: as many as are answered).
-- In the file each request follows its length in bytes, as six digits.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } instant;
  int clock_gettime(int clock, instant *now);
]]
local MONOTONIC = 1
local instant = ffi.new("instant")
local requests

local function now_ms()
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) * 1000 + tonumber(instant.nanoseconds) / 1000000
end

function init(arguments)
  requests = assert(io.open(arguments[1], "rb"))
  local rate = tonumber(arguments[2])
  if rate > 0 then
    -- wrk asks before each request how long it should wait.
    local next_ms
    function delay()
      local now = now_ms()
      -- Who cannot keep up must not catch up later in one burst.
      next_ms = math.max((next_ms or now) + 1000 / rate, now - 5)
      return math.max(0, math.floor(next_ms - now + math.random()))
    end
  end
end

function request()
  local size = requests:read(6)
  if not size then
    requests:seek("set")
    size = requests:read(6)
  end
  return requests:read(tonumber(size))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "failed": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end

-- Shared by redeliver.lua and redeliver_conversions.lua: move the oldest entries out of a stream.
-- KEYS: 1 the stream, 2 where the entries go.
-- ARGV: 1 how many entries at most.
--
-- One step, so that an entry is never in both places, nor in none.
-- No allow-oom: dead letters can wait until Redis has room.
local function move(put)
  local moved = 0
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
    local of = {}
    for at = 1, #entry[2], 2 do of[entry[2][at]] = entry[2][at + 1] end
    put(of)
    redis.call('XDEL', KEYS[1], entry[1])
    moved = moved + 1
  end
  return moved
end

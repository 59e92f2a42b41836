#!lua flags=allow-oom
-- Delete consumers that hold no entry and have been idle for long.
-- KEYS: 1 the log.
-- ARGV: 1 the consumer group, 2 the milliseconds of idleness after which a consumer counts as gone.
-- Returns how many were deleted.
--
-- One step: a consumer that takes an entry between the look and the deletion would lose it, for deleting a
-- consumer drops what it holds.
-- allow-oom: it only frees memory.
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for at = 1, #consumer, 2 do of[consumer[at]] = consumer[at + 1] end
  if of.pending == 0 and of.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    forgotten = forgotten + 1
  end
end
return forgotten

#!lua flags=allow-oom
-- Acknowledge entries for a consumer group, and count them.
-- KEYS: 1 the log, 2 the totals (hash), 3 the count of this minute.
-- ARGV: 1 the consumer group, 2 the field of the totals that counts them, 3 for how many seconds the minute's
--       count is kept, then the ids of the entries.
-- Returns how many of the entries nobody had acknowledged before.
--
-- One step, so that each entry counts once, also when two consumers delivered it.
-- allow-oom: an acknowledged entry can be trimmed; it is how a full Redis gets room.
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 4))
if acknowledged > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[2], acknowledged)
  redis.call('INCRBY', KEYS[3], acknowledged)
  redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return acknowledged

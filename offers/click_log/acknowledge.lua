#!lua flags=allow-oom
-- Acknowledge delivered entries, and count them.
-- KEYS: 1 the log, 2 the totals (hash), 3 the count of this minute.
-- ARGV: 1 the consumer group, 2 for how many seconds the minute's count is kept, then the ids of the entries.
-- Returns how many of the entries nobody had acknowledged before.
--
-- One step, so that each entry counts once, also when two consumers delivered it.
-- allow-oom: an acknowledged entry can be trimmed; it is how a full Redis gets room.
local acknowledged = 0
for at = 3, #ARGV do acknowledged = acknowledged + redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]) end
if acknowledged > 0 then
  redis.call('HINCRBY', KEYS[2], 'delivered', acknowledged)
  redis.call('INCRBY', KEYS[3], acknowledged)
  redis.call('EXPIRE', KEYS[3], ARGV[2])
end
return acknowledged

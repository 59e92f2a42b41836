#!lua flags=allow-oom
-- Drop the oldest entries of a stream that is too long, and count them.
-- KEYS: 1 the stream, 2 the totals (hash).
-- ARGV: 1 how many entries stay, 2 the field of the totals that counts the dropped ones.
-- Returns how many were dropped.
--
-- One step, so that nothing is dropped without being counted.
-- allow-oom: it frees more memory than the count takes.
local dropped = redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', ARGV[1])
if dropped > 0 then redis.call('HINCRBY', KEYS[2], ARGV[2], dropped) end
return dropped

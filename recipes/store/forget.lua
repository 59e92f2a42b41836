-- Delete a generation, unless it is live.
-- KEYS: 1 live, 2 the generation.
-- ARGV: 1 the generation's number, 2 '1': only if it does not expire by itself.
-- Returns 1 if it was deleted, 0 if there is none or it expires, -1 if it is live.
--
-- One step: a load that ends meanwhile makes the generation live and takes its expiry away.
if redis.call('GET', KEYS[1]) == ARGV[1] then return -1 end
if ARGV[2] == '1' and redis.call('TTL', KEYS[2]) ~= -1 then return 0 end
return redis.call('UNLINK', KEYS[2])

-- Delete a hold if it is still the one that was read.
-- KEYS: 1 the hold.
-- ARGV: 1 the hold as it was read.
-- Returns how many were deleted.
--
-- One step: what somebody begins or decides after the reading takes the key, and must not be deleted with it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])

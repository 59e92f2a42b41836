-- Read records of the live generations, with the version they belong to.
-- KEYS: 1 the version, then `live` of each kind that is read. The generations' keys are made here.
-- ARGV: for each kind in turn its key prefix, the number of its records, and their ids.
-- Returns the version, and for each kind the records in order, or false where nothing of it is live.
--
-- One step: which generation is live, its records and the version belong together, whatever a load or an
-- update does meanwhile.
local answer, at = {tonumber(redis.call('GET', KEYS[1]) or 0)}, 1
for of = 2, #KEYS do
  local live, first, last = redis.call('GET', KEYS[of]), at + 2, at + 1 + ARGV[at + 1]
  answer[of] = live and redis.call('HMGET', ARGV[at] .. live, unpack(ARGV, first, last))
  at = last + 1
end
return answer

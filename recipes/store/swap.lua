-- Make a filled generation live: replay newer updates into it, tidy the journal, swap; runs behind announce.lua.
-- KEYS: 1 live, 2 the version, 3 the new generation, 4 its metadata, 5 the journal, 6 its times, 7 the file's time,
--       8 the digests, 9 the deletes.
-- ARGV: 1 the kind, 2 the new generation's number, 3 how many records were written into it, 4 the metadata,
--       5 the key prefix, 6 for how many seconds the old generation stays,
--       7 the file's time in ms ('' unknown), 8 updates from this time on are replayed (ms),
--       9 updates before this time are forgotten (ms), 10 the latest time that is believed (ms),
--       11 the number of older updates that stay although the file may be newer, then the ids of their records,
--       then the ids of the records whose digests are out of date.
-- Returns the new version, or -1 when the generation does not hold what was written, and -2 when a younger one is
-- live: then nothing is changed.
--
-- One step: an update comes either before it, and is in the journal for the replay, or after it, and is written
-- into the new generation. Between two steps it would be lost.
-- No allow-oom: where Redis is full, the load that fills the generation fails before this.
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[3]) then return -1 end
local old = redis.call('GET', KEYS[1])
if old and tonumber(old) > tonumber(ARGV[2]) then return -2 end
local next_version = tonumber(redis.call('GET', KEYS[2]) or 0) + 1
local function replay(record_id)
  local blob = redis.call('HGET', KEYS[5], record_id)
  if blob then
    write(KEYS[3], record_id, blob)
    changed(KEYS[3], record_id, next_version)
  end
end
for _, record_id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], ARGV[8], ARGV[10])) do replay(record_id) end
for at = 12, 11 + ARGV[11] do replay(ARGV[at]) end
for at = 12 + ARGV[11], #ARGV do redis.call('HDEL', KEYS[8], ARGV[at]) end
for _, record_id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', '(' .. ARGV[9])) do
  redis.call('HDEL', KEYS[5], record_id)
  redis.call('ZREM', KEYS[6], record_id)
  redis.call('HDEL', KEYS[8], record_id)
  redis.call('HDEL', KEYS[9], record_id)
end
redis.call('PERSIST', KEYS[3])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[4], ARGV[4])
if ARGV[7] ~= '' then redis.call('SET', KEYS[7], ARGV[7]) else redis.call('DEL', KEYS[7]) end
if old and old ~= ARGV[2] then
  redis.call('EXPIRE', ARGV[5] .. old, ARGV[6])
  redis.call('EXPIRE', ARGV[5] .. old .. ':changed', ARGV[6])
end
return announce(ARGV[1], cjson.null)

"""The steps that must happen at once, as Lua that Redis runs. `store.py` knows the keys and hands them in."""

CHANGES_CHANNEL = "recipe:changes"

# KEYS: version, and live of each kind. ARGV: for each kind its key prefix, how many records, and their ids.
# Gives the version and for each kind the records, or false where nothing is live.
READ = """
local answer, at = {tonumber(redis.call('GET', KEYS[1]) or 0)}, 1
for of = 2, #KEYS do
  local live, first, last = redis.call('GET', KEYS[of]), at + 2, at + 1 + ARGV[at + 1]
  answer[of] = live and redis.call('HMGET', ARGV[at] .. live, unpack(ARGV, first, last))
  at = last + 1
end
return answer
"""

_ANNOUNCE = f"""
local function announce(kind, record_id)
  local version = redis.call('INCR', KEYS[2])
  local message = cjson.encode({{version = version, kind = kind, record_id = record_id}})
  redis.call('PUBLISH', '{CHANGES_CHANNEL}', message)
  return version
end
local function write(generation, record_id, blob)
  if blob == '' then redis.call('HDEL', generation, record_id)
  else redis.call('HSET', generation, record_id, blob) end
end
local function changed(generation, record_id, version)
  redis.call('ZADD', generation .. ':changed', version, record_id)
end
"""

# KEYS: live, version, new generation, meta, journal, times, file time.
# ARGV: kind, generation, records written, meta, prefix, seconds an old generation stays,
#       the file's time in ms ('' unknown), replay updates from here on (ms), forget updates before here (ms).
SWAP = (
    _ANNOUNCE
    + """
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[3]) then return -1 end
local next_version = tonumber(redis.call('GET', KEYS[2]) or 0) + 1
for _, record_id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], ARGV[8], '+inf')) do
  write(KEYS[3], record_id, redis.call('HGET', KEYS[5], record_id))
  changed(KEYS[3], record_id, next_version)
end
for _, record_id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', '(' .. ARGV[9])) do
  redis.call('HDEL', KEYS[5], record_id)
  redis.call('ZREM', KEYS[6], record_id)
end
local old = redis.call('GET', KEYS[1])
redis.call('PERSIST', KEYS[3])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[4], ARGV[4])
if ARGV[7] ~= '' then redis.call('SET', KEYS[7], ARGV[7]) else redis.call('DEL', KEYS[7]) end
if old and old ~= ARGV[2] then
  redis.call('EXPIRE', ARGV[5] .. old, ARGV[6])
  redis.call('EXPIRE', ARGV[5] .. old .. ':changed', ARGV[6])
end
return announce(ARGV[1], cjson.null)
"""
)

# KEYS: live, version, journal, times, file time.
# ARGV: kind, record id, record ('' deletes), prefix, the update's time in ms, overlap in ms.
UPDATE = (
    _ANNOUNCE
    + """
local at, known = tonumber(ARGV[5]), redis.call('ZSCORE', KEYS[4], ARGV[2])
if known then
  if at < tonumber(known) then return {'stale', 0} end
  if at == tonumber(known) and redis.call('HGET', KEYS[3], ARGV[2]) == ARGV[3] then return {'repeated', 0} end
else
  local file_at = redis.call('GET', KEYS[5])
  if file_at and at < tonumber(file_at) - tonumber(ARGV[6]) then return {'stale', 0} end
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[4], at, ARGV[2])
local live = redis.call('GET', KEYS[1])
if not live then return {'kept', 0} end
write(ARGV[4] .. live, ARGV[2], ARGV[3])
local version = announce(ARGV[1], tonumber(ARGV[2]))
changed(ARGV[4] .. live, ARGV[2], version)
return {'applied', version}
"""
)

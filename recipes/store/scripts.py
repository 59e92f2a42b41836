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

# KEYS: live, version, new generation, meta, journal, times, file time, digests, deletes.
# ARGV: kind, generation, records written, meta, prefix, seconds an old generation stays,
#       the file's time in ms ('' unknown), replay updates from here on (ms), forget updates before here (ms),
#       the latest time that is believed (ms), how many updates stay though the file may be newer, the ids
#       of their records, then the ids of records whose digests are out of date.
SWAP = (
    _ANNOUNCE
    + """
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[3]) then return -1 end
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

# KEYS: live, version, journal, times, file time, digests, deletes.
# ARGV: kind, record id, record ('' deletes), prefix, the update's time in ms, overlap in ms, how much older
#       than the known save a delete may be (ms), the latest time that is believed (ms), SHA-1 of the live
#       record that the update was made for ('' none), digests of the record before and after.
# A delete carries another clock than the save before it and is always the older of the two, so it counts in
# the order of arrival, and is journaled with the later time, so that no replay brings the record back.
UPDATE = (
    _ANNOUNCE
    + """
local at, record_id, deletes = tonumber(ARGV[5]), ARGV[2], ARGV[3] == ''
local score = redis.call('ZSCORE', KEYS[4], record_id)
local known = score and tonumber(score)
-- What a wrong clock has stamped with a time to come is older than anything.
if known and known > tonumber(ARGV[8]) then known = nil end
local deleted_at = deletes and tonumber(redis.call('HGET', KEYS[7], record_id) or nil)
if deleted_at and deleted_at <= tonumber(ARGV[8]) then
  if at == deleted_at then return {'repeated', 0} end
  if at < deleted_at then return {'stale', 0} end
end
local journaled_at = at
if not known then
  local file_at = redis.call('GET', KEYS[5])
  if file_at and at < tonumber(file_at) - tonumber(ARGV[6]) then return {'stale', 0} end
elseif deletes then
  if at < known - tonumber(ARGV[7]) then return {'stale', 0} end
  journaled_at = math.max(at, known)
elseif at <= known then
  local last = redis.call('HGET', KEYS[3], record_id)
  if at == known and last == ARGV[3] then return {'repeated', 0} end
  if at < known or last == '' then return {'stale', 0} end
end
local live = redis.call('GET', KEYS[1])
local now = live and redis.call('HGET', ARGV[4] .. live, record_id)
if (now and redis.sha1hex(now) or '') ~= ARGV[9] then return {'changed', 0} end
redis.call('HSET', KEYS[3], record_id, ARGV[3])
redis.call('ZADD', KEYS[4], journaled_at, record_id)
if deletes then redis.call('HSET', KEYS[7], record_id, ARGV[5]) end
local digests = {ARGV[11]}
if ARGV[10] ~= ARGV[11] then digests[2] = ARGV[10] end
for digest in string.gmatch(redis.call('HGET', KEYS[6], record_id) or '', '[^,]+') do
  if digest ~= ARGV[10] and digest ~= ARGV[11] and #digests < 9 then digests[#digests + 1] = digest end
end
redis.call('HSET', KEYS[6], record_id, table.concat(digests, ','))
if not live then return {'kept', 0} end
write(ARGV[4] .. live, record_id, ARGV[3])
local version = announce(ARGV[1], tonumber(record_id))
changed(ARGV[4] .. live, record_id, version)
return {'applied', version}
"""
)

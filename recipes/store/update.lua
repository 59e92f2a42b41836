-- Decide whether an update is newer, journal it, and write its record into the live generation; runs behind
-- announce.lua.
-- KEYS: 1 live, 2 the version, 3 the journal, 4 its times, 5 the file's time, 6 the digests, 7 the deletes.
-- ARGV: 1 the kind, 2 the record's id, 3 the record ('' deletes), 4 the key prefix, 5 the update's time in ms,
--       6 by how much it may be older than the file (ms), 7 by how much a delete may be older than the known
--       save (ms), 8 the latest time that is believed (ms), 9 the SHA-1 of the live record that the update was
--       made for ('' none), 10 and 11 the digests of the record before and after.
-- Returns what became of it (the values of WriteOutcome), and the new version (0: nothing live has changed).
--
-- One step: the decision is made on what the write then changes, so of two writers of one record the second
-- finds the first one's record and tries again. No allow-oom: a full Redis refuses the first write, so nothing
-- is half done.
-- A delete carries another clock than the save before it and is always the older of the two, so it counts in
-- the order of arrival, and is journaled with the later time, so that no replay brings the record back.
local at, record_id, deletes = tonumber(ARGV[5]), ARGV[2], ARGV[3] == ''
local score = redis.call('ZSCORE', KEYS[4], record_id)
local known = score and tonumber(score)
local live = redis.call('GET', KEYS[1])
local now = live and redis.call('HGET', ARGV[4] .. live, record_id)
-- What a wrong clock has stamped with a time to come is older than anything.
if known and known > tonumber(ARGV[8]) then known = nil end
local deleted_at = deletes and tonumber(redis.call('HGET', KEYS[7], record_id) or nil)
if deleted_at and deleted_at <= tonumber(ARGV[8]) then
  if at == deleted_at then return {'repeated', 0} end
  if at < deleted_at then return {'stale', 0} end
end
local journaled_at = at
local file_at = redis.call('GET', KEYS[5])
local oldest = file_at and tonumber(file_at) - tonumber(ARGV[6])
-- A file that came after the journaled update, and whose record is live, is what an update has to be newer than.
if known and oldest and known < oldest and (now or '') ~= redis.call('HGET', KEYS[3], record_id) then known = nil end
if not known then
  if oldest and at < oldest then return {'stale', 0} end
elseif deletes then
  if at < known - tonumber(ARGV[7]) then return {'stale', 0} end
  journaled_at = math.max(at, known)
elseif at <= known then
  local last = redis.call('HGET', KEYS[3], record_id)
  if at == known and last == ARGV[3] then return {'repeated', 0} end
  if at < known or last == '' then return {'stale', 0} end
end
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

-- Shared by swap.lua and update.lua: write a record, and announce what changed.
-- KEYS: 2 the version.
-- ARGV: none.
--
-- The version rises and is published in the step that makes the change, so a worker that has read at a
-- version knows all changes up to it. The channel is CHANGES_CHANNEL in keys.py.
local function announce(kind, record_id)
  local version = redis.call('INCR', KEYS[2])
  local message = cjson.encode({version = version, kind = kind, record_id = record_id})
  redis.call('PUBLISH', 'recipe:changes', message)
  return version
end
local function write(generation, record_id, blob)
  if blob == '' then redis.call('HDEL', generation, record_id)
  else redis.call('HSET', generation, record_id, blob) end
end
local function changed(generation, record_id, version)
  redis.call('ZADD', generation .. ':changed', version, record_id)
end

#!lua flags=allow-oom
-- Move a consumer group behind entries that it is done with, and count them.
-- KEYS: 1 the log, 2 the totals (hash), 3 the count of this minute.
-- ARGV: 1 the consumer group, 2 the id that it is at, 3 the id that it moves to, 4 how many entries of the log's
--       whole life lie before that (-1 where that is unknown), 5 how many it is done with,
--       6 the field of the totals that counts them, 7 for how many seconds the minute's count is kept.
-- Returns 1 if it was moved, 0 if it is elsewhere: somebody else has moved it.
--
-- One step, so that each entry counts once, and no late run takes the group back.
-- allow-oom: an entry that no group needs can be trimmed; it is how a full Redis gets room.
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local of = {}
  for at = 1, #group, 2 do of[group[at]] = group[at + 1] end
  if of.name == ARGV[1] and of['last-delivered-id'] == ARGV[2] then
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3], 'ENTRIESREAD', ARGV[4])
    if ARGV[5] ~= '0' then
      redis.call('HINCRBY', KEYS[2], ARGV[6], ARGV[5])
      redis.call('INCRBY', KEYS[3], ARGV[5])
      redis.call('EXPIRE', KEYS[3], ARGV[7])
    end
    return 1
  end
end
return 0

#!lua flags=allow-oom
-- Move an entry that can never be delivered to the dead letters.
-- KEYS: 1 the log, 2 the dead letters (stream).
-- ARGV: 1 the consumer group, 2 the entry's id, 3 its click, 4 its `unique`, 5 the error.
--
-- One step, guarded by the acknowledgement: two consumers of one entry leave one dead letter, and a worker
-- that dies cannot have acknowledged an entry without keeping it here.
-- allow-oom: an entry that stays pending keeps everything behind it from being trimmed.
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('XADD', KEYS[2], '*', 'click', ARGV[3], 'unique', ARGV[4], 'error', ARGV[5])
end

#!lua flags=allow-oom
-- Forget conversion messages that were sent, and remember their lids.
-- KEYS: 1 the conversions (sorted set). The keys `clicks:conversions:sent:<lid>` are made here.
-- ARGV: 1 for how many seconds a lid is remembered, then a lid and its message for each message.
--
-- One step: between two, a replay of the spool could bring a message back.
-- allow-oom: else a message that was sent would stay, and be sent again.
for at = 2, #ARGV, 2 do
  redis.call('SET', 'clicks:conversions:sent:' .. ARGV[at], '', 'EX', ARGV[1])
  redis.call('ZREM', KEYS[1], ARGV[at + 1])
end

"""Steps of the click log that must happen at once, as Lua that Redis runs. `click_log.py` has the keys.

Redis refuses most writes when it uses more memory than it may. What delivery needs is allowed all the same
(`allow-oom`): it makes room.
"""

_ALLOW_OOM = "#!lua flags=allow-oom\n"

# Runs one command even where Redis has no memory left, for the few small keys that delivery writes.
# ARGV: the command and its arguments.
WRITE = _ALLOW_OOM + "return redis.call(unpack(ARGV))"

# KEYS: log, totals, this minute's count. ARGV: group, seconds that the count is kept, then the ids. An entry
# that two consumers delivered counts once.
ACKNOWLEDGE = (
    _ALLOW_OOM
    + """
local acknowledged = 0
for at = 3, #ARGV do acknowledged = acknowledged + redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]) end
if acknowledged > 0 then
  redis.call('HINCRBY', KEYS[2], 'delivered', acknowledged)
  redis.call('INCRBY', KEYS[3], acknowledged)
  redis.call('EXPIRE', KEYS[3], ARGV[2])
end
return acknowledged
"""
)

# Forget messages that were sent and remember their lids, in one step: between two steps, a replay of the
# spool could bring a message back. KEYS: conversions. ARGV: seconds that a lid is remembered, then a lid and
# its message each.
FORGET_SENT = (
    _ALLOW_OOM
    + """
for at = 2, #ARGV, 2 do
  redis.call('SET', 'clicks:conversions:sent:' .. ARGV[at], '', 'EX', ARGV[1])
  redis.call('ZREM', KEYS[1], ARGV[at + 1])
end
"""
)

# KEYS: log, dead letters. ARGV: group, id, click, unique, error.
SET_ASIDE = (
    _ALLOW_OOM
    + """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('XADD', KEYS[2], '*', 'click', ARGV[3], 'unique', ARGV[4], 'error', ARGV[5])
end
"""
)

# Between a look from outside and a deletion, a consumer could have come to hold an entry.
# KEYS: log. ARGV: group, milliseconds.
FORGET_CONSUMERS = (
    _ALLOW_OOM
    + """
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for at = 1, #consumer, 2 do of[consumer[at]] = consumer[at + 1] end
  if of.pending == 0 and of.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    forgotten = forgotten + 1
  end
end
return forgotten
"""
)

# Drops the oldest entries of a stream that has more than so many, and counts them.
# KEYS: the stream, totals. ARGV: how many stay, the counter's name.
DROP_OLDEST = (
    _ALLOW_OOM
    + """
local dropped = redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', ARGV[1])
if dropped > 0 then redis.call('HINCRBY', KEYS[2], ARGV[2], dropped) end
return dropped
"""
)

_MOVE = """
local moved = 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
  local of = {}
  for at = 1, #entry[2], 2 do of[entry[2][at]] = entry[2][at + 1] end
  %s
  redis.call('XDEL', KEYS[1], entry[1])
  moved = moved + 1
end
return moved
"""

# KEYS: dead letters, log. ARGV: how many.
REDELIVER = _MOVE % "redis.call('XADD', KEYS[2], '*', 'click', of.click or '', 'unique', of.unique or '')"

# They are due at once. KEYS: dead conversions, conversions. ARGV: how many.
REDELIVER_CONVERSIONS = _MOVE % "redis.call('ZADD', KEYS[2], 0, of.message)"

# Looks through some entries of a stream for the click of a lid, with which its record begins, without sending
# them all. Gives whether it was found, how many were looked at, and the entry, or else the last id looked at.
# KEYS: the stream. ARGV: XRANGE or XREVRANGE, its two ends, how many, the lid.
FIND = """
local mark = '{"lid":"' .. ARGV[5] .. '"'
local entries = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
for place, entry in ipairs(entries) do
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'click' and string.sub(entry[2][at + 1], 1, #mark) == mark then
      return {1, place, entry}
    end
  end
end
return {0, #entries, #entries > 0 and entries[#entries][1] or ''}
"""

-- Move the oldest dead letters back into the log; runs behind move.lua.
-- KEYS: 1 the dead letters (stream), 2 the log.
-- ARGV: 1 how many at most.
-- Returns how many were moved.
return move(function(of)
  redis.call('XADD', KEYS[2], '*', 'click', of.click or '', 'unique', of.unique or '')
end)
